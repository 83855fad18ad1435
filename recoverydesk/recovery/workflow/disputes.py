"""Doubt comes in: somebody objects, or signs in to the account while it is asked for."""

from audit.tags import Tag
from recoverydesk.recovery.models import RecoveryTicket, Status
from recoverydesk.recovery.permissions import SYSTEM, Actor
from recoverydesk.recovery.reasons import check_reason
from recoverydesk.recovery.workflow.advancing import WAITING_OR_READY, advance, end_approvals, go_back, move_clock
from recoverydesk.recovery.workflow.locked_ticket import LockedTicket, record_bounded, save, verb
from recoverydesk.recovery.workflow.table import Verb


def dispute(ticket_id: int, *, actor: Actor, reason: str) -> RecoveryTicket:
    """Somebody with a claim to the account objects: seven days from now, and two people decide.

    Only the first dispute starts the days; a later one is written down. Raises ReasonTooShort.
    """
    with verb(Verb.DISPUTE, ticket_id, actor) as locked:
        return dispute_in(locked, check_reason(reason))


def note_sign_in(ticket_id: int, *, young: bool) -> RecoveryTicket:
    """Somebody signed in with a second factor: fourteen days from the first time, and two people decide.

    A factor younger than 30 days may be an intruder's: it disputes.
    """
    with verb(Verb.DISPUTE, ticket_id, SYSTEM) as locked:
        if young:
            return dispute_in(locked, "signed in with a new second factor")
        return _signed_in(locked, Tag.ACCOUNT_RECOVERY_SIGNED_IN)


def note_alarm(ticket_id: int) -> RecoveryTicket:
    """A second factor was added, or a recovery code used, while the account is asked for: it counts as a sign-in does.

    However young the factor is: either the claimant has lost none, or somebody else has begun to use the account.
    """
    with verb(Verb.DISPUTE, ticket_id, SYSTEM) as locked:
        return _signed_in(locked, Tag.ACCOUNT_RECOVERY_ALARM)


def _signed_in(locked: LockedTicket, tag: Tag) -> RecoveryTicket:
    return locked.ticket if locked.ticket.signed_in_at is not None else _doubt(locked, "signed_in_at", tag)


def dispute_in(locked: LockedTicket, reason: str) -> RecoveryTicket:
    """Dispute inside another verb: never a stop, whoever it was.

    One more objection is written down and changes nothing: somebody who objects every minute would otherwise end each
    approval before the second person can reset, and keep the owner out for ever.
    """
    if locked.ticket.disputed_at is None:
        return _doubt(locked, "disputed_at", Tag.ACCOUNT_RECOVERY_DISPUTE, reason=reason)
    record_bounded(
        Tag.ACCOUNT_RECOVERY_DISPUTE, locked.ticket, locked.actor, verb=locked.verb.value, reason=reason, again=True
    )  # fmt: skip
    return locked.ticket


def _doubt(locked: LockedTicket, since: str, tag: Tag, **said: str) -> RecoveryTicket:
    """Each kind of doubt counts once: what was approved before ends, and the clock moves."""
    ticket = locked.ticket
    setattr(ticket, since, locked.now)
    end_approvals(ticket)
    save(locked, tag, since, **said)
    if ticket.status in WAITING_OR_READY:
        go_back(locked, "disputed" if since == "disputed_at" else "signed in meanwhile")
    move_clock(locked, locked.case())
    return advance(locked) if ticket.status == Status.CHALLENGED else ticket
