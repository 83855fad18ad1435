"""INDEX_FALLBACK_URL: names that nobody has here, and no other, lead to another index."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from recoverydesk.projects import withdrawals
from recoverydesk.projects.models import File, Project, Release, Role
from recoverydesk.publishers.models import Publisher
from tests.helpers import factories
from tests.helpers.packages import Send, wheel, wheel_name
from tests.helpers.production import PRODUCTION, start
from tests.helpers.tokens import basic

ELSEWHERE = "https://registry.example/simple/"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fallback(settings: Any) -> None:
    settings.INDEX_FALLBACK_URL = ELSEWHERE


def test_a_name_that_nobody_has_leads_elsewhere(client: Client) -> None:
    for method in (client.get, client.head):
        answer = method("/simple/some-name/")
        assert (answer.status_code, answer["Location"]) == (307, f"{ELSEWHERE}some-name/")
        assert answer["Cache-Control"] == "no-store"  # tomorrow the name may be ours


def test_without_a_fallback_it_is_not_found(client: Client, settings: Any) -> None:
    settings.INDEX_FALLBACK_URL = ""
    assert client.get("/simple/some-name/").status_code == 404


STATES = ["published", "quarantined", "archived", "deprecated", "yanked", "release deleted", "file deleted", "empty",
          "without bytes", "staged", "an orphan"]  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_a_name_that_exists_in_any_state_never_leads_elsewhere(
    state: str, client: Client, ada: User, send: Send
) -> None:
    if state == "staged":
        factories.make_project("sample", ada, version="0.1")
        Project.objects.update(guards={"two_step": "on"})
    assert send(wheel_name(), wheel()).status_code == 200
    project = Project.objects.get()
    if state in Project.Status.values:
        Project.objects.update(status=state)
    elif state == "yanked":
        withdrawals.yank(Release.objects.get(), actor=ada, reason="")
    elif state == "release deleted":
        withdrawals.delete(Release.objects.get(), actor=ada)
    elif state == "file deleted":
        withdrawals.delete(File.objects.get(), actor=ada)
    elif state == "empty":
        project.links.all().delete()
        project.releases.all().delete()
    elif state == "without bytes":
        File.objects.update(stored_as="")
    elif state == "an orphan":
        Role.objects.all().delete()
    for spelling in ("sample", "Sample", "SAMPLE", "sample."):
        answer = client.get(f"/simple/{spelling}/")
        assert (answer.status_code, answer.headers.get("Location", "/simple/")[:8]) in {
            (200, "/simple/"), (301, "/simple/"), (404, "/simple/"),
        }  # fmt: skip
    assert client.get("/simple/sample/").status_code == 200


def test_a_name_for_which_a_publisher_waits_is_ours(client: Client, ada: User) -> None:
    for account in (ada, factories.make_user("eve")):  # contested, too
        Publisher.objects.create(wanted="soon", issuer="https://ci.example", key="k", added_by=account)
        assert client.get("/simple/soon/").status_code == 404


@pytest.mark.parametrize(
    "name",
    ["%0d%0aSet-Cookie:x", "a%0a", "..%2f..%2fevil", "a%3fb", "a%23b", "%2e%2e", "ſample", "a@evil.example", "-"],
)
def test_what_is_no_name_leads_nowhere(client: Client, name: str) -> None:
    answer = client.get(f"/simple/{name}/")
    assert (answer.status_code, "Location" in answer.headers) == (404, False)


@pytest.mark.parametrize("spelling", ["Some_Name", "some.name", "SOME--NAME", "some_-.name"])
def test_other_spellings_lead_to_the_right_one_here_first(client: Client, spelling: str) -> None:
    assert client.get(f"/simple/{spelling}/?x=%0d%0ay")["Location"] == "/simple/some-name/"


def test_files_and_documents_never_lead_elsewhere(client: Client) -> None:
    for path in ("/simple/some-name/some_name-1.0.tar.gz", "/pypi/some-name/json", "/projects/some-name/"):
        assert client.get(path).status_code == 404


def test_a_private_index_asks_before_it_leads_elsewhere(client: Client, token: str, settings: Any) -> None:
    settings.INDEX_PRIVATE = True
    assert client.get("/simple/some-name/").status_code == 401
    assert client.get("/simple/some-name/", headers={"Authorization": basic(token)}).status_code == 307


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "SIGN_UP=open: set it to closed, as INDEX_FALLBACK_URL is set"),
        ({"SIGN_UP": "open", "INDEX_PRIVATE": "true"}, "SIGN_UP=open: set it to closed"),
        ({"SIGN_UP": "closed", "INDEX_FALLBACK_URL": "https://desk.example.org/simple/"}, "of another site"),
        ({"SIGN_UP": "closed", "INDEX_FALLBACK_URL": "http://registry.example/simple/"}, "give the https:// address"),
        ({"SIGN_UP": "closed", "INDEX_FALLBACK_URL": "https://ada:x@registry.example/"}, "give the https:// address"),
        ({"SIGN_UP": "closed", "INDEX_FALLBACK_URL": "https://registry.example/?q="}, "give the https:// address"),
        ({"INDEX_PRIVATE": "true"}, ""),
        ({"SIGN_UP": "closed"}, ""),
    ],
)
def test_a_fallback_is_another_site_and_strangers_publish_nothing_here(
    tmp_path: Path, given: dict[str, str], said: str
) -> None:
    """Else somebody signs up and publishes under a name that everybody took from the other index."""
    done = start(tmp_path, {**PRODUCTION, "INDEX_FALLBACK_URL": ELSEWHERE, **given})
    assert (done.returncode == 0, said in done.stderr) == (not said, True), done.stderr
