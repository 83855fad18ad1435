"""Who else has a ticket open. A page says so every 30 seconds; who has said nothing for 90 is gone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, F, Value, When

from accounts.models import User
from common.clock import database_now
from recoverydesk.recovery.models import Viewer

GONE = timedelta(seconds=90)
FORGOTTEN = timedelta(days=1)


@dataclass(frozen=True)
class Other:
    """Somebody else at the ticket, and since when."""

    username: str
    since: datetime


def look_in(ticket_id: int, user: User) -> list[Other]:
    """Note that `user` has the page open now and return who else has. Four queries."""
    now = database_now()
    came_back = When(seen_at__lt=now - GONE, then=Value(now))
    mine = Viewer.objects.filter(ticket=ticket_id, user=user)
    if not mine.update(since=Case(came_back, default=F("since")), seen_at=now):
        Viewer.objects.bulk_create(
            [Viewer(ticket_id=ticket_id, user=user, since=now, seen_at=now)], ignore_conflicts=True
        )
        Viewer.objects.filter(ticket=ticket_id, seen_at__lt=now - FORGOTTEN).delete()
    return others(ticket_id, user, now)


def others(ticket_id: int, user: User, now: datetime) -> list[Other]:
    """Who else has the page open, longest first; `now` is the database's. One query."""
    here = Viewer.objects.filter(ticket=ticket_id, seen_at__gte=now - GONE).exclude(user=user)
    return [Other(*row) for row in here.order_by("since").values_list("user__username", "since")]
