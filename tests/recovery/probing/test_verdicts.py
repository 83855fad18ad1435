"""When to look again by itself."""

from datetime import timedelta

import pytest

from recoverydesk.recovery.probing.verdicts import Verdict, next_delay

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("verdict", "minutes"),
    [
        (Verdict.MISSING, [15, 60, 360, 1440, 1440]),
        (Verdict.UNREACHABLE, [1, 5, 30, 120, 360, 1440, 1440]),
        (Verdict.PRIVATE_OR_ABSENT, [1440, 1440]),
    ],
)
def test_looks_become_rarer(verdict: Verdict, minutes: list[int]) -> None:
    assert [next_delay(verdict, attempts) for attempts in range(len(minutes))] == [n * MINUTE for n in minutes]


@pytest.mark.parametrize(
    "verdict", [Verdict.FOUND, Verdict.MOVED, Verdict.NOT_A_REPOSITORY, Verdict.BLOCKED, Verdict.AMBIGUOUS]
)
def test_what_only_a_person_can_resolve_is_not_asked_again(verdict: Verdict) -> None:
    assert next_delay(verdict, 0, retry_after=60) is None


def test_the_hosts_own_wish_wins_within_a_minute_and_a_day() -> None:
    wishes = [next_delay(Verdict.UNREACHABLE, 3, retry_after=seconds) for seconds in (0, 90, 10**9)]
    assert wishes == [MINUTE, 1.5 * MINUTE, timedelta(days=1)]
    assert next_delay(Verdict.MISSING, 0, retry_after=90) == 15 * MINUTE


def test_jitter_spreads_by_up_to_a_tenth() -> None:
    assert next_delay(Verdict.UNREACHABLE, 0, jitter=1.0) == 66 * timedelta(seconds=1)
