"""A worker's short right to a row: taken by one UPDATE, given up with the result, lost when it runs out."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models.functions import Now

from accounts import failpoints

LEASE = timedelta(minutes=2)


class Leased(models.Model):
    """Rows of background work that workers share out among themselves."""

    lease = models.UUIDField(null=True, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True


Row = TypeVar("Row", bound=Leased)


def in_use() -> models.Q:
    """Rows somebody holds now. A lease from the future, of a clock that was put right since, holds nothing."""
    return models.Q(leased_until__gt=Now(), leased_until__lte=Now() + 2 * LEASE)


def claim(queryset: models.QuerySet[Row], *, limit: int, order_by: Sequence[str] = ()) -> list[Row]:
    """Lease up to `limit` free rows of the queryset for two minutes by the database's clock and return them.

    Safe for any number of workers at once: each row goes to one of them. PostgreSQL workers skip the rows another
    one is just taking; the outer condition is asked again of every row that changed meanwhile.
    """
    free = models.Q(leased_until=None) | ~in_use()
    lease = uuid.uuid4()
    wanted = queryset.filter(free).order_by(*order_by).select_for_update(skip_locked=True, of=("self",))
    with transaction.atomic(savepoint=False):
        taken = queryset.model._base_manager.filter(free, pk__in=wanted.values("pk")[:limit]).update(
            lease=lease, leased_until=Now() + LEASE
        )
    if not taken:
        return []
    failpoints.reach("lease", str(queryset.model._meta.model_name))
    return list(queryset.filter(lease=lease).order_by(*order_by))


def save_if_held(row: Leased, **fields: Any) -> bool:
    """Write the fields and give the lease back, in one UPDATE, if it is still ours; False when it was lost.

    Values may be expressions such as `Now()`. The instance itself is left as it was read.
    """
    return bool(_held(row).update(**fields, lease=None, leased_until=None))


def _held(row: Leased) -> models.QuerySet[Leased]:
    if row.lease is None:
        return type(row)._base_manager.none()
    return type(row)._base_manager.filter(pk=row.pk, lease=row.lease)
