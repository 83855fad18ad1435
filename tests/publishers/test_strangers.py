"""Anybody can add anybody's workflow: what a stranger gains by that, and whom each upload acts for."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import Event
from recoverydesk.projects.models import Project, Role
from recoverydesk.publishers import minting, verbs
from recoverydesk.publishers.models import Publisher
from recoverydesk.publishers.shapes import Workflow
from recoverydesk.recovery.workflow import other_proofs
from tests.helpers import factories, packages
from tests.helpers.issuers import LocalIssuer, Swap, github, refusal
from tests.helpers.packages import Send
from tests.helpers.signing_in import enter
from tests.helpers.tokens import attenuate, basic, mint
from tests.helpers.uploading import send as send
from tests.helpers.uploading import storage as storage
from tests.helpers.uploading import token as token
from tokens import caveats, checking
from tokens.checking import open_token
from tokens.models import ApiToken

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]
SPAM = Workflow("ada/spam", "release.yml")


@pytest.fixture
def eve(db: None) -> User:
    eve = factories.make_user("eve")
    factories.add_app(eve)
    return eve


@pytest.fixture
def kim(spam: Project) -> User:
    kim = factories.make_user("kim")
    factories.add_app(kim)
    factories.add_role(spam, kim)
    return kim


def answer(text: str, project: str) -> Any:
    facts = {"project": project, "action": "upload"}
    return Client().get("/api/token", facts, headers={"Authorization": basic(text)}).json()


def upload(send: Send, text: str, name: str, version: str = "2.0") -> Any:
    filename = packages.wheel_name(name, version)
    return send(filename, packages.wheel(name, version), by=text, of=(name, version))


def owners(name: str) -> list[str]:
    return list(Role.objects.filter(project__normalized_name=name).values_list("user__username", flat=True))


def test_two_accounts_that_wait_for_one_name_get_nothing(ada: User, eve: User, issuer: LocalIssuer, swap: Swap) -> None:
    verbs.add_for_new("sample", issuer.issuer, SPAM, actor=eve)
    verbs.add_for_new("sample", issuer.issuer, SPAM, actor=ada)
    assert "several accounts wait for this workflow and the name sample" in refusal(swap(issuer.token()))[1]
    verbs.add(factories.make_project("eggs", ada), issuer.issuer, SPAM, actor=ada)
    text = swap(issuer.token()).json()["token"]
    assert answer(text, "eggs")["accepted"]
    assert not answer(text, "sample")["accepted"]


def test_who_waits_too_counts_even_where_their_own_does_not_fit(
    ada: User, eve: User, issuer: LocalIssuer, swap: Swap
) -> None:
    verbs.add_for_new("sample", issuer.issuer, SPAM, actor=eve)
    verbs.add_for_new("sample", issuer.issuer, Workflow("Ada/Spam", "release.yml", "pypi"), actor=ada)
    assert "several accounts wait" in refusal(swap(issuer.token()))[1]


def test_who_waits_too_after_the_token_was_made_stops_the_first_release(
    ada: User, eve: User, issuer: LocalIssuer, swap: Swap, send: Send
) -> None:
    verbs.add_for_new("sample", issuer.issuer, SPAM, actor=eve)
    text = swap(issuer.token()).json()["token"]
    verbs.add_for_new("sample", issuer.issuer, SPAM, actor=ada)
    response = upload(send, text, "sample")
    assert response.status_code == 403
    assert "several accounts wait" in response.content.decode()
    assert not Project.objects.exists()


def test_the_page_tells_both_who_wait(ada: User, eve: User, issuer: LocalIssuer, client: Client) -> None:
    verbs.add_for_new("sample", issuer.issuer, SPAM, actor=eve)
    member = enter(client, ada)
    form = {"add": "1", "issuer": issuer.url, "repository": "ada/spam", "workflow": "release.yml", "project": "sample"}
    page = member.post("/account/publishers/", form, follow=True).content.decode()
    assert "Another account waits for the same workflow and project name: sample." in page
    assert "Another account waits for the same workflow and the name sample." in page
    assert "Another account waits" in enter(Client(), eve).get("/account/publishers/").content.decode()


def test_a_stranger_who_adds_the_workflow_stops_nothing_and_gains_nothing(
    publisher: Publisher, eve: User, issuer: LocalIssuer, swap: Swap, send: Send
) -> None:
    for name in ("eve-a", "eve-b"):
        verbs.add(factories.make_project(name, eve), issuer.issuer, SPAM, actor=eve)
    verbs.add_for_new("evec", issuer.issuer, SPAM, actor=eve)
    text = swap(issuer.token()).json()["token"]
    assert upload(send, text, "spam").status_code == 200
    assert upload(send, text, "evec").status_code == 200
    assert owners("evec") == ["eve"]
    by = Event.objects.filter(tag__endswith="release:add", token_id=open_token(text).row.id)
    assert dict(by.values_list("project_name", "actor_name")) == {"spam": "ada", "evec": "eve"}
    for row in Publisher.objects.filter(added_by=eve):
        verbs.remove(row, actor=eve)
    assert answer(text, "spam")["accepted"], "nobody ends the token of somebody else"
    assert "none of the project" in answer(text, "eve-a")["reason"]
    User.objects.filter(pk=eve.pk).update(is_active=False)
    assert answer(text, "spam")["accepted"]


def test_each_upload_asks_for_the_publisher_of_its_project(
    publisher: Publisher, ada: User, eve: User, issuer: LocalIssuer, swap: Swap, send: Send
) -> None:
    verbs.add(factories.make_project("eve-a", eve), issuer.issuer, SPAM, actor=eve)
    text = swap(issuer.token()).json()["token"]
    User.objects.filter(pk=eve.pk).update(is_active=False)
    assert "closed" in answer(text, "eve-a")["reason"]
    Publisher.objects.filter(pk=publisher.pk).update(held_at="2026-01-01T00:00Z")
    response = upload(send, text, "spam")
    assert response.status_code == 403
    assert "its trusted publisher is on hold" in response.content.decode()


def test_no_account_crowds_out_another(
    ada: User, eve: User, issuer: LocalIssuer, swap: Swap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minting, "MOST", 2)
    for name in ("eve-a", "eve-b", "evec"):
        verbs.add(factories.make_project(name, eve), issuer.issuer, SPAM, actor=eve)
    swap(issuer.token())  # binds eve's
    verbs.add(factories.make_project("spam", ada), issuer.issuer, SPAM, actor=ada)
    text = swap(issuer.token()).json()["token"]
    assert answer(text, "spam")["accepted"]
    assert len(ApiToken.objects.latest("created_at").publishers) == 2


def test_environments_that_do_not_fit_crowd_out_nothing(
    ada: User, eve: User, issuer: LocalIssuer, swap: Swap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minting, "MOST_READ", 2)
    place = factories.make_project("eve-a", eve)
    for number in range(4):
        verbs.add(place, issuer.issuer, Workflow("ada/spam", "release.yml", f"e{number}"), actor=eve)
    verbs.add(factories.make_project("spam", ada), issuer.issuer, SPAM, actor=ada)
    assert answer(swap(issuer.token()).json()["token"], "spam")["accepted"]


def test_a_letter_that_looks_like_another_is_another(spam: Project, ada: User, issuer: LocalIssuer, swap: Swap) -> None:
    verbs.add(spam, issuer.issuer, Workflow("ada/spam", "release.yml", "desk"), actor=ada)
    assert "wants the environment desk" in refusal(swap(issuer.token(environment="des\u212a")))[1]


def test_the_work_and_the_token_are_bounded(ada: User, issuer: LocalIssuer, swap: Swap) -> None:
    for number in range(60):
        project = factories.make_project(f"monorepo-with-a-long-name-{number:03}-{'x' * 60}", ada)
        row = verbs._row(issuer.issuer, SPAM, ada)
        row.project = project
        row.save()
    swap(issuer.token())
    with CaptureQueriesContext(connection) as asked:
        text = swap(issuer.token()).json()["token"]
    others = [one["sql"] for one in asked if "audit_event" not in one["sql"] and "SAVEPOINT" not in one["sql"]]
    assert len(others) <= 20
    assert len(open_token(text).row.publishers) == minting.MOST


def test_names_of_the_longest_fit_into_a_token(ada: User, issuer: LocalIssuer, swap: Swap) -> None:
    for number in range(60):
        row = verbs._row(issuer.issuer, SPAM, ada)
        row.wanted = f"n{number:02}-{'x' * 96}"
        row.save()
    assert len(open_token(swap(issuer.token()).json()["token"]).row.publishers) == minting.MOST


def test_a_token_ends_when_its_publisher_is_taken_over(
    publisher: Publisher, kim: User, issuer: LocalIssuer, swap: Swap
) -> None:
    text = swap(issuer.token()).json()["token"]
    verbs.keep(publisher, actor=kim)
    with pytest.raises(checking.TokenRefused, match="revoked"):
        open_token(text)


def test_a_hold_ends_the_token_that_also_serves_somebody_else(
    publisher: Publisher, ada: User, eve: User, issuer: LocalIssuer, swap: Swap
) -> None:
    verbs.add(factories.make_project("eve-a", eve), issuer.issuer, SPAM, actor=eve)
    text = swap(issuer.token()).json()["token"]
    verbs.hold_all(ada, actor="system")
    with pytest.raises(checking.TokenRefused, match="revoked"):
        open_token(text)


@pytest.mark.parametrize("before", [True, False])
def test_a_project_knows_one_repository_of_a_name(
    spam: Project, publisher: Publisher, ada: User, issuer: LocalIssuer, swap: Swap, before: bool
) -> None:
    nightly = Workflow("Ada/SPAM", "nightly.yml")
    if before:
        verbs.add(spam, issuer.issuer, nightly, actor=ada)
    assert swap(issuer.token()).status_code == 200
    if not before:
        assert verbs.add(spam, issuer.issuer, nightly, actor=ada).repository_id == "22"
    recycled = github(file="nightly.yml") | {"repository_id": "99", "repository_owner_id": "98"}
    assert "bound to the repository with the number 22" in refusal(swap(issuer.token(**recycled)))[1]
    assert swap(issuer.token(**github(file="nightly.yml"))).status_code == 200


def test_what_waits_gives_way_to_the_same_publisher(ada: User, issuer: LocalIssuer, swap: Swap, send: Send) -> None:
    verbs.add_for_new("sample", issuer.issuer, SPAM, actor=ada)
    text = swap(issuer.token()).json()["token"]
    verbs.add(factories.make_project("sample", ada), issuer.issuer, SPAM, actor=ada)
    assert upload(send, text, "sample").status_code == 200
    assert Publisher.objects.get().project is not None


def test_a_token_of_a_workflow_proves_nothing_of_a_person(
    publisher: Publisher, ada: User, issuer: LocalIssuer, swap: Swap
) -> None:
    text = swap(issuer.token()).json()["token"]
    assert other_proofs._token_since(ada, text) is None


def test_a_token_that_only_installs_proves_nothing_of_a_person(ada: User) -> None:
    """It lies in every build that installs something."""
    for text in (mint(ada, only_read=True).text, attenuate(mint(ada).text, caveats.ReadOnly())):
        assert other_proofs._token_since(ada, text) is None
    assert other_proofs._token_since(ada, mint(ada).text) is not None
