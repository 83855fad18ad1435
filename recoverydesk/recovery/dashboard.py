"""The desk at a glance: what waits, what needs a person, how long things take, and whether the machine runs.

Numbers over weeks are kept in the cache for a few minutes; nothing here counts a whole table.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.core.cache import cache
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.clock import database_now
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event, Seal
from audit.tags import Tag
from recoverydesk.recovery import heartbeat, mentions, queue
from recoverydesk.recovery.models import OPEN_STATUSES, Boundary, RecoveryTicket, Status, Turn

WEEKS = 12
KEPT = 300  # seconds in the cache
SHAPE = 2  # of what is kept there; another number when it changes, so that a new version reads nothing old
SHOWN = 10
MOVES = 5000
LATE = timedelta(minutes=10)
MOVED = (
    Tag.ACCOUNT_RECOVERY_OPEN, Tag.ACCOUNT_RECOVERY_CHALLENGE, Tag.ACCOUNT_RECOVERY_ADVANCE,
    Tag.ACCOUNT_RECOVERY_WAIT_OVER, Tag.ACCOUNT_RECOVERY_SEND_BACK, Tag.ACCOUNT_RECOVERY_RESET,
    Tag.ACCOUNT_RECOVERY_REJECT, Tag.ACCOUNT_RECOVERY_STOP, Tag.ACCOUNT_RECOVERY_WITHDRAW, Tag.ACCOUNT_RECOVERY_EXPIRE,
)  # fmt: skip
NEEDS: dict[str, tuple[str | Promise, Q]] = {
    "objected": (gettext_lazy("the owner objected after the reset"), Q(turn=Turn.OURS, objected_at__isnull=False)),
    "disputed": (gettext_lazy("disputed"), Q(turn=Turn.OURS, disputed_at__isnull=False, status__in=OPEN_STATUSES)),
    "ready": (gettext_lazy("waiting period ended: ready for an admin"), Q(turn=Turn.OURS, status=Status.READY)),
    "bounced": (
        gettext_lazy("mail bounced"),
        Q(turn=Turn.OURS, contact_bounced_at__isnull=False, status__in=OPEN_STATUSES),
    ),
    "new": (
        gettext_lazy("claim and account do not match"),
        Q(turn=Turn.OURS, status=Status.NEW, challenges_itself=False),
    ),
}


@dataclass(frozen=True)
class Bar:
    """One week of the drawing, in its units. Its number stands above it."""

    day: datetime
    open: int
    x: float
    y: float
    height: float

    @property
    def middle(self) -> float:
        return self.x + BAR / 2

    @property
    def above(self) -> float:
        return self.y - 4


@dataclass(frozen=True)
class Stay:
    """How long tickets stayed in one status, and its line in the drawing, where the longest bar is `longest`."""

    status: str | Promise
    tickets: int
    median: timedelta
    ninetieth: timedelta
    line: int
    longest: timedelta

    @property
    def top(self) -> int:
        return self.line * LINE

    @property
    def foot(self) -> int:
        return self.top + LINE - 8

    @property
    def median_width(self) -> float:
        return STAY_WIDTH * (self.median / self.longest)

    @property
    def ninetieth_width(self) -> float:
        return STAY_WIDTH * (self.ninetieth / self.longest)


@dataclass(frozen=True)
class Light:
    """One part of the machine: its name, whether it runs, and a word about it."""

    name: str
    ok: bool
    said: str


def read(user: User) -> dict[str, Any]:
    """Everything the dashboard shows to this member of staff. About twenty short queries, fewer from the cache."""
    now = database_now()
    stayed = _kept("stays", lambda: stays(now))
    return {
        "now": now,
        "counts": queue.counts(user),
        "oldest": _oldest(user),
        "unread": list(mentions.unread(user)[: mentions.SHOWN]),
        "week": _kept("week", lambda: _week(now)),
        "needs": [need for need in (_need(name) for name in NEEDS) if need["tickets"]],
        "trend": _kept("trend", lambda: trend(now)),
        "stays": stayed,
        "stays_height": len(stayed) * LINE,
        "lights": lights(now),
    }


def _kept(name: str, make: Any) -> Any:
    return cache.get_or_set(f"desk:{SHAPE}:{name}", make, KEPT)


def _oldest(user: User) -> datetime | None:
    ours = RecoveryTicket.objects.filter(queue.condition("ours", user)).order_by("turn_since")
    return ours.values_list("turn_since", flat=True).first()


def _week(now: datetime) -> dict[str, int]:
    """Resets since Monday, and requests their owners stopped."""
    monday = (now - timedelta(days=now.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    closed = RecoveryTicket.objects.filter(closed_at__gte=monday).values_list("status", flat=True)
    statuses = list(closed[: queue.COUNTED])
    return {"resets": statuses.count(Status.COMPLETED), "stopped": statuses.count(Status.STOPPED)}


def _need(name: str) -> dict[str, Any]:
    """The longest waiting tickets of one kind that need a person."""
    words, wanted = NEEDS[name]
    found = RecoveryTicket.objects.filter(wanted).select_related("subject").defer("facts").order_by("turn_since", "id")
    tickets = list(found[: SHOWN + 1])
    return {"words": words, "tickets": tickets[:SHOWN], "more": len(tickets) > SHOWN}


# Open tickets over twelve weeks ---------------------------------------------------------------------------------------

WIDTH, HEIGHT, GAP, BAR = 600, 120, 6, 44


def trend(now: datetime) -> list[Bar]:
    """How many tickets were open at the end of each of the last twelve weeks, the newest being now.

    Counted back from the open ones now: only those opened or closed in these weeks are looked at.
    """
    ends = [now - timedelta(weeks=weeks) for weeks in range(WEEKS)]
    counts = [RecoveryTicket.objects.filter(closed_at=None).count()]
    for later, earlier in pairwise(ends):
        span = {"gt": earlier, "lte": later}
        opened = RecoveryTicket.objects.filter(**{f"opened_at__{how}": at for how, at in span.items()}).count()
        closed = RecoveryTicket.objects.filter(**{f"closed_at__{how}": at for how, at in span.items()}).count()
        counts.append(max(0, counts[-1] - opened + closed))
    return _bars(list(reversed(ends)), list(reversed(counts)))


def _bars(ends: list[datetime], counts: list[int]) -> list[Bar]:
    step, most = WIDTH / len(counts), max(max(counts), 1)
    heights = [count / most * HEIGHT for count in counts]
    return [
        Bar(day, count, index * step + GAP / 2, HEIGHT - height, height)
        for index, (day, count, height) in enumerate(zip(ends, counts, heights, strict=True))
    ]


# How long tickets stay in each status ---------------------------------------------------------------------------------

STAY_WIDTH, LINE = 410, 28


def stays(now: datetime) -> list[Stay]:
    """Median and 90th percentile of the time in each status, of the last 5,000 moves in twelve weeks."""
    events = Event.objects.filter(tag__in=MOVED, time__gte=now - timedelta(weeks=WEEKS), ticket__isnull=False)
    moves = list(events.order_by("-time", "-id").values_list("ticket", "time", "data", "tag")[:MOVES])
    spans: dict[str, list[timedelta]] = {}
    for status, span in _spans(sorted((ticket or 0, time, _led_to(data, tag)) for ticket, time, data, tag in moves)):
        spans.setdefault(status, []).append(span)
    found = {status: sorted(spans[status]) for status in OPEN_STATUSES if status in spans}
    longest = max((percentile(ordered, 90) for ordered in found.values()), default=timedelta()) or timedelta(seconds=1)
    return [
        Stay(status.label, len(ordered), percentile(ordered, 50), percentile(ordered, 90), line, longest)
        for line, (status, ordered) in enumerate(found.items())
    ]


def _led_to(data: dict[str, Any], tag: str) -> str:
    said = {Tag.ACCOUNT_RECOVERY_OPEN: Status.NEW, Tag.ACCOUNT_RECOVERY_CHALLENGE: Status.CHALLENGED}
    known = {Tag.ACCOUNT_RECOVERY_WAIT_OVER: Status.READY, Tag.ACCOUNT_RECOVERY_SEND_BACK: Status.CHALLENGED}
    return str(data.get("status") or (said | known).get(Tag(tag), ""))


def _spans(moves: Iterable[tuple[int, datetime, str]]) -> Iterator[tuple[str, timedelta]]:
    for (ticket, began, status), (next_ticket, ended, _led) in pairwise(moves):
        if ticket == next_ticket and status in OPEN_STATUSES:
            yield status, ended - began


def percentile(ordered: list[timedelta], per_cent: int) -> timedelta:
    """The nearest-rank percentile of a list in order; it must not be empty."""
    return ordered[max(0, -(-len(ordered) * per_cent // 100) - 1)]


# The machine ----------------------------------------------------------------------------------------------------------


def lights(now: datetime) -> list[Light]:
    """Mail, probes, worker and log in a word each. Four queries on indexed columns."""
    mail = Mail.objects.filter(state=Mail.State.QUEUED).order_by("next_try").values_list("next_try", flat=True).first()
    look = Boundary.objects.filter(next_probe_at__isnull=False, proved_at=None, ticket__status=Status.CHALLENGED)
    due = look.order_by("next_probe_at").values_list("next_probe_at", flat=True).first()
    return [
        _light(_("mail"), _late(mail, now), _("nothing overdue")),
        _light(_("probes"), _late(due, now), _("nothing overdue")),
        _worker_light(now),
        _log_light(now),
    ]


def _worker_light(now: datetime) -> Light:
    """The worker says itself that it runs; what waits for it is said by the other lights."""
    last = heartbeat.last()
    if last is None:
        return Light(_("worker"), False, _("has not run yet"))
    if not heartbeat.is_fresh(last, now):
        return Light(_("worker"), False, _("silent since %s") % _clock(last))
    return Light(_("worker"), True, _("last round %d s ago") % max(0, (now - last).total_seconds()))


def _log_light(now: datetime) -> Light:
    """The log is sealed a few seconds after it was written; an event that lies unsealed for long is worth a look."""
    number, last_id = Seal.objects.order_by("-number").values_list("number", "last_id").first() or (0, 0)
    oldest = Event.objects.filter(id__gt=last_id).order_by("id").values_list("time", flat=True).first()
    said = _("sealed up to seal %(number)d") % {"number": number} if number else _("no seal yet")
    return Light(_("log"), _late(oldest, now) is None, said)


def _late(due: datetime | None, now: datetime) -> datetime | None:
    return due if due is not None and due < now - LATE else None


def _light(name: str, late: datetime | None, well: str) -> Light:
    return Light(name, late is None, well if late is None else _("waits since %s") % _clock(late))


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
