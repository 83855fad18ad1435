"""When a ticket next says something by itself: reminders in their turn, notices of a wait, word while it is ours."""

from datetime import datetime, timedelta

from recoverydesk.recovery.models import OPEN_STATUSES, RecoveryTicket, Status, Turn

REMINDERS = (timedelta(days=3), timedelta(days=10))  # of their own turns, added up
WAIT_NOTICES = (timedelta(0), timedelta(days=1), timedelta(days=3), timedelta(days=6))  # since the waiting period began
WHILE_OURS = timedelta(days=7)


def first(ticket: RecoveryTicket) -> datetime | None:
    """The first notice of a turn that has just begun; None where nothing is to be said."""
    return _next(ticket, ticket.turn_since - timedelta(microseconds=1))


def after(ticket: RecoveryTicket, now: datetime) -> datetime | None:
    """The next notice after `now`; a round that came late skips what it missed."""
    return _next(ticket, now)


def _next(ticket: RecoveryTicket, after: datetime) -> datetime | None:
    return next((time for time in _times(ticket, after) if time > after), None)


def _times(ticket: RecoveryTicket, after: datetime) -> list[datetime]:
    if ticket.status == Status.WAITING:
        times = [ticket.turn_since + span for span in WAIT_NOTICES]
        return [time for time in times if ticket.wait_until is None or time < ticket.wait_until]
    if ticket.turn == Turn.THEIRS:
        began = ticket.turn_since - timedelta(seconds=ticket.their_seconds)
        return [began + span for span in REMINDERS]
    if ticket.turn == Turn.OURS and ticket.status in OPEN_STATUSES:
        weeks = max(0, (after - ticket.turn_since) // WHILE_OURS)
        return [ticket.turn_since + (weeks + more) * WHILE_OURS for more in (1, 2)]
    return []


def their_time(ticket: RecoveryTicket, now: datetime) -> timedelta:
    """How long it has been their turn, all turns together."""
    running = now - ticket.turn_since if ticket.turn == Turn.THEIRS else timedelta(0)
    return timedelta(seconds=ticket.their_seconds) + running


def deadline(ticket: RecoveryTicket, expires_after: timedelta) -> datetime | None:
    """When it has been their turn for so long that the ticket expires; None while it is not their turn."""
    if ticket.turn != Turn.THEIRS or ticket.status not in OPEN_STATUSES:
        return None
    return ticket.turn_since + expires_after - timedelta(seconds=ticket.their_seconds)
