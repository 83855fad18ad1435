"""What guards refuse at the door, in words that uploaders show, and what a token is told before it uploads."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from common.clock import database_now
from recoverydesk.projects.models import Project, Release
from recoverydesk.upload import publishing
from tests.helpers import factories, packages
from tests.helpers.authenticator import give_key
from tests.helpers.guards import guard
from tests.helpers.packages import Send, sdist, sdist_name, wheel, wheel_name
from tests.helpers.tokens import attenuate, mint
from tokens import caveats
from tokens.models import ApiToken


@pytest.fixture
def sample(ada: User) -> Project:
    """It has version 1.0, of long ago."""
    return factories.make_project("sample", ada)


@pytest.fixture
def own_token(ada: User, sample: Project) -> str:
    return str(mint(ada, project=sample).text)


def sent(send: Send, version: str = "2.0", **options: Any) -> tuple[int, str]:
    name = wheel_name("sample", version)
    answer = send(name, wheel("sample", version), of=("sample", version), **options)
    return answer.status_code, answer.reason_phrase


def asked(client: Client, token: str, version: str = "2.0") -> str:
    """What the token would be told, without an upload."""
    query = {"project": "sample", "action": "upload", "version": version}
    return str(client.get("/api/token", query, headers={"Authorization": f"Bearer {token}"}).json()["reason"])


def test_a_token_for_a_whole_account_is_refused(
    client: Client, send: Send, token: str, own_token: str, sample: Project
) -> None:
    guard(sample, project_tokens="on")
    said = "The project 'sample' takes no token for a whole account. Make a new token for this project: http"
    status, reason = sent(send)
    assert status == 403
    assert reason.startswith(said)
    assert reason.endswith("/account/tokens/new/")
    assert asked(client, token).startswith(said)
    assert sent(send, by=own_token) == (200, "OK")


def test_a_token_that_its_holder_narrowed_is_still_one_for_the_account(send: Send, token: str, sample: Project) -> None:
    guard(sample, project_tokens="on")
    narrow = attenuate(token, caveats.ProjectName(("sample",)), caveats.ProjectID((str(sample.uid),)))
    assert sent(send, by=narrow)[0] == 403
    guard(sample, project_tokens="off")
    assert sent(send, by=narrow)[0] == 200


@pytest.mark.parametrize("guarded", ["off", "on"])
def test_the_first_upload_needs_such_a_token_and_later_ones_do_not(
    settings: Any, send: Send, ada: User, guarded: str
) -> None:
    settings.GUARDS = settings.GUARDS | {"project_tokens": "on"}
    assert sent(send)[0] == 200
    project = guard(Project.objects.get(), project_tokens=guarded)
    assert sent(send, "3.0")[0] == 403
    assert sent(send, "3.0", by=mint(ada, project=project).text)[0] == 200


def test_an_empty_project_that_its_owners_closed_takes_no_such_token(send: Send, sample: Project) -> None:
    Release.objects.all().delete()
    guard(sample, project_tokens="on")
    assert sent(send)[0] == 403


@pytest.mark.parametrize(("days", "old", "status"), [("30", 29, 200), ("30", 31, 403), ("1", 2, 403)])
def test_an_old_token_is_refused(send: Send, own_token: str, sample: Project, days: str, old: int, status: int) -> None:
    guard(sample, token_days=days)
    ApiToken.objects.update(created_at=database_now() - timedelta(days=old), expires_at=None)
    got, reason = sent(send, by=own_token)
    assert got == status
    if status == 403:
        assert f"takes no token that is older than {days} day" in reason


def test_whoever_has_no_security_key_is_refused(client: Client, send: Send, token: str, ada: User) -> None:
    factories.make_project("sample", ada)
    guard(Project.objects.get(), second_factor="any")
    assert sent(send, "1.1")[0] == 200
    guard(Project.objects.get(), second_factor="key")
    status, reason = sent(send)
    assert status == 403
    assert "takes files only from people with a security key. Add one: http" in reason
    assert asked(client, token) == reason
    give_key(ada)
    assert sent(send)[0] == 200


@pytest.mark.parametrize(
    ("there", "version", "taken"),
    [
        (["1.9"], "2.0", True),
        (["1.9"], "1.9.post1", True),
        (["1.9"], "1.8.5", False),
        (["1.9"], "1.9rc1", False),
        (["1.9"], "2.0rc1", True),
        (["1.9", "2.0rc1"], "1.9.1", True),  # installers pass by a pre-release
        (["1.9", "2.0rc2"], "2.0rc1", False),
        (["1.9", "2.0rc2"], "2.0", True),
        (["1.9", "2.0rc2"], "1.8", False),
    ],
)
def test_newer_versions_only(
    client: Client, send: Send, ada: User, token: str, there: list[str], version: str, taken: bool
) -> None:
    project = factories.make_project("sample", ada, version=there[0])
    for other in there[1:]:
        Release.objects.create(project=project, version=other, uploaded_at=database_now())
    guard(project, newer_versions="on")
    refusal = asked(client, token, version)
    status, reason = sent(send, version)
    assert (status == 200) is taken
    assert refusal == ("" if taken else reason)
    assert ("newer versions only" in reason) is not taken


def test_a_release_that_is_yanked_or_deleted_is_in_nobodys_way(send: Send, ada: User) -> None:
    project = factories.make_project("sample", ada, version="1.0")
    for version, gone in (("99", {"yanked": True}), ("98", {"deleted_at": database_now()})):
        Release.objects.create(project=project, version=version, uploaded_at=database_now(), **gone)
    guard(project, newer_versions="on")
    assert sent(send, "1.1")[0] == 200


def test_the_newest_release_takes_further_files_and_an_older_one_none(send: Send, sample: Project) -> None:
    guard(sample, newer_versions="on")
    assert sent(send, "2.0")[0] == 200
    for version, status in (("2.0", 200), ("1.0", 403)):
        name = sdist_name("sample", version)
        assert send(name, sdist("sample", version), of=("sample", version)).status_code == status
    assert sent(send, "2.0")[0] == 200  # the same file once more


def test_the_sites_guards_hold_for_every_project(settings: Any, send: Send, sample: Project) -> None:
    settings.GUARDS_CRITICAL = settings.GUARDS_CRITICAL | {"newer_versions": "on"}
    assert sent(send, "0.9")[0] == 200
    Project.objects.update(critical=True)
    assert sent(send, "0.8")[0] == 403


def test_a_guard_turned_on_during_an_upload_counts(
    send: Send, sample: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspect = publishing._check_archive

    def meanwhile(*args: Any) -> Any:
        guard(sample, project_tokens="on")
        return inspect(*args)

    monkeypatch.setattr(publishing, "_check_archive", meanwhile)
    assert sent(send)[0] == 403
    assert not sample.releases.filter(version="2.0").exists()


def test_guards_ask_the_database_nothing(
    send: Send, sample: Project, own_token: str, django_assert_max_num_queries: Any
) -> None:
    """Only the kinds of second factor are looked up, where a guard asks for them."""
    with CaptureQueriesContext(connection) as without:
        assert sent(send, "2.0", by=own_token)[0] == 200
    guard(sample, project_tokens="on", token_days="30", newer_versions="on")
    with django_assert_max_num_queries(len(without)):
        assert sent(send, "3.0", by=own_token)[0] == 200


def test_words_fit_a_status_line(send: Send, ada: User) -> None:
    project = guard(factories.make_project("x" * 80, ada), project_tokens="on")
    name = wheel_name(project.name, "2.0")
    answer = send(name, packages.wheel(project.name, "2.0"), of=(project.name, "2.0"))
    assert answer.reason_phrase.endswith("/account/tokens/new/")
