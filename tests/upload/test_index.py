"""The simple index, in both of its forms, and the files behind it."""

import hashlib
import html
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from recoverydesk.projects import project_status, withdrawals
from recoverydesk.projects.importing import import_file
from recoverydesk.projects.models import File, Project, Release
from tests.helpers import factories
from tests.helpers.packages import Send, metadata_of, sdist, sdist_name, stored_files, wheel, wheel_name

JSON = "application/vnd.pypi.simple.v1+json"
PIP = f"{JSON}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"


@pytest.fixture
def published(send: Send) -> None:
    assert send(wheel_name(), wheel()).status_code == 200
    assert send(sdist_name(version="1.10"), sdist(version="1.10"), of=("sample", "1.10")).status_code == 200


def test_pip_gets_json_with_hashes_sizes_and_times(client: Client, published: None) -> None:
    response = client.get("/simple/sample/", headers={"Accept": PIP})
    assert response.headers["Content-Type"] == JSON
    data = response.json()
    assert (data["meta"], data["name"], data["versions"]) == ({"api-version": "1.4"}, "sample", ["1.0", "1.10"])
    row = File.objects.get(filename=wheel_name())
    entry = data["files"][0]
    assert (entry["filename"], entry["hashes"], entry["size"], entry["requires-python"], entry["yanked"]) == (
        wheel_name(), {"sha256": row.sha256}, len(wheel()), ">=3.8", False,
    )  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["upload-time"])
    assert b"".join(client.get(entry["url"])) == wheel()


def test_a_browser_gets_a_page(client: Client, published: None) -> None:
    response = client.get("/simple/sample/", headers={"Accept": "text/html"})
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    row = File.objects.get(filename=wheel_name())
    wanted = f'<a href="/simple/sample/{wheel_name()}#sha256={row.sha256}"\ndata-requires-python="&gt;=3.8"\n'
    assert wanted in response.content.decode()


@pytest.mark.parametrize(
    ("accept", "query", "kind"),
    [
        ("*/*", "", "text/html; charset=utf-8"),
        ("application/vnd.pypi.simple.latest+json", "", JSON),
        ("application/vnd.pypi.simple.v1+html", "", "application/vnd.pypi.simple.v1+html; charset=utf-8"),
        ("text/html", f"?format={JSON}", JSON),
        ("image/png", "", "text/html; charset=utf-8"),
    ],
)
def test_the_client_chooses_the_form(client: Client, published: None, accept: str, query: str, kind: str) -> None:
    response = client.get(f"/simple/{query.replace('+', '%2B')}", headers={"Accept": accept})
    assert response.headers["Content-Type"] == kind
    assert "Accept" in response.headers["Vary"]


def test_the_root_lists_projects_with_files(client: Client, published: None, ada: User) -> None:
    factories.make_project("imported-only", ada)
    data = client.get("/simple/", headers={"Accept": JSON}).json()
    assert data["projects"] == [{"name": "sample"}]


def test_another_spelling_leads_to_the_right_one(client: Client, published: None) -> None:
    response = client.get("/simple/Sam.Ple/")
    assert (response.status_code, response.headers["Location"]) == (301, "/simple/sam-ple/")
    for nobody in ("nobody", "%00", "-", "a%20b"):
        assert client.get(f"/simple/{nobody}/").status_code == 404
        assert client.get(f"/simple/{nobody}/{nobody}").status_code == 404


def test_a_deleted_release_and_a_file_without_bytes_are_not_offered(client: Client, published: None) -> None:
    Release.objects.filter(version="1.10").update(deleted_at=factories.LONG_AGO)
    File.objects.filter(filename=wheel_name()).update(stored_as="")
    assert client.get("/simple/sample/", headers={"Accept": JSON}).json()["files"] == []
    for name in (wheel_name(), sdist_name(version="1.10")):
        assert client.get(f"/simple/sample/{name}").status_code == 404


def test_a_page_asks_a_fixed_number_of_questions(
    client: Client, published: None, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(3):
        client.get("/simple/sample/", headers={"Accept": JSON})


def test_a_wheels_metadata_lies_beside_it_with_its_hash(client: Client, published: None) -> None:
    metadata = metadata_of("sample", "1.0")
    sha256 = hashlib.sha256(metadata).hexdigest()
    wheel_entry, sdist_entry = client.get("/simple/sample/", headers={"Accept": JSON}).json()["files"]
    assert (wheel_entry["core-metadata"], "core-metadata" in sdist_entry) == ({"sha256": sha256}, False)
    page = client.get("/simple/sample/", headers={"Accept": "text/html"}).content.decode()
    assert page.count(f'data-core-metadata="sha256={sha256}"') == page.count("data-core-metadata") == 1
    response = client.get(f"{wheel_entry['url']}.metadata")
    assert (b"".join(response), response.headers["ETag"]) == (metadata, f'"{sha256}"')
    assert "immutable" in response.headers["Cache-Control"]


def test_metadata_is_only_where_a_wheel_of_ours_has_some(client: Client, published: None) -> None:
    wheel_at, sdist_at = f"/simple/sample/{wheel_name()}", f"/simple/sample/{sdist_name(version='1.10')}"
    for path in (f"{sdist_at}.metadata", f"{wheel_at}.metadata.metadata", "/simple/sample/.metadata"):
        assert client.get(path).status_code == 404
    File.objects.update(metadata_sha256="")  # published before there was any
    assert client.get(f"{wheel_at}.metadata").status_code == 404
    assert "core-metadata" not in client.get("/simple/sample/", headers={"Accept": JSON}).content.decode()
    assert b"".join(client.get(wheel_at)) == wheel()
    Release.objects.update(deleted_at=factories.LONG_AGO)
    assert client.get(f"{wheel_at}.metadata").status_code == 404


def test_an_imported_wheel_has_its_metadata_beside_it_too(client: Client, ada: User, tmp_path: Path) -> None:
    path = tmp_path / wheel_name()
    path.write_bytes(wheel())
    import_file(path, owner=ada, uploaded_at=factories.LONG_AGO)
    import_file(path, owner=ada, uploaded_at=factories.LONG_AGO)
    response = client.get(f"/simple/sample/{wheel_name()}.metadata")
    assert b"".join(response) == metadata_of("sample", "1.0")


REASON = """<script>alert("1")</script> & 'so' on"""


def test_a_yanked_file_says_why_in_both_forms(client: Client, published: None, ada: User) -> None:
    withdrawals.yank(File.objects.get(filename=wheel_name()), actor=ada, reason=REASON)
    wheel_entry, sdist_entry = client.get("/simple/sample/", headers={"Accept": JSON}).json()["files"]
    assert (wheel_entry["yanked"], sdist_entry["yanked"]) == (REASON, False)
    page = client.get("/simple/sample/", headers={"Accept": "text/html"}).content.decode()
    assert "<script" not in page
    assert [html.unescape(why) for why in re.findall(r'data-yanked="([^"]*)"', page)] == [REASON]


def test_a_yanked_release_yanks_each_of_its_files_later_ones_too(
    client: Client, published: None, send: Send, ada: User
) -> None:
    withdrawals.yank(Release.objects.get(version="1.0"), actor=ada)
    assert send(sdist_name(), sdist()).status_code == 200
    files = client.get("/simple/sample/", headers={"Accept": JSON}).json()["files"]
    assert {row["filename"]: row["yanked"] for row in files} == {
        wheel_name(): True, sdist_name(): True, sdist_name(version="1.10"): False,
    }  # fmt: skip
    page = client.get("/simple/sample/", headers={"Accept": "text/html"}).content.decode()
    assert page.count('data-yanked=""') == page.count("data-yanked") == 2
    assert b"".join(client.get(f"/simple/sample/{wheel_name()}")) == wheel()


def test_a_deleted_file_is_gone_with_its_metadata_and_its_bytes_are_kept(
    client: Client, published: None, ada: User, storage: Path
) -> None:
    before = stored_files(storage)
    withdrawals.delete(File.objects.get(filename=wheel_name()), actor=ada)
    data = client.get("/simple/sample/", headers={"Accept": JSON}).json()
    assert ([row["filename"] for row in data["files"]], data["versions"]) == ([sdist_name(version="1.10")], ["1.10"])
    for name in (wheel_name(), f"{wheel_name()}.metadata"):
        assert client.get(f"/simple/sample/{name}").status_code == 404
    assert stored_files(storage) == before


def test_the_status_of_a_project_stands_in_both_forms(client: Client, published: None, ada: User) -> None:
    assert client.get("/simple/sample/", headers={"Accept": JSON}).json()["project-status"] == {"status": "active"}
    project = Project.objects.get()
    project_status.set_status(project, "archived", actor=ada, reason=REASON)
    data = client.get("/simple/sample/", headers={"Accept": JSON}).json()
    assert (data["project-status"], len(data["files"])) == ({"status": "archived", "reason": REASON}, 2)
    page = client.get("/simple/sample/", headers={"Accept": "text/html"}).content.decode()
    assert "<script" not in page
    told = re.findall(r'<meta name="pypi:project-status(-reason)?" content="([^"]*)">', page)
    assert [(suffix, html.unescape(text)) for suffix, text in told] == [("", "archived"), ("-reason", REASON)]


def test_an_archived_project_takes_no_uploads_and_a_quarantined_one_offers_no_files(
    client: Client, published: None, send: Send, ada: User
) -> None:
    for status in ("archived", "quarantined"):
        Project.objects.update(status=status)
        answer = send(sdist_name(), sdist())
        assert (answer.status_code, f"is {status}" in answer.reason_phrase) == (403, True)
    data = client.get("/simple/sample/", headers={"Accept": JSON}).json()
    assert (data["files"], data["versions"]) == ([], [])
    assert client.get(f"/simple/sample/{wheel_name()}").status_code == 404
    Project.objects.update(status="deprecated")
    assert send(sdist_name(), sdist()).status_code == 200
