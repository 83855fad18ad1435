"""How many tickets were open, and how long they stayed in each status, over twelve weeks; and how that is drawn."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.utils.functional import Promise

from audit.models import Event
from audit.tags import Tag
from recoverydesk.recovery.models import OPEN_STATUSES, RecoveryTicket, Status

WEEKS = 12
MOVES = 5000
WIDTH, HEIGHT, GAP, BAR = 600, 120, 6, 44
STAY_WIDTH, LINE = 360, 28
MOVED = (
    Tag.ACCOUNT_RECOVERY_OPEN, Tag.ACCOUNT_RECOVERY_CHALLENGE, Tag.ACCOUNT_RECOVERY_ADVANCE,
    Tag.ACCOUNT_RECOVERY_WAIT_OVER, Tag.ACCOUNT_RECOVERY_SEND_BACK, Tag.ACCOUNT_RECOVERY_RESET,
    Tag.ACCOUNT_RECOVERY_REJECT, Tag.ACCOUNT_RECOVERY_STOP, Tag.ACCOUNT_RECOVERY_WITHDRAW, Tag.ACCOUNT_RECOVERY_EXPIRE,
)  # fmt: skip


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
