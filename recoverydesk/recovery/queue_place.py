"""Where a ticket stands in our queue, and how long requests usually take."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.core.cache import cache
from django.db.models import Q

from common.clock import database_now
from recoverydesk.recovery.models import OPEN_STATUSES, RecoveryTicket, Status, Turn

MONTH = timedelta(days=30)
ENOUGH = 5  # completed requests; fewer say nothing about what is usual
KEPT_SECONDS = 600
KEY = "recovery.usual_days"


@dataclass(frozen=True)
class Place:
    """`number` counts from 1 and is 0 while it is not our turn; `usual_days` is 0 while nothing is known."""

    number: int
    usual_days: int


def place_of_ticket(ticket: RecoveryTicket) -> Place:
    """Return the ticket's place among those that wait for us, longest wait first. One query, two now and then."""
    return Place(_number(ticket), usual_days())


def _number(ticket: RecoveryTicket) -> int:
    if ticket.turn != Turn.OURS or ticket.status not in OPEN_STATUSES:
        return 0
    before = Q(turn_since__lt=ticket.turn_since) | Q(turn_since=ticket.turn_since, pk__lt=ticket.pk)
    return 1 + RecoveryTicket.objects.open().filter(before, turn=Turn.OURS).count()


def usual_days() -> int:
    """The median time from request to reset of the last 30 days, in days, at least 1; 0 with fewer than five."""
    known = cache.get(KEY)
    if known is None:
        known = _measure(database_now())
        cache.set(KEY, known, KEPT_SECONDS)
    return int(known)


def _measure(now: datetime) -> int:
    done = RecoveryTicket.objects.filter(status=Status.COMPLETED, completed_at__gte=now - MONTH)
    rows = done.values_list("completed_at", "requested_at")
    days = [(completed - asked) / timedelta(days=1) for completed, asked in rows if completed]
    return max(1, round(median(days))) if len(days) >= ENOUGH else 0
