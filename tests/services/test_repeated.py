"""Clicking twice is like clicking once: the same page, one effect. Somebody else's click is refused."""

import pytest
from django.db.models.functions import Now
from django.test import Client

from accounts.mail import links
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.recovery.models import RecoveryTicket, Status
from tests.helpers import factories
from tests.helpers.desk import browser, push
from tests.helpers.tickets import REASON, add_boundary, make_admin, make_ticket, stop_link

pytestmark = pytest.mark.django_db
PAGE = "/admin/recovery/recoveryticket/{}/change/"


@pytest.fixture
def ready(ada: User) -> RecoveryTicket:
    factories.make_project("tool", ada)
    ticket = make_ticket(ada, Status.READY)
    add_boundary(ticket, proved=True)
    return ticket


def click(client: Client, ticket: RecoveryTicket, verb: str, version: int = 0) -> tuple[int, str]:
    answer = push(client, ticket, verb, {"reason": REASON, "version": str(version), "seen": ""})
    return answer.status_code, answer.headers.get("Location", "")


def a_cause(ticket: RecoveryTicket) -> None:
    """Something that asks for a step back: the mail came back."""
    RecoveryTicket.objects.filter(pk=ticket.pk).update(contact_bounced_at=Now())


def count(tag: Tag) -> int:
    return Event.objects.filter(tag=tag).count()


@pytest.mark.parametrize("verb", ["reset", "reject", "send_back"])
def test_the_same_person_clicking_twice_comes_to_the_same_page(ready: RecoveryTicket, verb: str) -> None:
    client = browser(make_admin())
    if verb == "send_back":
        a_cause(ready)
    first, second = click(client, ready, verb), click(client, ready, verb)
    assert first == second == (302, PAGE.format(ready.pk))
    tag = Tag(f"account:recovery:{verb}")
    assert count(tag) == 1


def test_another_hand_is_refused(ready: RecoveryTicket) -> None:
    one, other = browser(make_admin("grace")), browser(make_admin("otto"))
    assert click(one, ready, "reset")[0] == 302
    assert click(other, ready, "reset")[0] == 409
    assert count(Tag.ACCOUNT_RECOVERY_RESET) == 1


def test_a_second_click_after_somebody_moved_the_ticket_is_refused(ready: RecoveryTicket) -> None:
    one, other = browser(make_admin("grace")), browser(make_admin("otto"))
    a_cause(ready)
    assert click(one, ready, "send_back")[0] == 302
    assert click(other, ready, "reject", version=1)[0] == 302
    assert click(one, ready, "send_back")[0] == 409


def test_stopping_twice_shows_the_same_page_and_stops_once(ready: RecoveryTicket, client: Client) -> None:
    path = f"/recover/stop/{links.key(stop_link(ready))}/"
    first, second = (client.post(path, {"stop": "1"}, follow=True) for _click in range(2))
    assert [one.status_code for one in (first, second)] == [200, 200]
    assert first.templates[0].name == second.templates[0].name == "recovery/stopped.html"
    assert count(Tag.ACCOUNT_RECOVERY_STOP) == 1


def test_locking_after_a_plain_stop_locks_once_and_says_so(ready: RecoveryTicket, client: Client, ada: User) -> None:
    path = f"/recover/stop/{links.key(stop_link(ready))}/"
    plain = client.post(path, {"stop": "1"})
    assert "the account is frozen" not in plain.content.decode()
    first, second = (client.post(path, {"lock": "1"}, follow=True) for _click in range(2))
    ada.refresh_from_db()
    assert ada.frozen_at is not None
    assert [one.status_code for one in (first, second)] == [200, 200]
    assert "the account is frozen" in first.content.decode()
    assert count(Tag.ACCOUNT_FREEZE) == 1
