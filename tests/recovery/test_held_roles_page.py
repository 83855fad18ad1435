"""The desk's list of roles on hold, and two people's word for one."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from recoverydesk.projects.models import Role
from recoverydesk.recovery.models import RecoveryTicket, ReleaseWord, Status
from tests import factories
from tests.recovery.builders import DAY, REASON, make_admin, make_moderator, make_ticket
from tests.recovery.deskwork import asks_for_factor, decide, hidden

pytestmark = pytest.mark.django_db
PAGE = "/admin/recovery/recoveryticket/held-roles/"


def at_the_desk(user: User) -> Client:
    secret, browser = factories.add_totp(user)[1], Client()
    browser.post("/account/login/", {"login": user.username, "password": factories.PASSWORD})
    browser.post("/account/second-factor/", {"code": factories.code(secret)})
    browser.get("/account/security/")  # which says, once, that the sign-in worked
    return browser


def hold(username: str = "ada", days: float = 31) -> Role:
    """This account's role in a project it owns with kim, on hold for so many days."""
    user = factories.make_user(username)
    kim = User.objects.filter(username="kim").first() or factories.make_user("kim")
    project = factories.make_project(f"tool-{username}", user)
    factories.add_role(project, kim)
    ticket, role = make_ticket(user, Status.COMPLETED, reset_by=kim), Role.objects.get(user=user)
    Role.objects.filter(pk=role.pk).update(held_at=ticket.completed_at, held_for=ticket.pk)
    Role.objects.filter(pk=role.pk).update(held_at=F("held_at") - days * DAY)
    return role


def form(role: Role) -> dict[str, Any]:
    """What the page's form for this role posts."""
    role.refresh_from_db()
    return {"role": role.pk, "reason": REASON, **hidden(RecoveryTicket(pk=role.held_for))}


def acts(role: Role) -> bool:
    role.refresh_from_db()
    return role.held_at is None


def test_it_says_who_where_since_when_and_who_may_say_so() -> None:
    role = hold(days=3)
    role.refresh_from_db()
    page = at_the_desk(make_admin()).get(PAGE).content.decode()
    assert ">ada</a>" in page
    assert "tool-ada, owner" in page.replace("Owner", "owner")
    assert f"#{role.held_for}" in page
    assert "<td>kim</td>" in page
    assert "two of them, from" in page
    assert "Let this role act again" not in page


def test_nobody_on_hold_is_said_so() -> None:
    assert b"No role is on hold." in at_the_desk(make_admin()).get(PAGE).content


def test_two_admins_release_it_after_thirty_days() -> None:
    role = hold()
    grace, rosa = at_the_desk(make_admin("grace")), at_the_desk(make_admin("rosa"))
    said = decide(grace, PAGE, form(role), follow=True)
    assert b"Another person has to say so too." in said.content
    assert b"grace said so; one more person is needed." in said.content
    assert b"Let this role act again" not in said.content
    assert not acts(role)
    assert decide(grace, PAGE, form(role)).status_code == 409
    assert not acts(role)
    assert b"The role acts again." in decide(rosa, PAGE, form(role), follow=True).content
    assert acts(role)


@pytest.mark.parametrize(("days", "reason"), [(29, REASON), (31, "short"), (31, "")])
def test_a_refusal_says_why_keeps_the_reason_and_changes_nothing(days: int, reason: str) -> None:
    role = hold(days=days)
    answer = at_the_desk(make_admin()).post(PAGE, form(role) | {"reason": reason})
    assert answer.status_code == 409
    assert b'role="alert"' in answer.content
    assert reason.encode() in answer.content or days < 30
    assert not ReleaseWord.objects.exists()
    assert not acts(role)


@pytest.mark.parametrize("number", ["", "x", "0", "-1", "9" * 40, "\u0661"])
def test_a_role_that_is_not_there_is_refused(number: str) -> None:
    assert at_the_desk(make_admin()).post(PAGE, {"role": number, "reason": REASON}).status_code == 409


def test_a_moderator_sees_the_list_and_decides_nothing() -> None:
    role = hold()
    mod = at_the_desk(make_moderator())
    assert b"Let this role act again" not in mod.get(PAGE).content
    assert mod.post(PAGE, form(role)).status_code == 409
    assert not ReleaseWord.objects.exists()


def test_nobody_releases_their_own_role_or_that_of_a_co_owner() -> None:
    role = hold()
    for username in ("ada", "kim"):
        user = User.objects.get(username=username)
        user.is_staff = user.is_superuser = True
        user.staff_since = role.user.date_joined - 60 * DAY
        user.save()
        browser = at_the_desk(user)
        assert b"Let this role act again" not in browser.get(PAGE).content
        assert browser.post(PAGE, form(role)).status_code == 409
    assert not ReleaseWord.objects.exists()


def test_a_second_factor_is_shown_for_this_role_first() -> None:
    role, browser = hold(), at_the_desk(make_admin())
    answer = browser.post(PAGE, form(role))
    assert asks_for_factor(answer)
    page = browser.get(answer["Location"]).content.decode()
    assert "Let the role of ada in tool-ada act again." in page
    assert f"Ticket {role.held_for}, as you saw it at version" in page
    assert not ReleaseWord.objects.exists()


@pytest.mark.parametrize("version", ["", "x", "9" * 30])
def test_a_page_of_another_state_releases_nothing(version: str) -> None:
    role = hold()
    answer = at_the_desk(make_admin()).post(PAGE, form(role) | {"version": version})
    assert answer.status_code == 409
    assert "changed since this page was shown" in answer.content.decode()


def test_the_list_takes_a_fixed_number_of_queries() -> None:
    browser, counts = at_the_desk(make_admin()), list[int]()
    for number in range(3):
        hold(f"user-{number}")
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(PAGE).status_code == 200
        counts.append(len(queries))
    assert len(set(counts)) == 1, counts
    assert counts[0] <= 14, counts


def test_a_member_sees_no_list(client: Any) -> None:
    factories.make_user("member")
    assert "/login/" in client.get(PAGE)["Location"]
