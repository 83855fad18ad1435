"""Doubt comes in: the owner signs in, somebody objects, a mail comes back."""

from datetime import timedelta

from audit.models import Event
from audit.tags import Tag
from recoverydesk.recovery import errors
from recoverydesk.recovery.models import RecoveryTicket, Status
from recoverydesk.recovery.permissions import SYSTEM, Actor
from recoverydesk.recovery.reasons import check_reason
from recoverydesk.recovery.workflow.advancing import WAITING_OR_READY, advance, end_approvals, go_back, move_clock
from recoverydesk.recovery.workflow.locked_ticket import LockedTicket, record_bounded, save, verb
from recoverydesk.recovery.workflow.table import Verb

SILENCE = timedelta(days=7)


def block(ticket_id: int, *, actor: Actor = SYSTEM) -> RecoveryTicket:
    """The owner signed in with a second factor: nothing moves until they say what this request is.

    A disputed ticket is blocked once at most: two people decide about it, and nobody holds it up by signing in.
    """
    with verb(Verb.BLOCK, ticket_id, actor) as locked:
        ticket = locked.ticket
        if ticket.blocked_at is None and not (ticket.disputed_at is not None and _was_blocked(ticket)):
            ticket.blocked_at = locked.now
            save(locked, Tag.ACCOUNT_RECOVERY_BLOCK, "blocked_at")
        return ticket


def _was_blocked(ticket: RecoveryTicket) -> bool:
    return Event.objects.filter(ticket=ticket.pk, tag=Tag.ACCOUNT_RECOVERY_BLOCK).exists()


def dispute(ticket_id: int, *, actor: Actor, reason: str) -> RecoveryTicket:
    """Somebody with a claim to the account objects: seven days from now, and two people decide.

    Only the first dispute starts the days; a later one is written down. A block by the owner's sign-in stands, unless
    it is the system that doubts (a young second factor). Raises ReasonTooShort.
    """
    with verb(Verb.DISPUTE, ticket_id, actor) as locked:
        return dispute_in(locked, check_reason(reason), lifts_block=actor == SYSTEM)


def dispute_in(locked: LockedTicket, reason: str, *, lifts_block: bool = False) -> RecoveryTicket:
    """Dispute inside another verb: never a stop, whoever it was. `lifts_block`: silence, or a young factor.

    One more objection is written down and changes nothing: somebody who objects every minute would otherwise end each
    approval before the second person can reset, and keep the owner out for ever.
    """
    ticket = locked.ticket
    if lifts_block and ticket.blocked_at is not None and ticket.disputed_at is not None:
        return _lift_block(locked, reason)
    if ticket.disputed_at is not None:
        record_bounded(
            Tag.ACCOUNT_RECOVERY_DISPUTE, ticket, locked.actor, verb=locked.verb.value, reason=reason, again=True
        )  # fmt: skip
        return ticket
    ticket.disputed_at, ticket.blocked_at = locked.now, None if lifts_block else ticket.blocked_at
    end_approvals(ticket)
    save(locked, Tag.ACCOUNT_RECOVERY_DISPUTE, "disputed_at", "blocked_at", reason=reason)
    if ticket.status in WAITING_OR_READY:
        go_back(locked, "disputed")
    move_clock(locked, locked.case())
    return advance(locked) if ticket.status == Status.CHALLENGED else ticket


def _lift_block(locked: LockedTicket, reason: str) -> RecoveryTicket:
    """What was disputed before is held up no longer."""
    locked.ticket.blocked_at = None
    save(locked, Tag.ACCOUNT_RECOVERY_DISPUTE, "blocked_at", reason=reason, again=True)
    return advance(locked) if locked.ticket.status == Status.CHALLENGED else locked.ticket


def dispute_silence(ticket_id: int) -> RecoveryTicket:
    """Seven days after a block nobody has said anything. Raises InvalidTransition while they may."""
    with verb(Verb.DISPUTE, ticket_id, SYSTEM) as locked:
        blocked = locked.ticket.blocked_at
        if blocked is None or locked.now < blocked + SILENCE:
            raise errors.InvalidTransition("there is time to answer")
        return dispute_in(locked, "nobody answered after a full sign-in", lifts_block=True)
