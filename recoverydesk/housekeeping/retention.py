"""What nobody needs any more goes (ADR 0186): mails and their links, looks that proved nothing, typed requests, visits.

Of a ticket only when it was closed, and an objection settled, for the days of the setting; nothing goes while a role
rests for it or one of its mails waits. The ticket, its proofs and what people wrote stay. The log is not looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat, Now

from accounts import chores as accounts_chores
from accounts import known_browsers
from accounts.mail.models import Link, Mail
from recoverydesk.projects.models import Role
from recoverydesk.recovery.models import Probe, RecoveryTicket, Viewer

BATCH = 50  # tickets in a transaction: some hundred rows
MAILS = 500  # in a transaction


@dataclass(frozen=True)
class Part:
    """One kind of rows: those past their time, and what deletes a bit of them and says how many it was."""

    due: Callable[[], QuerySet[Any]]
    delete: Callable[[], int]


def run() -> int:
    """The sweep's bit: a transaction of each part at most; returns how many tickets and rows were worked."""
    return sum(delete() for delete in (delete_ticket_mails, delete_other_mails, delete_looks))


def rows() -> dict[str, int]:
    """How many rows of each kind are past their time, to be shown."""
    filed_as = Concat(Value("ticket:"), Cast("pk", CharField()), output_field=CharField())
    theirs = {"reference__in": with_mails().order_by().values(filed=filed_as)}
    looks = _looks(with_looks().order_by().values("pk"))
    return {
        "mails": Mail.objects.filter(**theirs).count() + other_mails().count(),
        "links": Link.objects.filter(**theirs).count(),
        "probes": looks.count(),
        "requests": accounts_chores.old_requests().count(),
        "sessions": accounts_chores.ended_sessions().count(),
        "browsers": known_browsers.old().count(),
    }


def _done_with(marker: str, days: timedelta) -> QuerySet[RecoveryTicket]:
    """Tickets nobody comes back to whose rows are still there; on the index of that marker, the oldest first."""
    before = Now() - days
    settled = Q(objected_at=None) | Q(objection_settled_at__lt=before)
    resting = Role.objects.filter(held_at__isnull=False, held_for=OuterRef("pk"))
    filed_as = Concat(Value("ticket:"), Cast(OuterRef("pk"), CharField()), output_field=CharField())
    waiting = Mail.objects.filter(state=Mail.State.QUEUED, reference=filed_as)
    closed = RecoveryTicket.objects.filter(settled, closed_at__lt=before, **{marker: None})
    return closed.exclude(Exists(resting)).exclude(Exists(waiting)).order_by("closed_at")


def with_mails() -> QuerySet[RecoveryTicket]:
    """Tickets whose mails and links are past their time."""
    return _done_with("mails_deleted_at", settings.KEEP_MAILS)


def with_looks() -> QuerySet[RecoveryTicket]:
    """Tickets whose looks are past their time."""
    return _done_with("looks_deleted_at", settings.KEEP_PROBES)


def _taken(due: QuerySet[RecoveryTicket]) -> list[int]:
    """The next tickets, locked; those that another process is just working are left to it. In a transaction."""
    locked = due.select_for_update(skip_locked=True, of=("self",), no_key=True)
    return list(locked.values_list("pk", flat=True)[:BATCH])


@transaction.atomic
def delete_ticket_mails() -> int:
    """Delete mails and links of the next 50 tickets; returns how many tickets. Four queries, one when none is due."""
    tickets = _taken(with_mails())
    if tickets:
        references = [f"ticket:{number}" for number in tickets]
        Mail.objects.filter(reference__in=references).delete()
        Link.objects.filter(reference__in=references).delete()
        RecoveryTicket.objects.filter(pk__in=tickets).update(mails_deleted_at=Now())
    return len(tickets)


@transaction.atomic
def delete_looks() -> int:
    """Delete looks of the next 50 tickets that are no proof, and who had them open; returns how many tickets."""
    tickets = _taken(with_looks())
    if tickets:
        _looks(tickets).delete()
        Viewer.objects.filter(ticket__in=tickets).delete()
        RecoveryTicket.objects.filter(pk__in=tickets).update(looks_deleted_at=Now())
    return len(tickets)


def _looks(tickets: Any) -> QuerySet[Probe]:
    return Probe.objects.filter(boundary__ticket__in=tickets, proves=None)


def other_mails() -> QuerySet[Mail]:
    """Mails of no ticket that left the queue so long ago."""
    old = Mail.objects.exclude(reference__startswith="ticket:")
    return old.filter(settled_at__lt=Now() - settings.KEEP_MAILS).exclude(state=Mail.State.QUEUED)


def delete_other_mails() -> int:
    """Delete the next 500 of them; returns how many."""
    due = other_mails().order_by("settled_at").values_list("pk", flat=True)
    found = list(due[:MAILS])
    return Mail.objects.filter(pk__in=found).delete()[0] if found else 0


PARTS: tuple[Part, ...] = (
    Part(with_mails, delete_ticket_mails),
    Part(with_looks, delete_looks),
    Part(other_mails, delete_other_mails),
    Part(accounts_chores.old_requests, accounts_chores.delete_requests),
    Part(accounts_chores.ended_sessions, accounts_chores.delete_sessions),
    Part(known_browsers.old, known_browsers.purge),
)
