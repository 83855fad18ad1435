"""Erasing what may be erased: the detail rows. Events and seals stay, and the chain goes on verifying."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q, QuerySet

from audit.log import Party, record
from audit.models import Event, EventDetail
from audit.tags import Tag
from common.clock import database_now

BATCH = 5000


def erase_old() -> int:
    """Erase details older than AUDIT_DETAIL_RETENTION, at most 5,000 a call; one event says up to which."""
    if not settings.AUDIT_DETAIL_RETENTION:
        return 0
    before = database_now() - settings.AUDIT_DETAIL_RETENTION
    first = EventDetail.objects.order_by("event_id").values_list("event_id", flat=True).first()
    if first is None or not Event.objects.filter(id=first, time__lt=before).exists():
        return 0
    return _erase_before(first, before)


@transaction.atomic
def _erase_before(first: int, before: datetime) -> int:
    ids = EventDetail.objects.filter(event_id__gte=first).order_by("event_id").values_list("event_id", flat=True)
    last = Event.objects.filter(id__in=list(ids[:BATCH]), time__lt=before).aggregate(last=Max("id"))["last"]
    count = _delete(EventDetail.objects.filter(event_id__lte=last))
    if count:
        record(Tag.AUDIT_DETAIL_ERASE, actor="system", why="retention", count=count, up_to=last)
    return count


@transaction.atomic
def erase_account(uid: UUID, *, actor: Party | str) -> int:
    """Erase every detail of events about an account or by it; part of deleting the account. Returns how many."""
    events = Event.objects.filter(Q(subject_uid=uid) | Q(actor_uid=uid))
    count = _delete(EventDetail.objects.filter(event_id__in=events.values("id")))
    if count:
        record(Tag.AUDIT_DETAIL_ERASE, actor=actor, subject=_Tombstone(uid), why="account", count=count)
    return count


def _delete(details: QuerySet[EventDetail]) -> int:
    return details.delete()[0]


class _Tombstone:
    """What is left of an account: its uid, under the name it is renamed to."""

    def __init__(self, uid: UUID) -> None:
        self.uid, self.username = uid, f"deleted-{uid}"
