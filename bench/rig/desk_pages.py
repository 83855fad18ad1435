"""Measures the desk's pages in this process: middleware, view and template, without the network. Prints JSON."""

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.contrib import admin  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import Count  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from accounts.models import User  # noqa: E402
from recoverydesk.projects.models import Release  # noqa: E402
from recoverydesk.recovery.desk.pages import account  # noqa: E402
from recoverydesk.recovery.desk.pages import queue as queue_page  # noqa: E402
from recoverydesk.recovery.desk.pages import ticket as ticket_page  # noqa: E402
from recoverydesk.recovery.models import Boundary, RecoveryTicket, Source  # noqa: E402
from recoverydesk.recovery.workflow import opening  # noqa: E402

RUNS, ROUNDS, WARM = 3, 40, 5
QUEUE = "/admin/recovery/recoveryticket/"


class Stock(admin.ModelAdmin[RecoveryTicket]):
    """What one writes in ten minutes: the same columns and searches, and Django does the rest."""

    list_display = ("id", "subject", "claim", "status", "turn", "turn_since", "opened_at", "proofs", "assigned_to")
    list_filter = ("status", "turn", "claim")
    search_fields = ("subject__username", "contact", "boundaries__host", "boundaries__namespace", "issue_url")
    ordering = ("turn_since",)

    def proofs(self, ticket: RecoveryTicket) -> str:
        asked = ticket.boundaries.filter(kind=Boundary.Kind.ASKED)
        return f"{asked.exclude(proved_at=None).count()}/{asked.count()}"


def request(path: str, user: User, **asked: str) -> HttpRequest:
    """A GET by this member of staff, past the door."""
    made = RequestFactory().get(path, asked)
    made.user = user
    user.otp_device = object()  # type: ignore[attr-defined]
    from django.contrib.messages.storage.cookie import CookieStorage

    made.session = _Session()  # type: ignore[assignment]
    made._messages = CookieStorage(made)  # type: ignore[attr-defined]
    return made


class _Session(dict[str, Any]):
    session_key = "bench"


def timed(view: Callable[[], HttpResponse]) -> dict[str, float]:
    """Queries of one call, and the spread of forty in milliseconds, of the clock and of our own CPU.

    Of three runs of forty the median one counts: on a machine that others use, too, one run may meet their peak.
    """

    def once() -> tuple[float, float]:
        began, worked = time.perf_counter(), time.process_time()
        answer = view()
        if hasattr(answer, "render"):
            answer.render()
        return (time.perf_counter() - began) * 1000, (time.process_time() - worked) * 1000

    for _ in range(WARM):
        once()
    with CaptureQueriesContext(connection) as caught:
        once()
    runs = [[once() for _ in range(ROUNDS)] for _ in range(RUNS)]
    tails = [sorted(wall for wall, _cpu in run)[int(ROUNDS * 0.95) - 1] for run in runs]
    every = [pair for run in runs for pair in run]
    p50, cpu = (statistics.median(column) for column in zip(*every, strict=True))
    return {"queries": len(caught), "p50": p50, "p95": statistics.median(tails), "cpu": cpu}


def busiest() -> User:
    """The account with the most releases in its projects."""
    most = Release.objects.values("project__roles__user").annotate(n=Count("id")).order_by("-n")
    pk = most.exclude(project__roles__user=None).values_list("project__roles__user", flat=True)[0]
    return User.objects.get(pk=pk)


def opened(subject: User) -> Callable[[], HttpResponse]:
    """Open a ticket for this account and forget it again."""

    def open_one() -> HttpResponse:
        with transaction.atomic():
            contact = f"{subject.username}@example.org"
            opening.create(
                subject=subject, claim="second_factor", source=Source.STAFF, contact=contact, requested_at=None  # type: ignore[arg-type]
            )  # fmt: skip
            transaction.set_rollback(True)
        return HttpResponse()

    return open_one


def pages() -> dict[str, Callable[[], HttpResponse]]:
    """Every page by name."""
    staff = User.objects.filter(is_staff=True).order_by("pk").first()
    assert staff is not None
    staff.is_superuser = True
    open_ticket = RecoveryTicket.objects.filter(status="challenged").order_by("id").first()
    assert open_ticket is not None
    word = open_ticket.subject.username
    place = open_ticket.boundaries.first() or Boundary.objects.first()
    assert place is not None
    subject = busiest()
    stock = Stock(RecoveryTicket, admin.site)

    def queue(**asked: str) -> Callable[[], HttpResponse]:
        return lambda: queue_page.show_queue(request(QUEUE, fresh(staff), **asked), {"opts": RecoveryTicket._meta})

    return {
        "queue, our turn": queue(),
        "queue, waiting for them": queue(queue="theirs"),
        "queue, closed": queue(queue="closed"),
        "queue, closed, page 20": queue(queue="closed", page="20"),
        "search, username": queue(q=word),
        "search, beginning": queue(q=word[:4]),
        "search, address": queue(q=f"{word}@example.org"),
        "search, host/owner": queue(q=f"{place.host}/{place.namespace}"),
        "search, number": queue(q=f"#{open_ticket.pk}"),
        "ticket": lambda: ticket_page.show_ticket(request(QUEUE, fresh(staff)), str(open_ticket.pk)),
        "account, most releases": lambda: account.show_account(request(QUEUE, fresh(staff)), subject.pk),
        "dashboard": lambda: admin.site.index(request("/admin/", fresh(staff))),
        "opening, most releases": opened(subject),
        "stock changelist": lambda: stock.changelist_view(request(QUEUE, fresh(staff))),
        "stock search": lambda: stock.changelist_view(request(QUEUE, fresh(staff), q=word)),
    }


def fresh(user: User) -> User:
    """The member of staff as a new request reads them."""
    read = User.objects.get(pk=user.pk)
    read.is_superuser = True
    return read


if __name__ == "__main__":
    print(json.dumps({name: timed(view) for name, view in pages().items()}))
