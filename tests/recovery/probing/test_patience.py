"""How patiently one host is asked: the bucket, the day, the rest; by a clock the tests turn."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from recoverydesk.recovery.probing.patience import BURST, Knowledge, Visit, learned, rest_after
from recoverydesk.recovery.probing.verdicts import Result, Verdict
from recoverydesk.recovery.repository_urls.known_hosts import USUAL, Pace

NOW = datetime(2026, 3, 1, 23, 59, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Clock:
    """Stands still until it is turned; sleeping turns it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("time.sleep", self.turn)

    def turn(self, seconds: float) -> None:
        self.now += max(seconds, 0.001)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_five_looks_at_once_and_then_one_a_second_until_the_visit_is_over(clock: Clock) -> None:
    visit, taken = Visit(Knowledge(), NOW, clock), []
    while visit.take():
        taken.append(clock.now - 100)
    assert taken[:5] == [0.0] * 5
    assert [round(at) for at in taken[5:8]] == [1, 2, 3]
    assert 49 <= len(taken) <= 50
    assert taken[-1] <= 45


def test_an_empty_bucket_fills_between_visits() -> None:
    empty = Knowledge(tokens=0.0, tokens_at=NOW)
    assert [empty.tokens_now(NOW + after * SECOND) for after in (0, 3, 60)] == [0.0, 3.0, BURST]
    assert empty.tokens_now(NOW - 9 * SECOND) == 0.0  # a clock that went back


def test_a_days_looks_are_counted_by_the_day(clock: Clock) -> None:
    nearly = Knowledge(asked_on=NOW.date(), asked=USUAL.a_day - 1)
    visit = Visit(nearly, NOW, clock)
    assert [visit.take(), visit.take()] == [True, False]
    full = replace(nearly, asked=USUAL.a_day)
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    assert full.rests_until(NOW) == midnight
    assert full.rests_until(midnight) is None


@pytest.mark.parametrize(("a_second", "looks"), [(4.0, 5 + 4 * 45), (1.0, 5 + 45), (0.1, 5 + 4), (0.01, 5)])
def test_a_visit_goes_at_the_hosts_own_pace(clock: Clock, a_second: float, looks: int) -> None:
    visit, taken = Visit(Knowledge(pace=Pace(a_second=a_second)), NOW, clock), 0
    while visit.take():
        taken += 1
    assert looks - 1 <= taken <= looks


def test_an_empty_bucket_of_a_slow_host_fills_slowly_between_visits() -> None:
    empty = Knowledge(tokens=0.0, tokens_at=NOW, pace=Pace(a_second=0.01))
    assert [round(empty.tokens_now(NOW + after * SECOND), 2) for after in (0, 50, 100, 10_000)] == [0, 0.5, 1, BURST]


def test_a_host_may_have_a_day_of_its_own(clock: Clock) -> None:
    knows = Knowledge(asked_on=NOW.date(), asked=2_000, pace=Pace(a_day=2_001))
    assert knows.rests_until(NOW) is None
    visit = Visit(knows, NOW, clock)
    assert [visit.take(), visit.take()] == [True, False]


def test_what_a_host_speaks_is_forgotten_after_seven_days() -> None:
    known = Knowledge(protocol="v2-direct", learned_at=NOW)
    assert known.spoken(NOW + timedelta(days=7) - SECOND) == "v2-direct"
    assert known.spoken(NOW + timedelta(days=7)) == ""
    assert Knowledge(protocol="v2").spoken(NOW) == ""


@pytest.mark.parametrize(
    ("before", "heard", "after"),
    [
        ("", "v2-direct", "v2-direct"), ("", "v0", "v0"), ("", "", ""), ("v0", "v2-direct", "v2-direct"),
        ("v0", "hg", "hg"), ("v2-direct", "v2", "v2"), ("v2-direct", "", "v2-direct"), ("v2-direct", "v0", "v2-direct"),
        ("v2-direct", "dumb", "v2-direct"), ("v2", "hg", "v2"),
    ],
)  # fmt: skip
def test_one_repository_cannot_undo_what_its_host_speaks(before: str, heard: str, after: str) -> None:
    assert learned(before, heard) == after


@pytest.mark.parametrize(
    ("failures", "wish", "rest"),
    [(1, None, None), (4, None, None), (5, None, 600), (9, None, 600), (1, 90, 90), (1, 1, 60), (9, 10**12, 86400)],
)
def test_how_long_a_failing_host_rests(failures: int, wish: float | None, rest: float | None) -> None:
    found = rest_after(failures, wish)
    assert (found.total_seconds() if found else None) == rest


def test_a_failure_ends_the_visit_and_an_answer_ends_the_count(clock: Clock) -> None:
    visit = Visit(Knowledge(failures=4), NOW, clock)
    visit.heard(Result(Verdict.AMBIGUOUS))
    assert (visit.failures, visit.rest, visit.take()) == (0, None, True)
    visit.heard(Result(Verdict.UNREACHABLE, detail="it took too long"))
    assert (visit.failures, visit.rest, visit.trouble, visit.take()) == (1, None, "it took too long", False)
