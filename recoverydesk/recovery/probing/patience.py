"""How patiently one host is asked: what is known of it, and one round's visit to it. Values and a clock; no database.

Two looks at a time, five at once and then as many a second and a day as the host's pace says (ADR 0109: one and 2,000
where neither staff nor `known_hosts` say otherwise), and ten minutes' rest after five failures in a row. What a host
says about its own rest wins.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from recoverydesk.recovery.probing.verdicts import LONGEST, SHORTEST, Result, Verdict
from recoverydesk.recovery.repository_urls.known_hosts import USUAL, Pace

AT_ONCE = 2  # looks at one host at the same time
BURST = 5.0
DAYS = (1, 1_000_000)  # the fewest and the checks a day, at most that a pace may say
SECONDS = (0.01, 20.0)  # and a second: the slowest is one in 100 seconds
FAILURES = 5
REST = timedelta(minutes=10)
FORGOTTEN_AFTER = timedelta(days=7)
VISIT_SECONDS = 45.0  # no look begins later in a visit, so that the longest ends within a lease
ONE_REQUEST = ("v2-direct", "v2")


def within_bounds(a_day: int, a_second: float) -> Pace:
    """A pace that a round can go by, whatever stands in a row: what is out of bounds is the nearest that is not."""
    return Pace(min(DAYS[1], max(DAYS[0], a_day)), min(SECONDS[1], max(SECONDS[0], a_second)))


@dataclass(frozen=True)
class Knowledge:
    """What we know of one (host, port): what it speaks, how it does, how much it was asked, how much it may be."""

    protocol: str = ""
    learned_at: datetime | None = None
    failures: int = 0
    circuit_open_until: datetime | None = None
    tokens: float = BURST
    tokens_at: datetime | None = None
    asked_on: date | None = None
    asked: int = 0
    pace: Pace = USUAL

    def spoken(self, now: datetime) -> str:
        """What the host spoke within the last seven days, or nothing."""
        fresh = self.learned_at is not None and now - self.learned_at < FORGOTTEN_AFTER
        return self.protocol if fresh else ""

    def tokens_now(self, now: datetime) -> float:
        """How many looks the bucket holds now."""
        passed = (now - self.tokens_at).total_seconds() if self.tokens_at else BURST / self.pace.a_second
        return min(BURST, self.tokens + max(passed, 0.0) * self.pace.a_second)

    def asked_today(self, now: datetime) -> int:
        """Looks since midnight (UTC)."""
        return self.asked if self.asked_on == now.astimezone(UTC).date() else 0

    def rests_until(self, now: datetime) -> datetime | None:
        """When the host may be asked again; None when it may be asked now."""
        if self.circuit_open_until and self.circuit_open_until > now:
            return self.circuit_open_until
        return next_day(now) if self.asked_today(now) >= self.pace.a_day else None


def next_day(now: datetime) -> datetime:
    """When the day's count begins anew: midnight, UTC."""
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), datetime.min.time(), UTC)


def learned(before: str, heard: str) -> str:
    """What to keep of what a host spoke before (empty when forgotten) and what it has shown now.

    One repository whose owner serves it as files, or in Mercurial, does not undo that the host speaks git's version 2.
    """
    keeps = before in ONE_REQUEST and heard not in ONE_REQUEST
    return before if keeps or not heard else heard


class Bucket:
    """How many looks may begin now; it fills by the second. Whoever takes one holds a lock."""

    def __init__(self, tokens: float, now: float, a_second: float = USUAL.a_second) -> None:
        self.tokens, self._counted, self._a_second = tokens, now, a_second

    def wait(self, now: float) -> float:
        """Seconds until it holds a whole look, by a clock that only goes on."""
        self.tokens = min(BURST, self.tokens + (now - self._counted) * self._a_second)
        self._counted = now
        return max(0.0, (1 - self.tokens) / self._a_second)


class Visit:
    """One round's dealings with one host, shared by the threads that ask it."""

    def __init__(self, known: Knowledge, now: datetime, clock: Callable[[], float] = time.monotonic) -> None:
        self.spoken = self._spoken_before = known.spoken(now)
        self.failures = known.failures
        self.rest: timedelta | None = None
        self.trouble = ""
        self.asked = 0
        self._left_today = known.pace.a_day - known.asked_today(now)
        self._clock = clock
        self._bucket = Bucket(known.tokens_now(now), clock(), known.pace.a_second)
        self.ends = clock() + VISIT_SECONDS
        self._over = False
        self._lock = threading.Lock()

    @property
    def relearned(self) -> bool:
        """Whether the host has shown something we did not know."""
        return self.spoken != self._spoken_before

    @property
    def tokens(self) -> float:
        """What the bucket held at the last look."""
        return self._bucket.tokens

    def take(self) -> bool:
        """Wait until the host may be asked once more; False when this visit is over."""
        while True:
            with self._lock:
                wait = self._wait()
                if wait is None:
                    return False
                if wait <= 0:
                    self._bucket.tokens -= 1
                    self.asked += 1
                    return True
            time.sleep(wait)

    def _wait(self) -> float | None:
        """Seconds until the bucket holds a whole look; None when there will be no other."""
        now = self._clock()
        wait = self._bucket.wait(now)
        late = now + wait > self.ends
        return None if self._over or late or self.asked >= self._left_today else wait

    def heard(self, result: Result) -> None:
        """Remember what a look tells of the host. A failure ends the visit: what is left waits for another round."""
        with self._lock:
            self.spoken = learned(self.spoken, result.learned)
            if result.verdict is not Verdict.UNREACHABLE:
                self.failures = 0
                return
            self._over, self.failures, self.trouble = True, self.failures + 1, result.detail
            self.rest = rest_after(self.failures, result.retry_after)


def rest_after(failures: int, retry_after: float | None) -> timedelta | None:
    """How long a host is left alone after so many failures in a row; its own wish wins, within a minute and a day."""
    if retry_after is not None:
        return min(max(timedelta(seconds=min(retry_after, LONGEST.total_seconds())), SHORTEST), LONGEST)
    return REST if failures >= FAILURES else None
