"""What every verb shares: the lock, the look in the table, the checks of who is asking, the saving and the event."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import decisions
from accounts.models import User
from audit import log
from audit.tags import Tag
from common import failpoints
from common.clock import database_now
from recoverydesk.projects import people
from recoverydesk.recovery import errors, policy
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import OPEN_STATUSES, Boundary, RecoveryTicket, Status, Turn
from recoverydesk.recovery.permissions import Actor, Who
from recoverydesk.recovery.workflow import staff_decisions, timetable
from recoverydesk.recovery.workflow.checks import check_not_co_owner, check_not_own
from recoverydesk.recovery.workflow.seen_pages import Seen, is_current
from recoverydesk.recovery.workflow.table import DECISIONS, OUTSIDE, STAFF, TRANSITIONS, UNCONFIRMED_MAY, Move, Verb

FASTER = (errors.InvalidTransition, errors.StaleTicket, errors.WaitingPeriodActive)  # what a lost race ends in


@dataclass
class LockedTicket:
    """A ticket that one verb has locked. `now` is the database's clock, read after the lock.

    `seen` is the page the actor had before them; `confirmed` says that `check_confirmed` was passed.
    """

    verb: Verb
    ticket: RecoveryTicket
    actor: Actor
    now: datetime
    targets: frozenset[Status]
    boundaries: list[Boundary] = field(default_factory=list)
    seen: Seen | None = None
    confirmed: bool = False

    @classmethod
    def of(cls, verb: Verb, ticket: RecoveryTicket, actor: Actor) -> "LockedTicket":
        """A ticket that is locked already, for work that moves it nowhere."""
        return cls(verb, ticket, actor, database_now(), frozenset(), list(ticket.boundaries.order_by("id")))

    def case(self) -> policy.Case:
        """What policy may know, read now."""
        return cases.read_case(self.ticket, self.now, self.boundaries)

    @property
    def asked(self) -> list[Boundary]:
        return [boundary for boundary in self.boundaries if boundary.kind == Boundary.Kind.ASKED]


@contextmanager
def verb(name: Verb, ticket_id: int, actor: Actor, seen: Seen | None = None) -> Iterator[LockedTicket]:
    """Lock the ticket and check the move; a refusal changes nothing and is written down in its own transaction.

    The system asks for what was due a moment ago: finding that somebody was faster is no refusal, and no event. A
    decision that did not pass `check_confirmed` is undone and raises decisions.ConfirmationNeeded: a question, and no
    refusal either.
    """
    try:
        with transaction.atomic():
            locked = _enter(TRANSITIONS[name], name, ticket_id, actor)
            if seen is not None and not is_current(seen, locked.ticket):
                raise errors.StaleTicket
            failpoints.reach(name, "locked")
            locked.seen = seen
            yield locked
            if name in DECISIONS and not locked.confirmed:
                check_confirmed(locked)
            failpoints.reach(name, "written")
        failpoints.reach(name, "committed")
    except errors.RecoveryError as refusal:
        if not (Who.SYSTEM in actor.parts and isinstance(refusal, FASTER)):
            _record_refusal(name, ticket_id, actor, refusal)
        raise


def _enter(move: Move, name: Verb, ticket_id: int, actor: Actor) -> LockedTicket:
    """Lock the subject, then the ticket: always in this order, so that verbs of one account queue up.

    Not their keys: whoever queues a mail to a co-owner need not wait for that co-owner's own ticket, nor it for them.
    """
    subjects = User.objects.select_for_update(of=("self",), no_key=True).filter(recovery_tickets=ticket_id)
    subject = subjects.get()
    ticket = RecoveryTicket.objects.select_for_update(of=("self",), no_key=True).get(pk=ticket_id)
    ticket.subject = subject
    locked = LockedTicket(name, ticket, actor, database_now(), move.targets, list(ticket.boundaries.order_by("id")))
    _check_part(move, name, ticket, actor)
    if ticket.status not in move.sources:
        raise errors.InvalidTransition(f"{name.value}, {ticket.status}")
    return locked


def _check_part(move: Move, name: Verb, ticket: RecoveryTicket, actor: Actor) -> None:
    """Whether one of the parts this actor plays in this very ticket may use the verb."""
    if not _parts_in(ticket, actor, move) & move.who:
        raise errors.NotAllowed
    if actor.link is not None and actor.link.purpose == "confirm_contact" and name not in UNCONFIRMED_MAY:
        raise errors.NotAllowed
    if actor.user is not None and move.who & STAFF and Who.SUBJECT not in move.who:
        check_not_own(ticket.subject, actor)
    if actor.parts & STAFF:
        check_not_co_owner(ticket.subject, actor)


def _parts_in(ticket: RecoveryTicket, actor: Actor, move: Move) -> set[Who]:
    """A link opens its own ticket only; a subject is the subject, a co-owner a co-owner of this ticket's only."""
    parts = set(actor.parts)
    if actor.link is not None and actor.link.reference != ticket.reference:
        return set()
    if actor.user is None or actor.user.pk != ticket.subject_id:
        parts.discard(Who.SUBJECT)
    if Who.CO_OWNER in parts & move.who and not _co_owns(actor, ticket):
        parts.discard(Who.CO_OWNER)
    return parts


def _co_owns(actor: Actor, ticket: RecoveryTicket) -> bool:
    return actor.user is not None and people.co_owns(actor.user, ticket.subject)


def check_confirmed(locked: LockedTicket, part: str = "") -> None:
    """The last check of a verb that decides: a second factor was shown for just this, on the ticket as it was seen.

    `part` is what of the ticket is decided about, where there are several. Raises decisions.ConfirmationNeeded.
    """
    if locked.actor.user is None:
        raise errors.NotAllowed
    decision = staff_decisions.decision(locked.verb, locked.ticket.pk, locked.seen, part)
    words = staff_decisions.words(locked.verb, locked.ticket, locked.seen, part)
    decisions.check_confirmation(locked.actor.confirmed, decision, locked.actor.user, words)
    locked.confirmed = True


def save(locked: LockedTicket, tag: Tag | None, /, *fields: str, **data: Any) -> RecoveryTicket:
    """Save the named fields with the version and whose turn it is now, and record the event."""
    ticket = locked.ticket
    ticket.version += 1
    turn_fields = take_turn(locked, moved="status" in fields)
    ticket.save(update_fields=list({"version", *turn_fields, *fields}))
    if tag is not None:
        record(tag, ticket, locked.actor, verb=locked.verb.value, status=ticket.status, **data)
    return ticket


def move(locked: LockedTicket, status: Status, tag: Tag, /, *fields: str, **data: Any) -> RecoveryTicket:
    """The only place a ticket's status changes: the row of its verb in the table must name the target."""
    ticket = locked.ticket
    if status not in locked.targets:
        raise errors.InvalidTransition(f"{locked.verb.value}, {ticket.status} → {status}")
    was, ticket.status = ticket.status, status
    changed = ["status", *fields]
    if status not in OPEN_STATUSES:
        ticket.closed_at = locked.now
        changed.append("closed_at")
    return save(locked, tag, *changed, was=was, **data)


def record(tag: Tag, ticket: RecoveryTicket, actor: Actor, **data: Any) -> None:
    """One event about this ticket."""
    log.record(tag, actor=actor.party, subject=ticket.subject, ticket=ticket.pk, origin=actor.origin, **data)


def record_bounded(tag: Tag, ticket: RecoveryTicket, actor: Actor, *, verb: str, **data: Any) -> None:
    """The same, once an hour for whoever holds a link or co-owns: they can click all day, and no event is erased."""
    write = log.record_hourly if actor.parts & OUTSIDE else log.record
    write(tag, actor=actor.party, subject=ticket.subject, ticket=ticket.pk, origin=actor.origin, verb=verb, **data)


def take_turn(locked: LockedTicket, *, moved: bool = False) -> list[str]:
    """Set whose turn it is and when it next says something; time of their turn adds up for the expiry."""
    ticket = locked.ticket
    turn = Turn(policy.whose_turn(locked.case()))
    if turn == ticket.turn and not (moved and ticket.status == Status.WAITING):
        return []
    if ticket.turn == Turn.THEIRS:
        ticket.their_seconds += int((locked.now - ticket.turn_since).total_seconds())
    ticket.turn, ticket.turn_since = turn, locked.now
    ticket.next_notice_at = timetable.first(ticket)
    return ["turn", "turn_since", "their_seconds", "next_notice_at"]


def _record_refusal(name: Verb, ticket_id: int, actor: Actor, refusal: errors.RecoveryError) -> None:
    ticket = RecoveryTicket.objects.select_related("subject").get(pk=ticket_id)
    data = {"verb": name.value, "status": ticket.status, "error": type(refusal).__name__}
    record_bounded(Tag.ACCOUNT_RECOVERY_REFUSED, ticket, actor, **data)
