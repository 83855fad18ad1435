"""Computes the figures from the rows and events there are. Runs in the sweep, at most once an hour."""

import math
import statistics
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import TruncMonth

from accounts.devices import RecoveryCode, TotpDevice, webauthn_credentials
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects.models import Project, Role
from recoverydesk.recovery import ladder
from recoverydesk.recovery.models import Boundary, RecoveryTicket, Status
from recoverydesk.statistics.models import Figures
from tokens.models import ApiToken

EVERY = timedelta(hours=1)
FIRST = 1  # the row's key
METHODS = ("totp", "webauthn", "recovery_code")
Rows = list[list[Any]]


def refresh() -> int:
    """Compute the figures if they are due; of several workers one moves the due time and computes. Returns 0 or 1."""
    row, _made = Figures.objects.get_or_create(pk=FIRST)
    now = database_now()
    if row.due_at > now or not Figures.objects.filter(pk=FIRST, due_at__lte=now).update(due_at=now + EVERY):
        return 0
    Figures.objects.filter(pk=FIRST).update(tables=compute(now, known=row.tables), made_at=now)
    return 1


def compute(now: datetime, known: dict[str, Rows] | None = None) -> dict[str, Rows]:
    """Every table by name. Months of `known` that are over for a month are taken from there: events do not change."""
    return {
        "tickets": tickets(),
        "outcomes": outcomes(),
        "doubts": doubts(),
        "sign_ins": sign_ins(now, (known or {}).get("sign_ins", [])),
        "tokens": tokens(),
        "enrolment": enrolment(),
        "critical": critical(),
    }


def share(part: int, whole: int) -> float:
    """A percentage with two decimals; of nothing, zero."""
    return round(100 * part / whole, 2) if whole else 0.0


def tickets() -> Rows:
    """Status, tickets in it now, hours spent in it: median and 90th percentile."""
    counts = dict(RecoveryTicket.objects.values_list("status").annotate(n=Count("id")).order_by("status"))
    hours = hours_by_status()
    return [
        [status.value, counts.get(status.value, 0), _median(hours.get(status, [])), _percentile(hours.get(status, []))]
        for status in Status
    ]


def hours_by_status() -> dict[str, list[float]]:
    """How long tickets stayed in each status they have left, from the events of their moves."""
    moves = Event.objects.filter(Q(tag=Tag.ACCOUNT_RECOVERY_OPEN) | Q(data__has_key="was"), ticket__isnull=False)
    found: dict[str, list[float]] = {}
    since: dict[int, datetime] = {}
    for ticket, time, data in moves.order_by("id").values_list("ticket", "time", "data").iterator():
        if ticket in since and "was" in data:
            found.setdefault(data["was"], []).append((time - since[ticket]).total_seconds() / 3600)
        since[ticket or 0] = time
    return found


def _median(values: list[float]) -> float | None:
    return round(statistics.median(values), 2) if values else None


def _percentile(values: list[float], part: float = 0.9) -> float | None:
    """The smallest value that at least this part of all does not exceed (nearest rank)."""
    return round(sorted(values)[math.ceil(part * len(values)) - 1], 2) if values else None


def outcomes() -> Rows:
    """What became of closed tickets, and how many of the completed ones no human had to judge the evidence of."""
    asked = Boundary.objects.filter(ticket=OuterRef("pk"), kind=Boundary.Kind.ASKED)
    proved = Exists(asked) & ~Exists(asked.filter(proved_at=None))
    closed = RecoveryTicket.objects.filter(closed_at__isnull=False)
    counts = closed.aggregate(
        all=Count("id"),
        automatic=Count("id", filter=Q(status=Status.COMPLETED) & proved),
        completed=Count("id", filter=Q(status=Status.COMPLETED)),
        stopped=Count("id", filter=Q(status=Status.STOPPED)),
    )
    whole = counts.pop("all")
    return [[name, count, share(count, whole)] for name, count in counts.items()]


def doubts() -> Rows:
    """By the rung a ticket's wait was last written for: open, reset, closed without a reset. "none": never written."""
    rows = RecoveryTicket.objects.values_list("doubt").annotate(
        open=Count("id", filter=Q(closed_at=None)),
        reset=Count("id", filter=Q(status=Status.COMPLETED)),
        closed=Count("id", filter=Q(closed_at__isnull=False) & ~Q(status=Status.COMPLETED)),
    )
    found = {doubt: counts for doubt, *counts in rows.order_by("doubt")}
    return [[_rung(number), *found.get(number, [0, 0, 0])] for number in (*range(ladder.HIGHEST + 1), None)]


def _rung(number: int | None) -> str:
    return "none" if number is None else str(number)


def sign_ins(now: datetime, known: Rows) -> Rows:
    """Month, sign-ins, per cent with a second factor, and per cent by each kind of it."""
    settled = _month_before(now)
    kept = [row for row in known if row[0] < settled]
    rows = Event.objects.filter(tag=Tag.ACCOUNT_LOGIN_SUCCESS)
    if kept:
        rows = rows.filter(time__gte=datetime.fromisoformat(f"{settled}-01T00:00:00+00:00"))
    grouped = rows.annotate(month=TruncMonth("time")).values_list("month", "data__method").annotate(n=Count("id"))
    months: dict[str, dict[str, int]] = {}
    for month, method, count in grouped.order_by("month"):
        months.setdefault(f"{month:%Y-%m}", {})[method or ""] = count
    return kept + [_month_row(month, counts) for month, counts in sorted(months.items())]


def _month_row(month: str, counts: dict[str, int]) -> list[Any]:
    whole = sum(counts.values())
    by_kind = [counts.get(method, 0) for method in METHODS]
    return [month, whole, share(sum(by_kind), whole), *(share(count, whole) for count in by_kind)]


def _month_before(now: datetime) -> str:
    return f"{now.replace(day=1) - timedelta(days=1):%Y-%m}"


def tokens() -> Rows:
    """Live API tokens by scope."""
    found = (
        ApiToken.objects.live()
        .filter(publishers=[])
        .aggregate(all=Count("id"), user=Count("id", filter=Q(project_name="")))
    )
    project = found["all"] - found["user"]
    return [
        ["project", project, share(project, found["all"])],
        ["user", found["user"], share(found["user"], found["all"])],
    ]


def enrolment() -> Rows:
    """Open accounts by the factors they have; one account can be in several rows."""
    apps = Exists(TotpDevice.objects.filter(user=OuterRef("pk"), confirmed=True))
    keys = Exists(webauthn_credentials().filter(user=OuterRef("pk"), confirmed=True))
    codes = Exists(RecoveryCode.objects.filter(device__user=OuterRef("pk"), used_at=None))
    counts = User.objects.filter(is_active=True).aggregate(
        accounts=Count("id"),
        totp=Count("id", filter=Q(apps)),
        webauthn=Count("id", filter=Q(keys)),
        recovery_code=Count("id", filter=Q(codes)),
        none=Count("id", filter=~Q(apps) & ~Q(keys)),
    )
    return [[name, count, share(count, counts["accounts"])] for name, count in counts.items()]


def critical() -> Rows:
    """Critical projects with an owner, and those whose owners all have an app or a key."""
    factors = _has_factor("user_id")
    owners = Role.objects.filter(project=OuterRef("pk"), kind=Role.Kind.OWNER, accepted_at__isnull=False)
    projects = Project.objects.filter(Exists(owners), critical=True)
    whole = projects.count()
    covered = projects.exclude(Exists(owners.exclude(factors))).count()
    return [["critical", whole, share(whole, whole)], ["protected", covered, share(covered, whole)]]


def _has_factor(user: str) -> Q:
    apps = TotpDevice.objects.filter(user=OuterRef(user), confirmed=True)
    keys = webauthn_credentials().filter(user=OuterRef(user), confirmed=True)
    return Q(Exists(apps)) | Q(Exists(keys))
