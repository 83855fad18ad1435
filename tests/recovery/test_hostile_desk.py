"""What a hostile or clumsy member of staff may send to the desk: odd text, forged forms, buttons of others."""

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.clock import database_now
from recoverydesk.recovery import notes
from recoverydesk.recovery.models import RecoveryTicket, Status
from recoverydesk.recovery.permissions import staff
from tests import factories
from tests.recovery.builders import (
    DAY,
    REASON,
    add_boundary,
    everything,
    make_admin,
    make_moderator,
    make_ticket,
    refusals,
)
from tests.recovery.test_admin import QUEUE, browser, button

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_limits_left_over() -> None:
    cache.clear()


@pytest.fixture
def mod(db: None) -> Client:
    return browser(make_moderator())


@pytest.fixture
def ticket(db: None) -> RecoveryTicket:
    one = make_ticket(factories.make_user("ada"), Status.NEW)
    add_boundary(one)
    return one


def disputed() -> RecoveryTicket:
    """A ready ticket two people decide about."""
    one = make_ticket(factories.make_user("kim"), Status.READY, disputed_at=database_now() - 8 * DAY)
    add_boundary(one, proved=True)
    return one


def names(ticket: RecoveryTicket) -> list[tuple[str, str]]:
    return [(data["verb"], data["error"]) for data in refusals(ticket)]


# Odd text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["%", "_", "\\", "#", "#0214", "9" * 30, "#" + "9" * 30, "x" * 5000, "@", "//", "http://[", "https://a:99999999/b",
     "a:b/c", "ß/ß", "\u202e", "<script>", "'; --", "٣", "²", "https://xn--/a/b", "a/" * 100],
)  # fmt: skip
def test_whatever_is_searched_or_asked_of_the_queue_it_opens(ticket: RecoveryTicket, mod: Client, text: str) -> None:
    asked = dict.fromkeys(("with", "queue", "claim", "flag", "status", "page"), text)
    assert mod.get(QUEUE, {"q": text}).status_code == 200
    assert mod.get(QUEUE, asked).status_code == 200


def test_a_percent_sign_finds_no_more_than_itself(ticket: RecoveryTicket, mod: Client) -> None:
    for text in ("%", "_da", "a%", "ad_"):
        assert mod.get(QUEUE, {"q": text}).context["found"].rows == []


@pytest.mark.parametrize("name", ["q", "with"])
@pytest.mark.parametrize("address", [QUEUE, f"{QUEUE}csv/"])
def test_a_nul_is_no_search(mod: Client, address: str, name: str) -> None:
    """PostgreSQL takes no NUL in a text: asked for it, the page was an error of ours."""
    assert mod.get(address, {name: "a\0b"}).status_code == 400


@pytest.mark.parametrize("path", ["press/note/", "press/reject/", "press/dispute/", "press/assign/", "reply/"])
def test_a_nul_is_written_nowhere(ticket: RecoveryTicket, mod: Client, path: str) -> None:
    before = everything()
    given = {"text": "hello\0there", "reason": f"{REASON}\0", "to": "jon\0"}
    assert mod.post(f"{QUEUE}{ticket.pk}/{path}", given).status_code == 400
    assert everything() == before


@pytest.mark.parametrize("path", ["act/", "save-view/", "remove-view/"])
def test_a_nul_names_no_view_and_nobody(ticket: RecoveryTicket, mod: Client, path: str) -> None:
    given = {"name": "a\0b", "view": "q=x", "ticket": [str(ticket.pk)], "action": "assign", "to": "a\0b"}
    assert mod.post(f"{QUEUE}{path}", given).status_code == 400


# A form that lacks something -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["reset", "approve"])
def test_a_wrong_username_is_written_down(db: None, verb: str) -> None:
    ticket, admin = disputed(), browser(make_admin())
    answer = admin.post(button(ticket, verb), {"reason": REASON, "username": "Kim"})
    assert answer.status_code == 409
    assert b"Type the username of the account exactly" in answer.content
    assert names(ticket) == [(verb, "WrongUsername")]


@pytest.mark.parametrize("verb", ["reset", "approve"])
def test_who_may_not_press_hears_that_and_not_what_the_form_lacks(mod: Client, verb: str) -> None:
    ticket = disputed()
    answer = mod.post(button(ticket, verb), {"reason": REASON})
    assert b"You may not do this" in answer.content
    assert names(ticket) == [(verb, "NotAllowed")]


def test_a_duplicate_of_nothing_and_an_unknown_name_are_written_down(ticket: RecoveryTicket, mod: Client) -> None:
    mod.post(button(ticket, "duplicate"), {"of": "999"})
    mod.post(button(ticket, "assign"), {"to": "nobody-of-that-name"})
    assert names(ticket) == [("reject", "InvalidTransition"), ("assign", "UnknownSubject")]


@pytest.mark.parametrize("days", ["31", "45", "-1", "x", "9" * 17, "9" * 40])
def test_a_number_of_days_that_is_none_wakes_nothing(ticket: RecoveryTicket, mod: Client, days: str) -> None:
    """Forty-five days were taken for none: the ticket woke, and the page said so as if that had been asked."""
    until = database_now() + 3 * DAY
    notes.snooze(ticket.pk, actor=staff(make_admin()), until=until)
    answer = mod.post(button(ticket, "snooze"), {"days": days})
    assert b"at most 30 days" in answer.content
    assert RecoveryTicket.objects.get().snoozed_until == until
    assert names(ticket) == [("snooze", "BadSnooze")]
    mod.post(button(ticket, "snooze"), {"days": "0"})
    assert RecoveryTicket.objects.get().snoozed_until is None
