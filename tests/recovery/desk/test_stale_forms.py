"""A form is about the ticket its writer saw: no missing, huge or made-up number passes for it."""

from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from accounts.models import User
from recoverydesk.recovery.desk import buttons, notes
from recoverydesk.recovery.models import RecoveryTicket, Status
from recoverydesk.recovery.permissions import staff
from recoverydesk.recovery.workflow import seen_pages
from recoverydesk.recovery.workflow.seen_pages import Seen
from tests.helpers import factories
from tests.helpers.desk import QUEUE, browser, button, hidden
from tests.helpers.scenes import SCENES
from tests.helpers.tickets import REASON, add_boundary, everything, make_moderator, make_root, make_ticket, refusals

pytestmark = pytest.mark.django_db
# Buttons for which it does not matter what changed since: they look, object, put off or add strength, each for itself.
ANY_TIME = {"check_now", "resend", "send_back", "read", "dispute", "add_boundary", "snooze", "assign"}
NUMBERS = {
    "missing": None, "empty": "", "huge": "9" * 31, "no database's": "9" * 17, "endless": "9" * 5000, "negative": "-1",
    "a word": "x", "a fraction": "1.0", "Arabic": "٣", "full width": "１", "a power": "1e3", "spaced": " 1",
    "signed": "+1",
}  # fmt: skip
SOME = [NUMBERS[name] for name in ("missing", "huge", "negative", "Arabic")]  # for the walk of all buttons


@pytest.fixture
def ada(ada: User) -> User:
    """She owns a project."""
    factories.make_project("tool", ada)
    return ada


@pytest.fixture
def root(db: None) -> Client:
    return browser(make_root())


def scene_of(verb: str, ada: User) -> tuple[RecoveryTicket, dict[str, Any]]:
    """A ticket on which this button would do its work, with an event to have seen."""
    if verb in SCENES:
        ticket, form = SCENES[verb][0](ada)
    else:
        ticket, form = make_ticket(ada, Status.NEW), {"of": make_ticket(ada, Status.REJECTED).pk, "text": "words"}
        add_boundary(ticket)
    notes.add_note(ticket.pk, actor=staff(make_moderator()), text="an event")
    return ticket, {"reason": REASON, **form}


def given(number: str | None, name: str) -> dict[str, str]:
    return {} if number is None else {name: number}


@pytest.mark.parametrize("verb", sorted(set(buttons.BUTTONS) - ANY_TIME))
def test_no_button_takes_a_version_that_is_none(ada: User, root: Client, verb: str) -> None:
    ticket, form = scene_of(verb, ada)
    good = hidden(ticket)
    before, refused = everything(), len(refusals(ticket))
    for number in SOME:
        answer = root.post(button(ticket, verb), {**form, **given(number, "version"), "seen": good["seen"]})
        assert answer.status_code == 409, number
    assert everything() == before
    assert {one["error"] for one in refusals(ticket)[refused:]} == {"StaleTicket"}
    assert root.post(button(ticket, verb), {**form, **good}).status_code == 302


@pytest.mark.parametrize("verb", sorted(ANY_TIME))
def test_a_button_that_does_not_ask_stumbles_over_no_number(ada: User, root: Client, verb: str) -> None:
    ticket, form = scene_of(verb, ada)
    for number in SOME:
        answer = root.post(button(ticket, verb), {**form, **given(number, "version"), **given(number, "seen")})
        assert answer.status_code in (302, 409)


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
def test_a_number_that_is_none_excuses_no_older_version(ada: User, number: str | None) -> None:
    """A huge event once made every version pass: nothing had happened after it."""
    ticket, _form = scene_of("note", ada)
    RecoveryTicket.objects.filter(pk=ticket.pk).update(version=F("version") + 1)
    ticket.refresh_from_db()
    assert ticket.version > 0
    seen = seen_pages.seen_of_form({"version": "0", **given(number, "seen")})
    assert not seen_pages.is_current(seen, ticket)
    assert not seen_pages.is_current(
        seen_pages.seen_of_form({"seen": seen_pages.newest(ticket), **given(number, "version")}), ticket
    )


def test_an_event_of_another_ticket_excuses_nothing(ada: User) -> None:
    ticket, _form = scene_of("note", ada)
    other = make_ticket(factories.make_user("kim"), Status.NEW)
    notes.add_note(other.pk, actor=staff(make_moderator("lin")), text="later")
    ticket.refresh_from_db()
    assert not seen_pages.is_current(Seen(0, seen_pages.newest(other)), ticket)


def test_several_tickets_are_seen_in_two_queries(ada: User, django_assert_num_queries: Any) -> None:
    tickets = [scene_of("note", ada)[0], make_ticket(factories.make_user("kim"))]
    for ticket in tickets:
        ticket.refresh_from_db()
    with django_assert_num_queries(2):
        found = seen_pages.seen_of_tickets([ticket.pk for ticket in tickets])
    assert found == {ticket.pk: seen_pages.seen_of_ticket(ticket) for ticket in tickets}


def test_the_page_of_a_reply_opens_whatever_the_numbers(ada: User, root: Client) -> None:
    ticket, form = scene_of("note", ada)
    for number in SOME:
        answer = root.post(f"{QUEUE}{ticket.pk}/reply/", {**form, **given(number, "version"), **given(number, "seen")})
        assert answer.status_code == 200
