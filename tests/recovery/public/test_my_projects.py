"""The page of one's own projects, and the invitations answered there."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from common.clock import database_now
from recoverydesk.projects.models import Role
from tests.helpers import factories
from tests.helpers.authenticator import give_key
from tests.helpers.signing_in import enter

PAGE = "/account/projects/"


@pytest.fixture
def kim(db: None) -> User:
    return factories.make_user("kim")


def invite(name: str, owner: User, user: User) -> Role:
    project = factories.make_project(name, owner)
    return factories.add_role(project, user, since=database_now() - timedelta(days=1), accepted=False)


def text(client: Client) -> str:
    return " ".join(client.get(PAGE).content.decode().split())


def test_it_shows_roles_others_and_how_they_are_guarded(client: Client, ada: User, kim: User) -> None:
    spam = factories.make_project(
        "spam", ada, urls=[("Source", "https://github.com/ada/spam"), ("Repository", "ftp://x")]
    )
    factories.add_role(spam, kim, kind="maintainer")
    factories.add_role(spam, factories.make_user("ivo"), accepted=False)
    factories.make_project("eggs", kim)
    factories.add_app(kim, "her phone")
    give_key(kim)
    client.force_login(ada)
    html = text(client)
    assert "kim, maintainer <br><small> authenticator app, security key </small>" in html
    assert "her phone" not in html
    assert "ivo" not in html
    assert "eggs" not in html
    assert "<li>ada <small>(github.com)</small></li>" in html
    assert "1 link of your projects does not count as a proof." in html
    assert "Last release: 1.0, 1 March 2024" in html


def test_whose_role_rests_sees_nobodys_factors(client: Client, ada: User, kim: User) -> None:
    spam = factories.make_project("spam", ada)
    factories.add_role(spam, kim)
    factories.add_app(kim)
    Role.objects.filter(user=ada).update(held_at=database_now(), held_for=1)
    client.force_login(ada)
    html = text(client)
    assert "kim" in html
    assert "on hold" in html
    assert "authenticator app" not in html


def test_an_invitation_is_accepted_with_a_recent_second_factor(client: Client, ada: User, kim: User) -> None:
    role = invite("spam", ada, kim)
    factories.add_app(kim)
    client.force_login(kim)
    answer = client.post(PAGE, {"role": role.pk, "accept": "1"})
    assert "/step-up/" in answer["Location"] or "/reauthenticate/" in answer["Location"]
    assert Role.objects.get(pk=role.pk).accepted_at is None
    client.logout()
    enter(client, kim)
    assert client.post(PAGE, {"role": role.pk, "accept": "1"})["Location"] == PAGE
    assert Role.objects.get(pk=role.pk).accepted_at
    assert "You accepted the invitation." in text(client)


def test_an_invitation_is_declined_without_one(client: Client, ada: User, kim: User) -> None:
    role = invite("spam", ada, kim)
    client.force_login(kim)
    assert "spam" in text(client)
    assert client.post(PAGE, {"role": role.pk, "decline": "1"})["Location"] == PAGE
    assert not Role.objects.filter(pk=role.pk).exists()
    client.post(PAGE, {"role": role.pk, "decline": "1"})
    assert "This invitation is over." in text(client)


@pytest.mark.parametrize("given", ["0", "", "x", "9" * 30])
def test_what_is_no_invitation_of_theirs_is_answered_the_same(client: Client, ada: User, kim: User, given: str) -> None:
    other = invite("spam", kim, ada)
    client.force_login(kim)
    for role in (given, other.pk):
        client.post(PAGE, {"role": role, "decline": "1"})
        assert "This invitation is over." in text(client)
    assert Role.objects.get(pk=other.pk).accepted_at is None


def test_it_asks_the_same_few_queries_for_one_project_and_for_thirty(client: Client, ada: User, kim: User) -> None:
    client.force_login(ada)
    counts: dict[int, int] = {}
    for number in (1, 30):
        for one in range(number):
            name = f"spam-{number}-{one}"
            project = factories.make_project(name, ada, urls=[("Source", f"https://github.com/ada{one}/{name}")])
            factories.add_role(project, kim)
        text(client)
        with CaptureQueriesContext(connection) as queries:
            text(client)
        counts[number] = len(queries)
    assert counts[1] == counts[30]
    assert counts[30] <= 20


def test_a_visitor_signs_in_first_and_a_newcomer_is_told_how_to_begin(client: Client, kim: User) -> None:
    assert "/login/" in client.get(PAGE)["Location"]
    client.force_login(kim)
    assert "You have no project yet." in text(client)
