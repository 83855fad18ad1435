"""The clock: it starts when all notices have left, runs by the database's time, and says so on its way."""

from datetime import datetime

from accounts.mail.models import Mail
from audit.tags import Tag
from recoverydesk.recovery import errors, notices, policy, queue_place
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import RecoveryTicket, Status, Turn
from recoverydesk.recovery.permissions import SYSTEM, Actor
from recoverydesk.recovery.reasons import check_reason
from recoverydesk.recovery.workflow import timetable
from recoverydesk.recovery.workflow.advancing import advance, evidence_holds, go_back, write_clock
from recoverydesk.recovery.workflow.locked_ticket import LockedTicket, move, verb
from recoverydesk.recovery.workflow.table import Verb


def start_clock(ticket_id: int, *, actor: Actor = SYSTEM) -> RecoveryTicket:
    """Write `wait_until` once all notices have left the outbox (and, for clocks of days, the mailbox is confirmed)."""
    with verb(Verb.START_CLOCK, ticket_id, actor) as locked:
        return advance(locked, write_clock(locked))


def wait_over(ticket_id: int, *, actor: Actor = SYSTEM) -> RecoveryTicket:
    """The waiting period is over: ready if policy still holds, sent back if not. Raises WaitingPeriodActive."""
    with verb(Verb.WAIT_OVER, ticket_id, actor) as locked:
        ticket = locked.ticket
        if ticket.wait_until is None or locked.now < ticket.wait_until:
            raise errors.WaitingPeriodActive
        if not evidence_holds(locked):
            return go_back(locked, "the evidence no longer holds")
        notices.tell_everybody(ticket, "recovery_wait_over")
        return move(locked, Status.READY, Tag.ACCOUNT_RECOVERY_WAIT_OVER)


def send_back(ticket_id: int, *, actor: Actor, reason: str) -> RecoveryTicket:
    """Put a waiting or ready ticket back to challenged; proofs stay, approvals die.

    Raises ReasonTooShort, and NothingAsksForIt for a person while all evidence holds: the next sweep would undo it.
    """
    with verb(Verb.SEND_BACK, ticket_id, actor) as locked:
        text = check_reason(reason)
        if locked.actor.user is not None and evidence_holds(locked):
            raise errors.NothingAsksForIt
        return go_back(locked, text)


def remind(ticket_id: int, *, actor: Actor = SYSTEM) -> Mail | None:
    """Say what is due to be said: a reminder in their turn, a notice of a wait, word while it is our turn."""
    with verb(Verb.REMIND, ticket_id, actor) as locked:
        ticket = locked.ticket
        if ticket.next_notice_at is None or locked.now < ticket.next_notice_at:
            raise errors.InvalidTransition("nothing is due")
        said = _say(locked)
        ticket.next_notice_at = timetable.after(ticket, locked.now)
        ticket.save(update_fields=["next_notice_at"])
        return said


def _say(locked: LockedTicket) -> Mail | None:
    ticket = locked.ticket
    day = f":{ticket.turn_since:%Y%m%d%H%M}:{(locked.now - ticket.turn_since).days}"
    if ticket.status == Status.WAITING and ticket.wait_until is not None and ticket.wait_until <= locked.now:
        return None  # the next mail says that the wait is over
    if ticket.status == Status.WAITING:
        return notices.tell_everybody(ticket, "recovery_waiting", once=day, until=_written(ticket.wait_until))
    if ticket.turn == Turn.THEIRS and policy.out_of_reach(locked.case()):
        return None  # they have our answer: there is nothing they still have to do
    if ticket.turn == Turn.THEIRS:
        until = timetable.deadline(ticket, cases.numbers().expires_after)
        return notices.remind(ticket, once=day, until=_written(until))
    if ticket.turn == Turn.OURS and notices.contact_is_known(ticket) and not notices.is_quiet(ticket):
        place = queue_place.place_of_ticket(ticket)
        return notices.tell_contact(ticket, "recovery_still_ours", once=day, place=place.number, usual=place.usual_days)
    return None


def _written(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC" if time else ""
