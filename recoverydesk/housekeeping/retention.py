"""What is deleted by age alone (KEEP_…_DAYS): settled mails, links that ended, looks of closed tickets, and what
`accounts.chores` deletes. The log is not among it: it has rules of its own (audit/erasure.py).

The sweep does a part of it once an hour; `recoverydesk purge` does all of it.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts.mail.models import Link, Mail, Request
from accounts.models import Session
from common.clock import database_now
from recoverydesk.recovery.models import Heartbeat, Probe, RecoveryTicket

EVERY = timedelta(hours=1)
BATCH = 500  # rows of one transaction
BATCHES = 40  # of each kind in a round of the sweep
NAME = "purge"  # of the row that says when the sweep last did it


def _none(_rows: Collection[Any]) -> set[Any]:
    return set()


@dataclass(frozen=True)
class Kind:
    """Rows that are old enough, oldest first; `still_needed` names those of a batch that stay all the same."""

    name: str
    old: Callable[[], QuerySet[Any]]
    still_needed: Callable[[Collection[Any]], set[Any]] = _none

    def delete(self, batch: int = BATCH) -> Iterator[int]:
        """Delete them batch by batch; yields how many rows each was."""
        kept = 0
        while rows := list(self.old()[kept : kept + batch]):
            needed = self.still_needed(rows)
            gone = [row.pk for row in rows if row.pk not in needed]
            self.old().model._base_manager.filter(pk__in=gone).delete()
            kept += len(needed)
            yield len(gone)


def mails() -> QuerySet[Mail]:
    """Those that left the queue. Mails of a ticket stay as long as it is open, and as long again after its end."""
    settled = Mail.objects.exclude(state=Mail.State.QUEUED)
    return settled.filter(queued_at__lt=Now() - settings.KEEP_MAILS).only("reference").order_by("queued_at", "pk")


def _of_tickets_in_mind(rows: Collection[Mail]) -> set[int]:
    known = RecoveryTicket.objects.filter(pk__in={row.ticket for row in rows if row.ticket})
    recent = set(known.exclude(closed_at__lt=Now() - settings.KEEP_MAILS).values_list("pk", flat=True))
    return {row.pk for row in rows if row.ticket in recent}


def links() -> QuerySet[Link]:
    """Those whose time ended, used or not."""
    return Link.objects.filter(expires_at__lt=Now() - settings.KEEP_LINKS).only("pk").order_by("expires_at", "pk")


def probes() -> QuerySet[Probe]:
    """Looks of tickets that are closed. What proved a boundary stays with it."""
    before = Now() - settings.KEEP_PROBES
    rows = Probe.objects.filter(probed_at__lt=before, boundary__ticket__closed_at__lt=before, proves=None)
    return rows.only("pk").order_by("probed_at", "pk")


def requests() -> QuerySet[Request]:
    """Forms that were handled."""
    return Request.objects.filter(handled_at__lt=Now() - settings.KEEP_REQUESTS).only("pk").order_by("pk")


def sessions() -> QuerySet[Session]:
    """Those that ran out, by the clock that says so."""
    return Session.objects.filter(expire_date__lt=timezone.now() - settings.KEEP_SESSIONS).order_by("expire_date")


KINDS = (
    Kind("mails", mails, _of_tickets_in_mind),
    Kind("links", links),
    Kind("probes", probes),
    Kind("requests", requests),
    Kind("sessions", sessions),
)


def run() -> int:
    """A part of what is due, at most once an hour; returns how many rows were deleted."""
    if not _is_due(database_now()):
        return 0
    done = 0
    for kind in KINDS:
        for _batch, count in zip(range(BATCHES), kind.delete(), strict=False):
            done += count
    Heartbeat.objects.update_or_create(name=NAME, defaults={"at": Now()})
    return done


def _is_due(now: datetime) -> bool:
    """Not when the last time lies within the hour; one to come was written by a clock that was put right since."""
    last = Heartbeat.objects.filter(name=NAME).values_list("at", flat=True).first()
    return last is None or not now - EVERY < last <= now
