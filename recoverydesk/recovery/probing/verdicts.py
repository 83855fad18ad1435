"""What a probe can have found, and when to look again."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Verdict(StrEnum):
    """The eight answers; only FOUND proves anything, and only MISSING says that a branch is not there."""

    FOUND = "found"
    MISSING = "missing"
    PRIVATE_OR_ABSENT = "private-or-absent"
    NOT_A_REPOSITORY = "not-a-repository"
    MOVED = "moved"
    UNREACHABLE = "unreachable"
    BLOCKED = "blocked"
    AMBIGUOUS = "ambiguous"


PROTOCOLS = ("v2-direct", "v2", "v0", "dumb", "hg")


@dataclass(frozen=True)
class Result:
    """One look at one repository. Bytes are those of HTTP (inside TLS); `detail` never repeats a host's own words.

    `protocol` is how it was asked, `learned` what the host has shown to speak (both of PROTOCOLS, or empty).
    """

    verdict: Verdict
    host: str = ""
    namespace: str = ""
    repository: str = ""
    protocol: str = ""
    requests: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    elapsed_ms: int = 0
    peer: str = ""
    detail: str = ""
    object_id: str = ""
    fingerprint: str = ""  # SHA-256 of the host's certificate, hexadecimal
    show_how: str = ""  # the command a person can run to see the same; BRANCH stands for the branch
    learned: str = ""
    retry_after: float | None = None  # seconds, when the host named them


DAY = timedelta(days=1)
RETRY: dict[Verdict, tuple[timedelta, ...]] = {
    Verdict.MISSING: (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6), DAY),
    Verdict.PRIVATE_OR_ABSENT: (DAY,),
    Verdict.UNREACHABLE: (
        timedelta(minutes=1),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=6),
        DAY,
    ),
}
SPREAD = 0.1
SHORTEST, LONGEST = timedelta(minutes=1), DAY


def next_delay(
    verdict: Verdict, attempts: int, retry_after: float | None = None, *, jitter: float = 0.0
) -> timedelta | None:
    """How long to wait before the next look by itself; None: never (staff, or a person's click, decide).

    `attempts` are the looks before this one; `retry_after` (seconds) is the host's own wish, kept within a minute and
    a day; `jitter` (0 to 1, random) adds up to a tenth.
    """
    steps = RETRY.get(verdict)
    if steps is None:
        return None
    delay = steps[min(attempts, len(steps) - 1)]
    if retry_after is not None and verdict is Verdict.UNREACHABLE:
        delay = min(max(timedelta(seconds=min(retry_after, DAY.total_seconds())), SHORTEST), LONGEST)
    return delay * (1 + SPREAD * jitter)
