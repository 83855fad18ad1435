"""How patiently one host is asked: what is known of it, and one round's visit to it. Values and a clock; no database.

The numbers are those of branch-verification section 7: two looks at a time, five at once and then one a second, 2,000 a
day, and ten minutes' rest after five failures in a row. What a host says about its own rest wins.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from recoverydesk.recovery.probing.verdicts import LONGEST, SHORTEST, Result, Verdict

AT_ONCE = 2  # looks at one host at the same time
BURST = 5.0
PER_SECOND = 1.0
A_DAY = 2000
FAILURES = 5
REST = timedelta(minutes=10)
FORGOTTEN_AFTER = timedelta(days=7)
VISIT_SECONDS = 45.0  # no look begins later in a visit, so that the longest ends within a lease
ONE_REQUEST = ("v2-direct", "v2")


@dataclass(frozen=True)
class Knowledge:
    """What we know of one (host, port): what it speaks, how it does, how much it was asked."""

    protocol: str = ""
    learned_at: datetime | None = None
    failures: int = 0
    circuit_open_until: datetime | None = None
    tokens: float = BURST
    tokens_at: datetime | None = None
    asked_on: date | None = None
    asked: int = 0

    def spoken(self, now: datetime) -> str:
        """What the host spoke within the last seven days, or nothing."""
        fresh = self.learned_at is not None and now - self.learned_at < FORGOTTEN_AFTER
        return self.protocol if fresh else ""

    def tokens_now(self, now: datetime) -> float:
        """How many looks the bucket holds now."""
        passed = (now - self.tokens_at).total_seconds() if self.tokens_at else BURST / PER_SECOND
        return min(BURST, self.tokens + max(passed, 0.0) * PER_SECOND)

    def asked_today(self, now: datetime) -> int:
        """Looks since midnight (UTC)."""
        return self.asked if self.asked_on == now.astimezone(UTC).date() else 0

    def rests_until(self, now: datetime) -> datetime | None:
        """When the host may be asked again; None when it may be asked now."""
        if self.circuit_open_until and self.circuit_open_until > now:
            return self.circuit_open_until
        if self.asked_today(now) >= A_DAY:
            return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), datetime.min.time(), UTC)
        return None


def learned(before: str, heard: str) -> str:
    """What to keep of what a host spoke before (empty when forgotten) and what it has shown now.

    One repository whose owner serves it as files, or in Mercurial, does not undo that the host speaks git's version 2.
    """
    keeps = before in ONE_REQUEST and heard not in ONE_REQUEST
    return before if keeps or not heard else heard


class Bucket:
    """How many looks may begin now; it fills by the second. Whoever takes one holds a lock."""

    def __init__(self, tokens: float, now: float) -> None:
        self.tokens, self._counted = tokens, now

    def wait(self, now: float) -> float:
        """Seconds until it holds a whole look, by a clock that only goes on."""
        self.tokens = min(BURST, self.tokens + (now - self._counted) * PER_SECOND)
        self._counted = now
        return max(0.0, (1 - self.tokens) / PER_SECOND)


class Visit:
    """One round's dealings with one host, shared by the threads that ask it."""

    def __init__(self, known: Knowledge, now: datetime, clock: Callable[[], float] = time.monotonic) -> None:
        self.spoken = self._spoken_before = known.spoken(now)
        self.failures = known.failures
        self.rest: timedelta | None = None
        self.trouble = ""
        self.asked = 0
        self._left_today = A_DAY - known.asked_today(now)
        self._clock = clock
        self._bucket = Bucket(known.tokens_now(now), clock())
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
