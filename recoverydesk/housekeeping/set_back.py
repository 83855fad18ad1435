"""After a clock that was ahead is put right: what was put off until a time it named is due at once (ADR 0111).

Each of these times is only ever set so far ahead; one that lies beyond was written by a clock that was wrong.
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts.mail.models import Mail, Request
from audit.models import Outlet
from recoverydesk.recovery.models import Boundary, CodeHost
from recoverydesk.statistics.models import Figures

TWO_DAYS = timedelta(days=2)  # longer than any pause: a host's own wish for rest ends after one
PUT_OFF: tuple[tuple[type[models.Model], str, Q], ...] = (
    (Mail, "next_try", Q(state="queued")),
    (Request, "due_at", Q(handled_at=None)),
    (Boundary, "next_probe_at", Q()),
    (CodeHost, "circuit_open_until", Q()),
    (Figures, "due_at", Q()),
    (Outlet, "next_try", Q()),
)
FOR_EVER = datetime(9000, 1, 1, tzinfo=UTC)  # what Django writes for an entry of the cache without an end is later


def run() -> int:
    """Make due what was put off for longer than is ever done; returns how many rows that were."""
    return sum(_due_now(*place) for place in PUT_OFF) + _forget_cached()


def _due_now(model: type[models.Model], field: str, waiting: Q) -> int:
    late = model._base_manager.filter(waiting, **{f"{field}__gt": Now() + TWO_DAYS})
    return late.update(**{field: Now()})


def _forget_cached() -> int:
    """Entries of the cache in the database end by this program's clock; a rate limit's would go on until then."""
    cache = settings.CACHES["default"]
    if cache["BACKEND"] != "recoverydesk.database.cache.Cache":
        return 0
    table = connection.ops.quote_name(cache["LOCATION"])
    ends = [connection.ops.adapt_datetimefield_value(one) for one in (timezone.now() + TWO_DAYS, FOR_EVER)]
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE expires > %s AND expires < %s", ends)  # noqa: S608  # our own name
        return int(cursor.rowcount)
