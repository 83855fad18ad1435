"""Design rule 11: staff who own a project together with the subject write a note and do nothing else.

The walks are generated: a new button, verb or page of a ticket fails here until it refuses them or is named harmless.
"""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import services
from accounts.models import User
from common.clock import database_now
from recoverydesk.projects.models import Project, Role
from recoverydesk.recovery import errors, workflow
from recoverydesk.recovery.admin import RecoveryTicketAdmin
from recoverydesk.recovery.desk import assignment, buttons, notes
from recoverydesk.recovery.models import Claim, OtherProof, RecoveryTicket, Source, Status
from recoverydesk.recovery.permissions import signed_in, staff
from recoverydesk.recovery.workflow import table
from recoverydesk.recovery.workflow.table import STAFF, Verb
from tests.helpers import factories
from tests.helpers.calls import CALLS
from tests.helpers.desk import QUEUE, browser, button, page
from tests.helpers.tickets import (
    REASON,
    add_boundary,
    as_staff,
    everything,
    long_serving,
    make_moderator,
    make_root,
    make_ticket,
    refusals,
)

pytestmark = pytest.mark.django_db
HARMLESS_BUTTONS = {"note", "read"}  # read: "I have read the notes that name me"
# What can be done to one ticket by its address. A new one: refuse co-owners, and say so in the walk it belongs to.
PAGES = {
    "press/<slug:verb>/",  # every button: walked below
    "reply/",  # speaks to the claimant: refused below
    "looking/",  # says that the page is open
    "mail/<int:mail_id>/",  # to read
}
SENTENCE = str(errors.CoOwnedTicket())


@pytest.fixture
def ada(ada: User) -> User:
    """She owns a project together with kim."""
    factories.make_project("shared", ada)
    return ada


@pytest.fixture
def kim(ada: User) -> User:
    """Every right there is, and an owner of ada's project."""
    user = long_serving(factories.make_user("kim", superuser=True, groups=["Admins", "Moderators"]))
    factories.add_role(Project.objects.get(), user)
    return user


@pytest.fixture
def ticket(ada: User) -> RecoveryTicket:
    ticket = make_ticket(ada)
    add_boundary(ticket)
    return ticket


def form_of(ticket: RecoveryTicket) -> dict[str, Any]:
    """Everything any button of the ticket may ask for."""
    other = make_ticket(ticket.subject, Status.REJECTED)
    return {
        "reason": REASON, "version": ticket.version, "username": ticket.subject.username, "of": other.pk, "days": 3,
        "boundary": ticket.boundaries.get().pk, "other_proof": "archived", "url": "https://github.com/web/tool",
        "to": "", "text": "words",
    }  # fmt: skip


@pytest.mark.parametrize("verb", sorted(set(buttons.BUTTONS) - HARMLESS_BUTTONS))
def test_no_button_does_anything_for_a_co_owner(ticket: RecoveryTicket, kim: User, verb: str) -> None:
    form, client = form_of(ticket), browser(kim)
    before = everything()
    answer = client.post(button(ticket, verb), form)
    assert answer.status_code == 409
    assert SENTENCE in answer.content.decode()
    assert everything() == before
    assert refusals(ticket)[-1]["error"] == "CoOwnedTicket"


@pytest.mark.parametrize("name", [name for name, move in table.TRANSITIONS.items() if move.who & STAFF])
def test_no_verb_of_staff_does_anything_for_a_co_owner(ticket: RecoveryTicket, kim: User, name: Verb) -> None:
    with pytest.raises(errors.CoOwnedTicket):
        CALLS[name][0](ticket, as_staff(kim))


def test_every_address_of_a_ticket_is_known_to_these_tests() -> None:
    from django.contrib import admin

    urls = RecoveryTicketAdmin(RecoveryTicket, admin.site).get_urls()
    routes = {str(one.pattern) for one in urls}
    assert {route.removeprefix("<int:pk>/") for route in routes if route.startswith("<int:pk>/")} == PAGES


def test_a_co_owner_sends_no_reply(ticket: RecoveryTicket, kim: User) -> None:
    client = browser(kim)
    shown = client.post(f"{QUEUE}{ticket.pk}/reply/", {"text": "Hello", "version": ticket.version})
    assert "Send this reply" not in shown.content.decode()
    assert SENTENCE in shown.content.decode()
    sent = client.post(f"{QUEUE}{ticket.pk}/reply/", {"text": "Hello", "version": ticket.version, "send": "1"})
    assert (sent.status_code, refusals(ticket)[-1]["error"]) == (409, "CoOwnedTicket")


def test_a_co_owner_writes_a_note_and_marks_notes_as_read(ticket: RecoveryTicket, kim: User) -> None:
    notes.add_note(ticket.pk, actor=staff(make_moderator()), text="@kim, do you know them?")
    client = browser(kim)
    shown = page_of(client, ticket)
    assert client.post(button(ticket, "note"), fields(shown, "note") | {"text": "No, ask jon"}).status_code == 302
    assert client.post(button(ticket, "read")).status_code == 302
    assert ticket.entries.count() == 2


def page_of(client: Client, ticket: RecoveryTicket) -> str:
    return str(client.get(page(ticket)).content.decode())


def fields(shown: str, verb: str) -> dict[str, str]:
    form = shown.split(f"/press/{verb}/", 1)[1]
    return dict(re.findall(r'name="(version|seen)" value="(\d+)"', form)[:2])


@pytest.mark.parametrize("status", list(Status))
def test_the_page_offers_a_co_owner_a_note_and_says_why(ada: User, kim: User, status: Status) -> None:
    ticket = make_ticket(ada, status)
    add_boundary(ticket, proved=status in (Status.WAITING, Status.READY))
    shown = page_of(browser(kim), ticket)
    assert set(re.findall(r"/press/(\w+)/", shown)) <= HARMLESS_BUTTONS
    assert "/press/note/" in shown
    assert "/reply/" not in shown
    assert "somebody else works on this ticket" in shown


def test_the_account_page_offers_a_co_owner_neither_a_freeze_nor_a_ticket(ada: User, kim: User) -> None:
    client = browser(kim)
    for where in (f"{QUEUE}account/{ada.pk}/", f"/admin/accounts/user/{ada.pk}/change/"):
        shown = client.get(where).content.decode()
        assert f"/user/{ada.pk}/freeze/" not in shown
        assert f"account/{ada.pk}/open/" not in shown
    assert "You own a project together with this account" in client.get(f"{QUEUE}account/{ada.pk}/").content.decode()


@pytest.mark.parametrize("verb", ["freeze", "unfreeze"])
def test_a_co_owner_neither_freezes_nor_unfreezes(ada: User, kim: User, verb: str) -> None:
    how = {"by": User.FrozenBy.STAFF} if verb == "freeze" else {}
    with pytest.raises(services.NotPermitted):
        getattr(services, verb)(ada, actor=kim, reason=REASON, **how)
    assert browser(kim).get(f"/admin/accounts/user/{ada.pk}/{verb}/").status_code == 403


def test_a_co_owner_opens_no_ticket_as_staff(ada: User, kim: User) -> None:
    with pytest.raises(errors.CoOwnedTicket):
        workflow.open_ticket(subject=ada, claim=Claim.SECOND_FACTOR, actor=staff(kim), source=Source.STAFF)


def test_nobody_puts_a_ticket_on_a_co_owners_desk(ticket: RecoveryTicket, kim: User) -> None:
    with pytest.raises(errors.CoOwnedTicket, match="kim"):
        assignment.assign(ticket.pk, actor=staff(make_moderator()), to=kim)


def test_take_next_passes_by_the_tickets_of_a_co_owner(ada: User, kim: User) -> None:
    make_ticket(ada, Status.READY)
    later = make_ticket(factories.make_user("lee"), Status.READY)
    for expected in (later, None):
        assert assignment.take_next(actor=staff(kim)) == expected


def test_as_an_owner_they_still_object(ticket: RecoveryTicket, kim: User) -> None:
    workflow.dispute(ticket.pk, actor=signed_in(kim, recent=True), reason=REASON)
    ticket.refresh_from_db()
    assert ticket.disputed_at is not None


def test_the_rule_costs_a_verb_one_query(ticket: RecoveryTicket) -> None:
    mod = staff(make_moderator())
    with CaptureQueriesContext(connection) as caught:
        workflow.check_now(ticket.pk, actor=mod)
    assert sum("projects_role" in query["sql"] for query in caught) == 1


# Whose word counts ----------------------------------------------------------------------------------------------------


@pytest.fixture
def lee(ada: User) -> User:
    user = factories.make_user("lee")
    factories.add_totp(user)
    factories.add_role(Project.objects.get(), user)
    return user


def rest(user: User) -> None:
    Role.objects.filter(user=user).update(held_at=database_now(), held_for=1)


def quarantine(user: User) -> None:
    User.objects.filter(pk=user.pk).update(quarantined_at=database_now())


@pytest.mark.parametrize(("what", "why"), [(rest, errors.RoleRests), (quarantine, errors.InQuarantine)])
def test_an_owner_let_back_in_lately_vouches_for_nobody_and_may_object(
    ticket: RecoveryTicket, lee: User, what: Any, why: type[errors.RecoveryError]
) -> None:
    what(lee)
    lee.refresh_from_db()
    with pytest.raises(why):
        workflow.vouch(ticket.pk, actor=signed_in(lee, recent=True))
    assert not OtherProof.objects.exists()
    workflow.dispute(ticket.pk, actor=signed_in(lee, recent=True), reason=REASON)
    client = Client()
    client.force_login(lee)
    shown = client.get("/recover/beside/").content.decode()
    assert str(why.sentence) in shown.replace("&#x27;", "'")
    assert 'name="vouch"' not in shown
    assert 'name="object"' in shown


def test_an_owner_who_acts_in_another_shared_project_vouches(ticket: RecoveryTicket, lee: User) -> None:
    rest(lee)
    factories.add_role(factories.make_project("second", ticket.subject), lee)
    workflow.vouch(ticket.pk, actor=signed_in(lee, recent=True))
    assert OtherProof.objects.get().by == lee


def test_a_resting_owner_still_decides_nothing_as_staff(ticket: RecoveryTicket) -> None:
    root = make_root()
    factories.add_role(Project.objects.get(), root)
    rest(root)
    with pytest.raises(errors.CoOwnedTicket):
        workflow.reject(ticket.pk, actor=as_staff(root), reason=REASON)
