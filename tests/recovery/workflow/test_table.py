"""The whole table: every status × verb × actor. What it does not define changes nothing and is one event.

But for the system: it asks for what was due a moment ago, and that somebody was faster is no event.
The fast tier takes every verb, each in other scenes.
"""

from itertools import product
from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now

from accounts.mail import links
from accounts.mail.models import Link
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.recovery import errors, permissions, workflow
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status
from recoverydesk.recovery.permissions import OPERATOR, SYSTEM, Actor, Who
from recoverydesk.recovery.workflow import table
from recoverydesk.recovery.workflow.locked_ticket import FASTER
from recoverydesk.recovery.workflow.table import Verb
from tests.helpers import factories
from tests.helpers.calls import ANY_OPEN, CALLS, CHALLENGED, NEW, PROVING, WAITING, Outcome
from tests.helpers.tickets import (
    DAY,
    REASON,
    WAITING_OR_READY,
    acting,
    add_boundary,
    everything,
    make_admin,
    make_moderator,
    make_root,
    make_ticket,
    status_link,
    stop_link,
)
from tests.tiers import spread

pytestmark = pytest.mark.django_db
DESK = {Who.MODERATOR, Who.ADMIN}

# From which statuses, by whom: the table of moves, written down a second time.
WRITTEN_AGAIN: dict[Verb, tuple[set[Status], set[Who]]] = {
    Verb.CHALLENGE: ({NEW}, {Who.SYSTEM, Who.MODERATOR}),
    Verb.RESEND: (PROVING, {Who.SYSTEM, Who.MODERATOR, Who.CLAIMANT}),
    Verb.CONFIRM_MAILBOX: (PROVING, {Who.CLAIMANT}),
    Verb.TAKE_RETURN_CODE: (PROVING, {Who.CLAIMANT}),
    Verb.CHECK_NOW: ({CHALLENGED}, {Who.SYSTEM, Who.MODERATOR, Who.CLAIMANT}),
    Verb.RECORD_PROBE: ({CHALLENGED}, {Who.SYSTEM}),
    Verb.OFFER_PROOF: ({CHALLENGED}, {Who.CLAIMANT}),
    Verb.WRITE: (PROVING, {Who.CLAIMANT}),
    Verb.VOUCH: (ANY_OPEN, {Who.CO_OWNER}),
    Verb.ADD_BOUNDARY: ({NEW, CHALLENGED}, {Who.MODERATOR}),
    Verb.ASK_EXCEPTION: ({CHALLENGED}, {Who.MODERATOR}),
    Verb.APPROVE_EXCEPTION: ({CHALLENGED}, DESK),
    Verb.DECLINE_EXCEPTION: ({CHALLENGED}, DESK),
    Verb.DISPUTE: (ANY_OPEN, {Who.SYSTEM, Who.CO_OWNER, Who.MODERATOR}),
    Verb.NOTE_BOUNCE: ({CHALLENGED}, {Who.SYSTEM}),
    Verb.MEND_BOUNCE: ({CHALLENGED}, {Who.SYSTEM}),
    Verb.START_CLOCK: ({CHALLENGED}, {Who.SYSTEM}),
    Verb.WAIT_OVER: ({WAITING}, {Who.SYSTEM}),
    Verb.APPROVE: (PROVING, {Who.ADMIN}),
    Verb.SEND_BACK: (set(WAITING_OR_READY), DESK | {Who.SYSTEM}),
    Verb.RESET: (set(WAITING_OR_READY), {Who.ADMIN}),
    Verb.REJECT: (ANY_OPEN, DESK),
    Verb.STOP: (ANY_OPEN | {Status.STOPPED}, {Who.ADDRESS_HOLDER, Who.SUBJECT}),
    Verb.WITHDRAW: (ANY_OPEN, {Who.CLAIMANT, Who.SUBJECT}),
    Verb.EXPIRE: ({CHALLENGED}, {Who.SYSTEM}),
    Verb.OBJECT: ({Status.COMPLETED}, {Who.ADDRESS_HOLDER}),
    Verb.SETTLE_OBJECTION: ({Status.COMPLETED}, {Who.ADMIN}),
    Verb.REMIND: (ANY_OPEN, {Who.SYSTEM}),
    Verb.BREAK_GLASS: (ANY_OPEN, {Who.OPERATOR}),
}

PARTS: dict[str, set[Who]] = {
    "system": {Who.SYSTEM},
    "moderator": {Who.MODERATOR},
    "admin": DESK,
    "superuser": DESK,
    "staff without rights": set(),
    "subject": {Who.SUBJECT},
    "co-owner": {Who.CO_OWNER},
    "somebody signed in": set(),
    "claimant": {Who.CLAIMANT},
    "claimant of another ticket": set(),
    "stop link": {Who.ADDRESS_HOLDER},
    "stop link of another ticket": set(),
    "operator": {Who.OPERATOR},
    "nobody": set(),
}


def cast(ticket: RecoveryTicket, other: RecoveryTicket) -> dict[str, Actor]:
    """Everybody who may come to this ticket, all with a second factor shown a moment ago."""
    subject = ticket.subject
    owner = factories.make_user("kim")
    project = factories.make_project("shared", subject)
    factories.add_role(project, owner)
    return {
        "system": SYSTEM,
        "moderator": acting(make_moderator()),
        "admin": acting(make_admin()),
        "superuser": acting(make_root()),
        "staff without rights": acting(factories.make_user("auditor", staff=True)),
        "subject": permissions.signed_in(subject, recent=True),
        "co-owner": permissions.signed_in(owner, recent=True),
        "somebody signed in": permissions.signed_in(factories.make_user("eve"), recent=True),
        "claimant": permissions.claimant(status_link(ticket)),
        "claimant of another ticket": permissions.claimant(status_link(other)),
        "stop link": permissions.address_holder(stop_link(ticket)),
        "stop link of another ticket": permissions.address_holder(stop_link(other)),
        "operator": OPERATOR,
        "nobody": Actor(frozenset()),
    }


def in_status(ticket: RecoveryTicket, status: str, template: dict[str, Any]) -> RecoveryTicket:
    """Write the columns of a ticket of that status over this one."""
    RecoveryTicket.objects.filter(pk=ticket.pk).update(**template)
    dead = Now() if status == Status.NEW else None  # the challenge makes the ticket's one live status link
    Link.objects.filter(reference=ticket.reference, purpose="status").update(dead_at=dead)
    return RecoveryTicket.objects.get(pk=ticket.pk)


COLUMNS = (
    "status", "turn", "challenged_at", "mailbox_confirmed_at", "wait_until", "closed_at", "completed_at", "reset_by_id",
)  # fmt: skip


def test_the_table_is_as_written_here() -> None:
    built = {name: (set(move.sources), set(move.who)) for name, move in table.TRANSITIONS.items()}
    assert built == WRITTEN_AGAIN
    assert set(CALLS) == set(Verb)


@pytest.mark.parametrize("name", list(Verb))
def test_every_actor_in_every_status(name: Verb, ada: User) -> None:
    other = make_ticket(factories.make_user("eric"))
    ticket = make_ticket(ada)
    actors = cast(ticket, other)
    add_boundary(ticket)
    who_reset = make_admin("resetting")
    scenes = spread(product(Status, actors), 20, seed=name)
    for status in Status:
        with transaction.atomic():
            model = make_ticket(factories.make_user(f"model-{status}"), status, reset_by=who_reset)
            template = {column: getattr(model, column) for column in COLUMNS}
            transaction.set_rollback(True)
        if status in WAITING_OR_READY:
            ticket.boundaries.all().delete()
            add_boundary(ticket, proved=True)
        ticket = in_status(ticket, status, template)
        before = everything()
        for who in [who for who in actors if (status, who) in scenes]:
            with transaction.atomic():
                _check(name, ticket, status, who, actors[who], before)
                transaction.set_rollback(True)
        ticket.boundaries.update(proof=None, proved_at=None)
        for boundary in ticket.boundaries.all():
            boundary.probes.all().delete()


def _check(name: Verb, ticket: RecoveryTicket, status: Status, who: str, actor: Actor, before: dict[str, Any]) -> None:
    call, outcomes = CALLS[name]
    sources, allowed = WRITTEN_AGAIN[name]
    events = Event.objects.count()
    scene = f"{name} by {who} in {status}"
    if not PARTS[who] & allowed:
        refused: Outcome = errors.NotAllowed
    elif status not in sources:
        refused = errors.InvalidTransition
    else:
        refused = outcomes.get(status)
    if name == Verb.SEND_BACK and who == "system" and status in WAITING_OR_READY:
        refused = CHALLENGED  # a person's needs a cause; the system comes with one
    if isinstance(refused, type):
        with pytest.raises(errors.RecoveryError) as caught:
            call(ticket, actor)
        assert caught.type is refused, scene
        assert everything() == before, scene
        if who == "system" and refused in FASTER:
            assert Event.objects.count() == events, scene
            return
        assert Event.objects.count() == events + 1, scene
        last = Event.objects.latest("id")
        assert (last.tag, last.data["verb"], last.data["error"]) == (
            Tag.ACCOUNT_RECOVERY_REFUSED, name, refused.__name__
        ), scene  # fmt: skip
        return
    call(ticket, actor)
    found = RecoveryTicket.objects.get(pk=ticket.pk).status
    assert found == (refused or status), scene
    assert found in table.TRANSITIONS[name].targets


# What the holder of the link that confirms a new contact may do before it is confirmed.
CONFIRMING = {Verb.CONFIRM_MAILBOX, Verb.TAKE_RETURN_CODE, Verb.WITHDRAW}


@pytest.mark.parametrize("name", [name for name, (_sources, who) in WRITTEN_AGAIN.items() if Who.CLAIMANT in who])
def test_the_link_that_confirms_a_new_contact_opens_few_of_the_claimants_verbs(name: Verb, ada: User) -> None:
    ticket = make_ticket(ada, claim=Claim.EMAIL, contact="new@example.org")
    add_boundary(ticket)
    confirming = links.make_link(
        "confirm_contact", ticket.contact, lifetime=DAY, user=ada, reference=ticket.reference
    )  # fmt: skip
    before, (call, _outcomes) = everything(), CALLS[name]
    try:
        call(ticket, permissions.claimant(confirming))
    except errors.NotAllowed:
        assert name not in CONFIRMING
        assert everything() == before
    else:
        assert name in CONFIRMING
        return
    call(ticket, permissions.claimant(status_link(ticket)))


@pytest.mark.parametrize("verb", ["reset", "reject", "challenge"])
@pytest.mark.parametrize("superuser", [True, False])
def test_nobody_works_a_ticket_about_themselves(verb: str, superuser: bool) -> None:
    boss = factories.make_user("boss", superuser=superuser, staff=True, groups=["Admins"])
    ticket = make_ticket(boss, Status.NEW if verb == "challenge" else Status.READY)
    keywords = {} if verb == "challenge" else {"reason": REASON}
    before = everything()
    with pytest.raises(errors.OwnTicket):
        getattr(workflow, verb)(ticket.pk, actor=acting(boss), **keywords)
    assert everything() == before
