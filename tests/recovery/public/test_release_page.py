"""A release as the people of its project see it: yank, take back, delete, and each refusal in words."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.formats import date_format
from django.utils.timezone import localtime

from accounts.models import User
from common.clock import database_now
from recoverydesk.projects import services
from recoverydesk.projects.models import File, Project, Release, Role
from recoverydesk.projects.published import FileFact
from tests.helpers import factories
from tests.helpers.signing_in import enter
from tests.helpers.tokens import mint
from tests.tiers import times

PAGE = "/projects/tool/releases/1.0/"
SDIST, WHEEL = "tool-1.0.tar.gz", "tool-1.0-py3-none-any.whl"


@pytest.fixture
def kim(db: None) -> User:
    return factories.make_user("kim")


@pytest.fixture
def tool(ada: User) -> Project:
    """Ada uploaded release 1.0 a day ago, an sdist and a wheel, with a token."""
    project = factories.make_project("tool", ada, version="0.9")
    yesterday, token = database_now() - timedelta(days=1), mint(ada, name="laptop").row.id
    for number, name in enumerate((SDIST, WHEEL)):
        files = [FileFact(name, "sdist", 1000, f"{number:064}", yesterday)]
        services.record_release(
            project, version="1.0", uploaded_at=yesterday, urls=None, files=files, uploader=ada, token=token
        )
    return project


@pytest.fixture
def release(tool: Project) -> Release:
    return tool.releases.get(version="1.0")


@pytest.fixture
def owner(client: Client, ada: User, tool: Project) -> Client:
    """Ada has just shown a second factor."""
    return enter(client, ada)


def text(client: Client, page: str = PAGE) -> str:
    return " ".join(client.get(page).content.decode().split())


def post(client: Client, page: str = PAGE, **form: Any) -> str:
    """What the page says after it."""
    assert client.post(page, form)["Location"] == page
    return text(client, page)


def test_it_says_who_uploaded_what_with_which_token_and_until_when_it_can_be_deleted(
    owner: Client, release: Release
) -> None:
    html = text(owner)
    assert html.count("uploaded by ada with the token “laptop”") == 2
    until = release.uploaded_at + timedelta(hours=72)
    assert f"until {date_format(localtime(until), 'SHORT_DATETIME_FORMAT')}".replace("\xa0", " ") in html.replace(
        "\xa0", " "
    )
    for wanted in (SDIST, WHEEL, "1000 bytes", f"{1:064}", "Type “tool 1.0” to delete it for ever"):
        assert wanted in html.replace("\xa0", " "), wanted


@pytest.mark.parametrize("state", ["maintainer", "in quarantine"])
def test_who_may_not_read_them_in_the_history_reads_no_token_names_here(
    client: Client, kim: User, tool: Project, state: str
) -> None:
    factories.add_role(tool, kim, kind="maintainer" if state == "maintainer" else "owner")
    if state == "in quarantine":
        User.objects.filter(pk=kim.pk).update(quarantined_at=database_now())
    html = text(enter(client, kim))
    assert html.count("uploaded by ada") == 2
    assert "laptop" not in html


def test_what_an_import_brought_names_nobody(owner: Client, tool: Project) -> None:
    fact = FileFact("tool-0.9.tar.gz", "sdist", 1, "9" * 64, factories.LONG_AGO)
    services.record_release(tool, version="0.9", uploaded_at=factories.LONG_AGO, urls=None, files=[fact])
    html = text(owner, "/projects/tool/releases/0.9/")
    assert "imported" in html
    assert "only in its first 72 hours" in html


def test_an_owner_yanks_with_a_reason_and_takes_it_back(owner: Client, release: Release) -> None:
    assert "1.0 is yanked." in post(owner, yank="1", reason=" breaks <3.13> ")
    assert "The reason given: breaks &lt;3.13&gt;" in text(owner)
    public = owner.get("/projects/tool/?version=1.0").content.decode()
    assert "This release was yanked" in public
    assert f'href="{PAGE}"' in public
    assert "1.0 is no longer yanked." in post(owner, unyank="1")
    assert not Release.objects.get(pk=release.pk).yanked


def test_a_file_is_yanked_and_deleted_alone(owner: Client, release: Release) -> None:
    file = release.files.get(filename=SDIST)
    assert f"{SDIST} is yanked." in post(owner, file=file.pk, yank="1", reason="")
    assert f"{SDIST} is no longer yanked." in post(owner, file=file.pk, unyank="1")
    assert "Nothing was deleted." in post(owner, file=file.pk, delete="1", typed="tool 1.0")
    assert f"{SDIST} is deleted." in post(owner, file=file.pk, delete="1", typed=f" {SDIST} ")
    assert [one.filename for one in File.objects.filter(deleted_at=None)] == [WHEEL]
    assert "This release or file was already deleted." in post(owner, file=file.pk, yank="1")


def test_a_release_is_deleted_by_its_typed_name_and_leaves_a_tombstone(owner: Client, release: Release) -> None:
    for typed in ("", "1.0", "tool", "tool 1.1", "TOOL 1.0"):
        assert "Nothing was deleted." in post(owner, delete="1", typed=typed)
    assert "1.0 is deleted." in post(owner, delete="1", typed="tool  1.0")
    html = text(owner)
    assert "the names of its files stay taken for ever" in html
    assert f"{0:064}" in html
    assert "<form method" not in html.split("<h1>")[1].split("</main>")[0]
    assert "This release or file was already deleted." in post(owner, yank="1")
    assert Client().get(PAGE).status_code == 404


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"yank": "1", "reason": "two\nlines"}, "Give the reason in one line"),
        ({"yank": "1", "reason": "x" * 501}, "Give the reason in one line"),
        ({"file": "0", "yank": "1"}, "This release or file was already deleted."),
        ({"file": "x", "delete": "1"}, "This release or file was already deleted."),
        ({"file": "", "delete": "1"}, "This release or file was already deleted."),
        ({}, "This release cannot be changed. Open its page again to see its state."),
    ],
)
def test_a_refusal_is_said_in_words(owner: Client, release: Release, form: dict[str, str], said: str) -> None:
    before = [list(rows.values()) for rows in (Release.objects.all(), File.objects.all())]
    assert said in post(owner, **form)
    assert [list(rows.values()) for rows in (Release.objects.all(), File.objects.all())] == before


def test_a_file_of_another_release_is_out_of_reach(owner: Client, tool: Project) -> None:
    fact = FileFact("tool-2.0.tar.gz", "sdist", 1, "2" * 64, database_now())
    other = services.record_release(tool, version="2.0", uploaded_at=database_now(), urls=None, files=[fact])
    file = other.files.get()
    assert "was already deleted" in post(owner, file=file.pk, delete="1", typed=file.filename)
    assert File.objects.get(pk=file.pk).deleted_at is None


def test_after_72_hours_the_page_and_the_verb_say_no(owner: Client, release: Release) -> None:
    for rows in (Release.objects.filter(pk=release.pk), release.files.all()):
        rows.update(uploaded_at=database_now() - timedelta(hours=72))
    assert "Type “" not in text(owner)
    assert "You can delete this only in its first 72 hours." in post(owner, delete="1", typed="tool 1.0")


def test_a_maintainer_yanks_and_does_not_delete(client: Client, kim: User, tool: Project, release: Release) -> None:
    factories.add_role(tool, kim, kind="maintainer")
    enter(client, kim)
    html = text(client)
    assert "Only an owner of the project can delete it." in html
    assert "Type “" not in html
    assert "1.0 is yanked." in post(client, yank="1")
    assert "Only an owner of the project may delete this." in post(client, delete="1", typed="tool 1.0")
    assert Release.objects.get(pk=release.pk).deleted_at is None


@pytest.mark.parametrize("state", ["quarantine", "rest"])
def test_nothing_changes_in_quarantine_or_while_the_role_rests(
    owner: Client, ada: User, release: Release, state: str
) -> None:
    if state == "rest":
        Role.objects.filter(user=ada).update(held_at=database_now(), held_for=1)
        assert "laptop" not in text(owner)
    else:
        User.objects.filter(pk=ada.pk).update(quarantined_at=database_now())
    for form in ({"yank": "1"}, {"delete": "1", "typed": "tool 1.0"}):
        html = post(owner, **form)
        assert ("on hold does not count" in html) or ("Your account was recovered." in html)
    release.refresh_from_db()
    assert (release.yanked, release.deleted_at) == (False, None)


@pytest.mark.parametrize("who", ["visitor", "stranger", "invited"])
def test_everybody_else_reads_the_public_page(client: Client, kim: User, tool: Project, who: str) -> None:
    if who == "invited":
        factories.add_role(tool, kim, accepted=False, since=database_now())
    if who != "visitor":
        enter(client, kim)
    assert client.get(PAGE)["Location"] == "/projects/tool/?version=1.0"
    assert "Manage" not in client.get("/projects/tool/").content.decode()
    answer = client.post(PAGE, {"delete": "1", "typed": "tool 1.0"})
    assert answer.status_code == (302 if who == "visitor" else 404)
    assert client.get("/projects/tool/releases/7/").status_code == 404
    assert client.get("/projects/nothing/releases/1.0/").status_code == 404


def test_a_change_needs_a_recent_second_factor(client: Client, ada: User, release: Release) -> None:
    factories.add_app(ada)
    client.force_login(ada)
    assert client.get(PAGE).status_code == 200
    answer = client.post(PAGE, {"delete": "1", "typed": "tool 1.0"})
    assert "/step-up/" in answer["Location"] or "/reauthenticate/" in answer["Location"]
    assert Release.objects.get(pk=release.pk).deleted_at is None


def test_a_version_of_any_shape_has_its_page(owner: Client, tool: Project) -> None:
    services.record_release(tool, version="of/old days & so on", uploaded_at=factories.LONG_AGO, urls=None)
    listed = owner.get("/projects/tool/?version=of/old+days+%26+so+on").content.decode()
    page = "/projects/tool/releases/of/old%20days%20&%20so%20on/"
    assert page.replace("&", "&amp;") in listed or page in listed
    assert "of/old days is yanked" in post(owner, page, yank="1").replace(" &amp; so on", "")


def test_it_asks_the_same_few_queries_at_any_size(owner: Client, ada: User, tool: Project, release: Release) -> None:
    many = times(500, fast=40)
    rows = [Release(project=tool, version=f"3.{n}", uploaded_at=factories.LONG_AGO) for n in range(many)]
    made = [*Release.objects.bulk_create(rows), release]
    File.objects.bulk_create(
        File(release=one, filename=f"tool-{one.version}-{n}.whl", packagetype="bdist_wheel", size=1,
             sha256="0" * 64, uploaded_at=factories.LONG_AGO)
        for one in made for n in range(40)
    )  # fmt: skip
    counts = []
    for page in ("/projects/tool/releases/0.9/", PAGE):
        owner.get(page)
        with CaptureQueriesContext(connection) as queries:
            assert owner.get(page).status_code == 200
        counts.append(len(queries))
    assert max(counts) <= 15, counts
