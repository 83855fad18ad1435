"""The worker says that it runs: each round of the sweep ends by writing down when, by the database's clock (ADR 0092).

The dashboard and /readyz read this one row; nothing is concluded from how much work lies around.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models.functions import Now

from recoverydesk.recovery.models import Heartbeat

SWEEP = "sweep"
PARTS = (
    "requests", "chores", "challenged", "mails", "bounces", "mended", "clocks", "probes", "waits", "notices", "expired",
)  # fmt: skip
SILENT = timedelta(minutes=3)  # longer than the longest round: a look at a host ends within its lease, two minutes


def beat(seconds: Mapping[str, float] | None = None) -> None:
    """A round is over; `seconds` that each of PARTS took. One query, two the first time."""
    took = dict(seconds or {})
    if not Heartbeat.objects.filter(name=SWEEP).update(at=Now(), seconds=took):
        Heartbeat.objects.bulk_create([Heartbeat(name=SWEEP, seconds=took)], ignore_conflicts=True)


def last() -> datetime | None:
    """When a round last ended; None when none ever has. One query."""
    return Heartbeat.objects.filter(name=SWEEP).values_list("at", flat=True).first()


def is_fresh(at: datetime, now: datetime) -> bool:
    """Whether a worker that ended a round then may be taken for alive; `now` is the database's.

    A round that ends in days to come was written down by a clock that was put right since: it says nothing.
    """
    return abs(now - at) <= SILENT + timedelta(seconds=settings.SWEEP_EVERY)


def state() -> str:
    """ "ok", "silent" or "never ran", for programs. One query, which asks the database for its clock as well."""
    row = Heartbeat.objects.annotate(now=Now()).filter(name=SWEEP).values_list("at", "now").first()
    if row is None:
        return "never ran"
    return "ok" if is_fresh(*row) else "silent"
