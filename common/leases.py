"""A worker's short right to a row: taken by one UPDATE, given up with the result, lost when it runs out."""

import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models.functions import Now

from common import failpoints, wake

LEASE = timedelta(minutes=2)
BATCH = 10  # rows that one worker takes at a time, so that the others find some, too
PATIENCE = 60  # seconds of a round in which a new row may be begun; the lease lives twice as long
Order = Sequence[str | models.expressions.OrderBy]
LONGEST_WAITING: Order = (models.F("leased_until").asc(nulls_first=True), "id")  # whoever waits for a worker longest


class Leased(models.Model):
    """Rows of background work that workers share out among themselves."""

    lease = models.UUIDField(null=True, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)  # in the past: when it was last given back

    class Meta:
        abstract = True


Row = TypeVar("Row", bound=Leased)


def in_use() -> models.Q:
    """Rows somebody holds now. A lease from the future, of a clock that was put right since, holds nothing."""
    return models.Q(leased_until__gt=Now(), leased_until__lte=Now() + 2 * LEASE)


def claim(
    queryset: models.QuerySet[Row], *, limit: int, order_by: Order = (), before: datetime | None = None
) -> list[Row]:
    """Lease up to `limit` free rows of the queryset for two minutes by the database's clock and return them.

    Safe for any number of workers at once: each row goes to one of them. PostgreSQL workers skip the rows another
    one is just taking; the outer condition is asked again of every row that changed meanwhile. With `before`, rows that
    were given back since then are not free.
    """
    free = _free(before)
    lease = uuid.uuid4()
    wanted = queryset.filter(free).order_by(*order_by)
    wanted = wanted.select_for_update(skip_locked=True, of=("self",), no_key=True)
    with transaction.atomic(savepoint=False):
        taken = queryset.model._base_manager.filter(free, pk__in=wanted.values("pk")[:limit]).update(
            lease=lease, leased_until=Now() + LEASE
        )
    if not taken:
        return []
    failpoints.reach("lease", str(queryset.model._meta.model_name))
    return list(queryset.filter(lease=lease).order_by(*order_by))


def in_turn(queryset: models.QuerySet[Row], *, order_by: Order = LONGEST_WAITING) -> Iterator[Row]:
    """Lease free rows, ten at a time, and yield each, until none is left or a minute is over.

    The caller gives each row back. One given back since the first were leased waits for the next round, though it
    be due still. Where nothing is due that is one query, and no write.
    """
    if not queryset.filter(_free()).exists():
        return
    ends, began = time.monotonic() + PATIENCE, None
    while rows := claim(queryset, limit=BATCH, order_by=order_by, before=began):
        began = began or _leased_at(rows[0])
        if len(rows) == BATCH:
            wake.call_for_help()
        for row in rows:
            if time.monotonic() < ends:
                yield row
            else:
                save_if_held(row)
        if time.monotonic() >= ends:
            return


def _leased_at(row: Leased) -> datetime | None:
    """Just before it: SQLite's own times have three digits and ours six, and in one millisecond the text decides."""
    return row.leased_until - LEASE - timedelta(milliseconds=1) if row.leased_until else None


def _free(before: datetime | None = None) -> models.Q:
    ended = models.Q(leased_until__lt=before) | models.Q(leased_until__gt=Now()) if before else models.Q()
    return models.Q(leased_until=None) | (~in_use() & ended)


def give_back(row: Leased) -> bool:
    """End the lease of a row that was tried: it goes to the end of the line (`LEAST_LATELY`)."""
    return bool(_held(row).update(lease=None, leased_until=Now()))


def save_if_held(row: Leased, **fields: Any) -> bool:
    """Write the fields and give the lease back, in one UPDATE, if it is still ours; False when it was lost.

    Values may be expressions such as `Now()`. The instance itself is left as it was read.
    """
    return bool(_held(row).update(**fields, lease=None, leased_until=None))


def _held(row: Leased) -> models.QuerySet[Leased]:
    if row.lease is None:
        return type(row)._base_manager.none()
    return type(row)._base_manager.filter(pk=row.pk, lease=row.lease)
