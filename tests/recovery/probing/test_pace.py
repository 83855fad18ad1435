"""The pace of the big hosts lets a big registry's load through: a day of it, by a clock that the test turns."""

import heapq
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from recoverydesk.recovery.probing.patience import Knowledge, Visit, within_bounds
from recoverydesk.recovery.probing.verdicts import RETRY, Verdict
from recoverydesk.recovery.repository_urls import known_hosts
from recoverydesk.recovery.repository_urls.known_hosts import USUAL, Pace

FIRST_LOOKS = 5_500  # a day at one host, in the peaks of a registry such as PyPI
BUSY_HOURS = 8  # in which they come
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
ROUND = timedelta(seconds=50)  # a visit and the way to the next one
REPOSITORY = 0.4  # seconds a look takes


class Turned:
    """A clock that sleeping turns, and nothing else."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.001)


def day_of(pace: Pace, monkeypatch: pytest.MonkeyPatch) -> tuple[Counter[int], timedelta]:
    """How many first, second … looks a day gets done, none of which finds anything; the longest wait for a first."""
    clock, seen, longest = Turned(), Counter[int](), timedelta(0)
    monkeypatch.setattr("time.sleep", clock.sleep)
    due = [(MORNING + timedelta(hours=BUSY_HOURS) * number / FIRST_LOOKS, 0) for number in range(FIRST_LOOKS)]
    known, now, midnight = Knowledge(pace=pace), MORNING, datetime(2026, 3, 3, tzinfo=UTC)
    while now < midnight and due and known.rests_until(now) is None:
        visit, began = Visit(known, now, clock), clock()
        while due and due[0][0] <= now and visit.take():
            wanted, looks = heapq.heappop(due)
            clock.sleep(REPOSITORY / 2)  # two at a time
            at = now + timedelta(seconds=clock() - began)
            longest = max(longest, at - wanted) if looks == 0 else longest
            seen[looks] += 1
            heapq.heappush(due, (at + RETRY[Verdict.MISSING][min(looks, 3)], looks + 1))
        after = now + max(ROUND, timedelta(seconds=clock() - began))
        asked = known.asked_today(now) + visit.asked
        known = Knowledge(tokens=visit.tokens, tokens_at=now, asked_on=now.date(), asked=asked, pace=pace)
        now = after
    return seen, longest


def test_a_day_of_5500_first_looks_with_all_that_follow_goes_through_at_the_biggest_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen, longest = day_of(known_hosts.pace("github.com"), monkeypatch)
    assert (seen[0], seen[1]) == (FIRST_LOOKS, FIRST_LOOKS)
    assert longest <= 2 * ROUND
    assert sum(seen.values()) >= 3 * FIRST_LOOKS


def test_at_the_usual_pace_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, _longest = day_of(USUAL, monkeypatch)
    assert sum(seen.values()) == USUAL.a_day
    assert seen[0] < FIRST_LOOKS / 3


def test_the_biggest_hosts_day_has_room_for_two_weeks_of_requests_nobody_answers() -> None:
    """A tenth of the claimants never push; each such boundary is looked at once a day until it expires."""
    first_day = FIRST_LOOKS * len(RETRY[Verdict.MISSING])
    assert first_day + 14 * FIRST_LOOKS / 10 <= known_hosts.pace("github.com").a_day


def test_nobody_else_is_asked_more_than_before() -> None:
    assert known_hosts.pace("git.example.org") == known_hosts.pace("codeberg.org") == Pace(2000, 1.0)
    assert known_hosts.PACES.keys() <= {host.asked_at for host in known_hosts.KNOWN.values()}


@pytest.mark.parametrize("written", [(0, 0.0), (-5, -1.0), (10**12, 10**12), (7, float("nan")), (7, float("inf"))])
def test_whatever_stands_in_a_row_a_round_can_go_by_it(written: tuple[int, float]) -> None:
    pace = within_bounds(*written)
    assert 1 <= pace.a_day <= 1_000_000
    assert 0.01 <= pace.a_second <= 20
    assert Visit(Knowledge(pace=pace), MORNING, Turned()).take()
