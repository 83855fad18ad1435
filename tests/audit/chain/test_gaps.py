"""Ids that a seal passed by: to the microsecond when a gap opens, is filled and closes."""

from dataclasses import replace

import pytest

from audit.chain import gaps
from audit.chain.gaps import MOST_LATE, SETTLE, Gap, Horizon

GAP = Gap(10, 20, 1, 2, 3)
PLAIN = Gap(10, 20, earliest=5, noticed=1000)


def test_a_gap_is_packed_and_unpacked_in_the_order_of_the_format() -> None:
    blob = gaps.pack([GAP, PLAIN])
    assert blob.hex() == "".join(f"{number:016x}" for number in (10, 20, 1, 2, 3, 10, 20, 5, 1000, 0))
    assert gaps.unpack(blob) == [GAP, PLAIN]
    assert gaps.unpack(b"") == []


@pytest.mark.parametrize(
    ("ids", "after", "found"),
    [
        ([], 7, []), ([8], 7, []), ([9], 7, [(8, 8)]), ([8, 9, 10], 7, []), ([10, 11, 14], 7, [(8, 9), (12, 13)]),
        ([1], 0, []), ([2], 0, [(1, 1)]),
    ],
)  # fmt: skip
def test_the_ids_between_are_passed_by(ids: list[int], after: int, found: list[tuple[int, int]]) -> None:
    made = list(gaps.passed_by(ids, after, earliest=5, noticed=9))
    assert made == [Gap(first, last, earliest=5, noticed=9) for first, last in found]


@pytest.mark.parametrize(
    ("came", "left"),
    [
        ([], [(10, 20)]), ([10], [(11, 20)]), ([20], [(10, 19)]), ([15], [(10, 14), (16, 20)]),
        ([10, 11, 12], [(13, 20)]), (list(range(10, 21)), []), (list(range(10, 20)), [(20, 20)]),
        ([11, 19], [(10, 10), (12, 18), (20, 20)]),
    ],
)  # fmt: skip
def test_what_has_come_is_taken_out_of_its_gap(came: list[int], left: list[tuple[int, int]]) -> None:
    assert list(gaps.without(GAP, came)) == [replace(GAP, first=first, last=last) for first, last in left]


@pytest.mark.parametrize(
    ("gap", "now", "horizon", "left"),
    [
        (PLAIN, 1000 + SETTLE - 1, Horizon(5, 9), PLAIN),
        (PLAIN, 1000 + SETTLE, Horizon(5, 9), replace(PLAIN, closes=9)),
        (PLAIN, 1000 + MOST_LATE, Horizon(5, 9), replace(PLAIN, closes=9)),
        (PLAIN, 1000 + MOST_LATE + 1, Horizon(5, 9), None),
        (replace(PLAIN, closes=6), 1001, Horizon(5, 9), replace(PLAIN, closes=6)),
        (replace(PLAIN, closes=5), 1001, Horizon(5, 9), None),
        (replace(PLAIN, closes=4), 1001, Horizon(5, 9), None),
        (replace(PLAIN, closes=1), 1001, Horizon(5, 9), None),
        (replace(PLAIN, closes=6), 1000 + SETTLE, Horizon(5, 9), replace(PLAIN, closes=6)),
        (replace(PLAIN, closes=6), 1000 + MOST_LATE + 1, Horizon(5, 9), None),
    ],
)
def test_when_a_gap_is_open(gap: Gap, now: int, horizon: Horizon, left: Gap | None) -> None:
    assert list(gaps.still_open([gap], now, horizon)) == ([left] if left else [])


def test_one_gap_that_closes_closes_no_other() -> None:
    closed, other = replace(PLAIN, closes=5), replace(PLAIN, first=30, last=40)
    assert list(gaps.still_open([closed, other], 1001, Horizon(5, 9))) == [other]


def test_an_id_lies_in_a_gap_with_both_its_ends() -> None:
    other = replace(PLAIN, first=22, last=22)
    found = {id_: gaps.find_gap([PLAIN, other], id_) for id_ in (9, 10, 20, 21, 22, 23)}
    assert found == {9: None, 10: PLAIN, 20: PLAIN, 21: None, 22: other, 23: None}


def test_a_transaction_has_ten_seconds_and_a_gap_a_day() -> None:
    assert (SETTLE, MOST_LATE) == (10_000_000, 86_400_000_000)
