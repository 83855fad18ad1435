"""The index of a staged release and its state: who may read, what is in it, and that nobody keeps it."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from recoverydesk.projects.models import Project, Role
from recoverydesk.staging import ending
from recoverydesk.staging.models import StagedFile, StagedRelease
from tests.helpers import factories
from tests.helpers.packages import sdist, sdist_name, wheel, wheel_name
from tests.helpers.staged import shown
from tests.helpers.tokens import attenuate, basic, mint
from tokens import caveats, services

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
Get = Callable[..., Any]


@pytest.fixture
def get(staged: StagedRelease) -> Get:
    """Ask for a page below the release's address, with a token or a browser."""

    def ask(page: str = "", *, token: str = "", client: Client | None = None, **headers: str) -> Any:
        given = headers | ({"Authorization": basic(token)} if token else {})
        answer = (client or Client()).get(f"/staged/{staged.uid}/simple/{page}", headers=given)
        assert answer.headers["Cache-Control"] == "private, no-store"
        return answer

    return ask


def test_the_index_lists_the_staged_files_and_serves_them(get: Get, token: str, staged: StagedRelease) -> None:
    assert get("", token=token, **JSON).json()["projects"] == [{"name": "sample"}]
    page = get("sample/", token=token, **JSON).json()
    row = StagedFile.objects.get()
    entry = page["files"][0]
    assert (page["versions"], entry["hashes"], entry["size"]) == (["1.0"], {"sha256": row.sha256}, len(wheel()))
    assert entry["url"] == f"/staged/{staged.uid}/simple/sample/{wheel_name()}"
    assert entry["core-metadata"] == {"sha256": row.metadata_sha256}
    assert f"{entry['url']}#sha256={row.sha256}" in get("sample/", token=token).content.decode()
    assert b"".join(get(f"sample/{wheel_name()}", token=token)) == wheel()
    assert b"made for a test" in b"".join(get(f"sample/{wheel_name()}.metadata", token=token))


def test_other_names_lead_to_the_index_of_everybody(get: Get, token: str, staged: StagedRelease) -> None:
    assert get("other/", token=token)["Location"] == "/simple/other/"
    assert get("Sample/", token=token)["Location"] == f"/staged/{staged.uid}/simple/sample/"


def test_a_browser_of_somebody_with_a_role_reads_it(get: Get, kim: User, client: Client) -> None:
    client.force_login(kim)
    assert get("sample/", client=client).status_code == 200


@pytest.mark.parametrize("page", ["", "sample/", f"sample/{wheel_name()}", f"sample/{wheel_name()}.metadata"])
def test_nobody_else_reads_any_of_it(get: Get, page: str, kim: User, client: Client, token: str) -> None:
    asked = get(page)
    assert (asked.status_code, asked.headers["WWW-Authenticate"][:5]) == (401, "Basic")
    stranger = factories.make_user("bob")
    factories.add_totp(stranger)
    client.force_login(stranger)
    assert get(page, client=client).status_code == 404
    assert get(page, token=mint(stranger).text).status_code == 404
    own = factories.make_project("other", kim)
    assert get(page, token=mint(kim, project=own).text).status_code == 403
    theirs = mint(kim)
    Role.objects.filter(user=kim).update(held_at=timezone.now(), held_for=1)
    assert get(page, token=theirs.text).status_code == 404
    services.revoke([theirs.row], actor=kim)
    assert get(page, token=theirs.text).status_code == 403
    assert get(page, **{"Authorization": "Basic a2ltOnNlY3JldA=="}).status_code == 403


def test_a_stranger_cannot_tell_a_release_from_none(staged: StagedRelease, client: Client) -> None:
    def answers(client: Client) -> set[Any]:
        places = [f"/staged/{uid}/simple/sample/" for uid in (staged.uid, uuid.uuid4())]
        return {(one.status_code, one.content) for one in map(client.get, places)}

    assert len(answers(client)) == 1
    client.force_login(factories.make_user("bob"))
    assert len(answers(client)) == 1


def test_a_narrow_token_reads_its_own_project(get: Get, ada: User, project: Project) -> None:
    narrow = attenuate(mint(ada, project=project).text, caveats.NewerVersions())
    assert get("sample/", token=narrow).status_code == 200


def test_when_it_ended_the_index_is_gone(get: Get, staged: StagedRelease, kim: User, token: str) -> None:
    ending.discard(staged.uid, actor=kim, shown=shown(staged))
    assert get("sample/", token=token).status_code == 404
    assert get(f"sample/{wheel_name()}", token=token).status_code == 404


@pytest.mark.parametrize("page", ["sample/x.whl", "other/x.whl", "a%20b/"])
def test_what_is_not_there_is_404(get: Get, token: str, page: str) -> None:
    assert get(page, token=token).status_code == 404


# The state -----------------------------------------------------------------------------------------------------------


def ask(staged: StagedRelease, token: str = "", **how: Any) -> Any:
    headers = {"Authorization": basic(token)} if token else {}
    answer = Client().get(f"/api/staged/{staged.uid}", headers=headers, **how)
    assert "no-store" in answer.headers["Cache-Control"]
    return answer


def test_the_token_that_staged_it_hears_how_it_stands(staged: StagedRelease, token: str, kim: User) -> None:
    facts = ask(staged, token).json()
    assert (facts["project"], facts["version"], facts["state"], facts["ended_at"]) == ("sample", "1.0", "staged", None)
    assert [row["filename"] for row in facts["files"]] == [wheel_name()]
    assert facts["index"].endswith(f"/staged/{staged.uid}/simple/")
    ending.publish(staged.uid, actor=kim, shown=shown(staged))
    facts = ask(staged, token).json()
    assert (facts["state"], facts["index"], bool(facts["ended_at"])) == ("published", None, True)


def test_no_other_token_hears_anything(staged: StagedRelease, ada: User, kim: User) -> None:
    assert ask(staged).status_code == 401
    assert ask(staged, "recoverydesk-nonsense").status_code == 403
    for user in (ada, kim):  # of the same account, too: what one build staged is no other's
        answer = ask(staged, mint(user).text)
        assert (answer.status_code, answer.json()["title"]) == (404, "Not found")
    assert Client().post(f"/api/staged/{staged.uid}").status_code == 405


def test_what_others_add_is_not_told_to_who_left(staged: StagedRelease, token: str, kim: User, send: Any) -> None:
    send(sdist_name(), sdist(), by=mint(kim).text)
    Role.objects.exclude(user=kim).delete()
    assert [row["filename"] for row in ask(staged, token).json()["files"]] == [wheel_name()]


def test_a_token_for_another_project_hears_nothing(staged: StagedRelease, token: str) -> None:
    assert ask(staged, attenuate(token, caveats.ProjectName(("other",)))).status_code == 403


def test_the_upload_says_where_to_ask(project: Project, send: Any) -> None:
    words = send(wheel_name(), wheel()).content.decode()
    uid = StagedRelease.objects.get().uid
    for part in ("Staged, not published", "/account/staged/", f"/api/staged/{uid}", f"/staged/{uid}/simple/"):
        assert part in words
