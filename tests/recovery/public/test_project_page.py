"""The page of a project, as everybody and as its owners see it."""

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from common.clock import database_now
from recoverydesk.projects import published, services, showing
from recoverydesk.projects.importing import import_document, import_file
from recoverydesk.projects.models import About, File, Project, Release
from tests.helpers import factories, packages
from tests.helpers.projects import day, document, file_row

README = b"Metadata-Version: 2.4\nName: sample\nVersion: %s\nSummary: made for a test\nLicense-Expression: MIT\n" + (
    b"Requires-Python: >=3.9\nRequires-Dist: attrs>=20\nProject-URL: Source, https://github.com/ada/sample\n"
    b"Description-Content-Type: text/markdown\n\n# Hello\n\n<script>alert(1)</script>\n"
)


@pytest.fixture
def sample(db: None, tmp_path: Path, settings: Any) -> Project:
    """Two wheels of real bytes, the older one uploaded last."""
    settings.MEDIA_ROOT = tmp_path / "files"
    for version, on in (("1.10", "2024-05-01"), ("1.9", "2024-06-01")):
        path = tmp_path / packages.wheel_name(version=version)
        path.write_bytes(packages.wheel(version=version, metadata=README % version.encode()))
        import_file(path, uploaded_at=day(on))
    return Project.objects.get(name="sample")


def test_everybody_reads_the_newest_release(client: Client, sample: Project) -> None:
    html = client.get("/projects/sample/").content.decode()
    file = File.objects.get(release__version="1.10")
    for wanted in (
        "<h1>sample 1.10</h1>", "made for a test", "<dd>MIT</dd>", "<dd>&gt;=3.9</dd>", "<code>attrs&gt;=20</code>",
        '<h3 id="user-content-hello">Hello</h3>', f'href="/simple/sample/{file.filename}"', file.sha256,
        'rel="nofollow noopener noreferrer" href="https://github.com/ada/sample"', '<a href="?version=1.9">1.9</a>',
        "pip install -i http://localhost:8000/simple/ sample==1.10",
    ):  # fmt: skip
        assert wanted in html, wanted
    assert "alert(1)</script>" not in html
    assert "Counts:" not in html


def test_an_older_release_says_so(client: Client, sample: Project) -> None:
    html = client.get("/projects/sample/?version=1.9").content.decode()
    assert "<h1>sample 1.9</h1>" in html
    assert "This is not the newest release." in html
    assert client.get("/projects/sample/?version=9").status_code == 404


def test_a_yanked_release_says_why_and_is_not_the_newest(client: Client, sample: Project) -> None:
    sample.releases.filter(version="1.10").update(yanked=True, yanked_reason="breaks <things>")
    assert "<h1>sample 1.9</h1>" in client.get("/projects/sample/").content.decode()
    html = client.get("/projects/sample/?version=1.10").content.decode()
    assert "This release was yanked" in html
    assert "breaks &lt;things&gt;" in html


def test_another_spelling_is_sent_to_the_right_one(client: Client, sample: Project) -> None:
    for spelling in ("Sample", "SAMPLE"):
        answer = client.get(f"/projects/{spelling}/")
        assert (answer.status_code, answer["Location"]) == (301, "/projects/sample/")
    assert client.get("/projects/nothing/").status_code == 404
    assert client.get("/projects/-no-/").status_code == 404
    assert client.post("/projects/sample/").status_code == 405


def test_owners_alone_see_what_a_link_counts_for(client: Client, ada: User) -> None:
    recent = database_now() - timedelta(days=3)
    spam = factories.make_project(
        "spam", ada, urls=[("Source", "https://github.com/ada/spam"), ("Docs", "https://x.example/")]
    )
    urls = [
        ("Source", "https://github.com/ada/spam"), ("Repository", "https://github.com/eve/spam"),
        ("Documentation", "https://docs.example/"), ("Source Code", "javascript:alert(1)"),
    ]  # fmt: skip
    services.record_release(spam, version="2.0", uploaded_at=recent, urls=urls)
    factories.add_role(spam, factories.make_user("mia"), kind="maintainer")
    factories.add_role(spam, factories.make_user("ivo"), accepted=False)
    for name in ("", "mia", "ivo"):
        client.logout()
        if name:
            client.force_login(User.objects.get(username=name))
        html = client.get("/projects/spam/").content.decode()
        assert " count" not in html.split('<h2 id="links">')[1], name
        assert "Counts" not in html, name
    client.force_login(ada)
    html = " ".join(client.get("/projects/spam/").content.decode().split())
    assert "Counts: you would create a branch in a repository of ada at github.com." in html
    assert "Names eve at github.com since" in html
    assert html.count("Does not count:") == 2
    assert 'href="javascript' not in html


def test_a_page_asks_the_same_few_queries_at_any_size(client: Client, ada: User) -> None:
    for name, releases, files in (("few", 1, 1), ("many", 60, 10)):
        project = factories.make_project(name, ada, urls=[("Source", f"https://github.com/ada/{name}")], version="0")
        rows = [
            Release(project=project, version=f"1.{n}", uploaded_at=day("2024-05-01"), urls=[]) for n in range(releases)
        ]
        made = Release.objects.bulk_create(rows)
        File.objects.bulk_create(
            File(release=one, filename=f"{name}-{one.version}-{n}", packagetype="sdist", size=1, sha256="0" * 64,
                 uploaded_at=day("2024-05-01"))
            for one in made for n in range(files)
        )  # fmt: skip
    client.force_login(ada)
    counts = set()
    for name in ("few", "many"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(f"/projects/{name}/").status_code == 200
        counts.add(len(queries))
    assert len(counts) == 1
    assert max(counts) <= 15
    assert client.get("/projects/many/?page=4").content.count(b"?version=") == 61 - 3 * showing.ON_A_PAGE


def test_a_version_that_is_none_and_a_project_without_a_release_have_pages(client: Client, ada: User) -> None:
    spam, _created = services.ensure_project("spam", actor="system")
    assert "This project has no release." in client.get("/projects/spam/").content.decode()
    for version in ("1.0a1", "of/old days & so on"):
        services.record_release(spam, version=version, uploaded_at=day("2020-01-01"), urls=None)
    assert "<h1>spam 1.0a1</h1>" in client.get("/projects/spam/").content.decode()
    html = client.get("/projects/spam/?version=of/old+days+%26+so+on").content.decode()
    assert "<h1>spam of/old days &amp; so on</h1>" in html


def test_a_document_tells_about_its_newest_release_and_the_first_word_stands(db: None) -> None:
    told = document()
    told["info"] |= {
        "summary": "first\nline",
        "description": "text \ud800\x00",
        "license": "UNKNOWN",
        "requires_dist": ["a", 7],
    }
    import_document(told)
    told["info"] |= {"summary": "other", "project_urls": None}
    told["urls"] = [file_row("spam-1.0-py3-none-any.whl")]
    import_document(told)
    about = About.objects.get()
    assert (about.summary, about.description, about.license, about.requires) == ("first", "text ?", "", ["a"])


def test_nothing_a_file_says_about_itself_is_too_long_to_store() -> None:
    long = published.about(
        summary="a" * 9999,
        description="b" * 999_999,
        content_type="c" * 999,
        license_text="d" * 9999,
        requires=["e" * 9999] * 999,
    )
    About(release_id=1, **asdict(long)).clean_fields(exclude=["release"])
    assert (len(long.summary), len(long.content_type), len(long.license)) == (512, 100, 200)
    assert len(long.description) == published.DESCRIPTION_LENGTH
    assert len(long.requires) == published.MOST_REQUIREMENTS
