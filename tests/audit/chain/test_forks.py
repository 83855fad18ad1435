"""What a recorded restore explains: to the seal and to the microsecond, and nothing without our signature."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit.chain import encoding, forks, sealing, signing
from audit.chain.checkpoints import Line
from audit.chain.forks import LEFT_OUT, Fork
from audit.models import Seal
from audit.tags import Tag
from tests.helpers.sealed import Somebody, write_and_seal

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RESUMED = encoding.micros(NOON)
FORK = Fork(2_000_000, NOON, 6, RESUMED, gone={"file": [7, 9]})


def line_of(seal: int, *, before: int = 1, **changed: Any) -> Line:
    """A checkpoint with our signature, dated some microseconds before the restore went on."""
    time = NOON - timedelta(microseconds=before)
    sha, key_id = "ab" * 32, signing.key_id(signing.public_key())
    return replace(Line(seal, time.isoformat(), sha, key_id, signing.sign(sha)), **changed)


@pytest.mark.parametrize(("seal", "explained"), [(6, False), (7, True), (1_999_999, True), (2_000_000, False)])
def test_a_lost_seal_lies_between_the_last_one_kept_and_the_record(seal: int, explained: bool) -> None:
    assert FORK.explains(line_of(seal), signing.trusted()) is explained


@pytest.mark.parametrize(("before", "explained"), [(1, True), (0, False), (-1, False)])
def test_a_lost_seal_is_older_than_what_went_on(before: int, explained: bool) -> None:
    assert FORK.explains(line_of(8, before=before), signing.trusted()) is explained


@pytest.mark.parametrize("changed", [{"time": "yesterday"}, {"signature": "00"}, {"key_id": "x"}, {"hash": "cd" * 32}])
def test_a_line_without_our_signature_or_a_time_is_explained_by_nothing(changed: dict[str, Any]) -> None:
    assert not FORK.explains(line_of(8, **changed), signing.trusted())


def test_lines_of_a_file_that_was_put_back_too() -> None:
    assert [seal for seal in range(5, 12) if FORK.explains_gone("file", seal)] == [7, 8, 9]
    assert not any(FORK.explains_gone("other", seal) for seal in range(3))


@pytest.mark.parametrize(
    ("highest", "number"),
    [(0, 2), (1, 2), (999_999, 2), (1_000_000, 3), (1_000_001, 3), (2_000_000, 4), (2_999_999, 4)],
)
def test_a_restore_leaves_a_million_numbers_out_and_more(highest: int, number: int) -> None:
    assert forks.number_after(highest) == number * LEFT_OUT
    assert forks.number_after(highest) - highest > LEFT_OUT


@pytest.mark.django_db
def test_what_was_lost_is_older_than_the_first_seal_after_it(who: Somebody) -> None:
    write_and_seal(6, [who], batch=2)
    second = encoding.micros(Seal.objects.get(number=2).time)
    last = Seal.objects.latest("number").number
    assert forks.resumed_after(1, NOON) == second
    assert forks.resumed_after(0, NOON) == encoding.micros(Seal.objects.get(number=1).time)
    assert forks.resumed_after(last, NOON) == RESUMED


# Reading the record --------------------------------------------------------------------------------------------------


def row_with(data: Any, tag: str = Tag.AUDIT_LOG_RESTORE) -> encoding.EventRow:
    values: list[Any] = [1, 0, str(tag), *[None] * 8, data, ""]
    return encoding.EventRow(1, values, b"")


WHOLE = {"seal": 6, "reason": "the disk broke", "gone": {"file": [7, 9]}}


@pytest.mark.django_db
def test_a_restore_is_read_from_its_event(who: Somebody) -> None:
    one = Seal(number=2_000_000, time=NOON)
    found = forks.read_restore(one, [row_with({}, Tag.FILE_ADD), row_with(WHOLE)])
    assert found == replace(FORK, reason="the disk broke")
    assert found is not None
    assert found.gone == {"file": [7, 9]}
    nameless = forks.read_restore(one, [row_with({"seal": 6, "gone": {}})])
    assert nameless == Fork(2_000_000, NOON, 6, RESUMED)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "row",
    [row_with(WHOLE, Tag.FILE_ADD), row_with("text"), row_with(None), row_with({**WHOLE, "seal": "6"}),
     row_with({**WHOLE, "gone": None}), row_with({**WHOLE, "gone": [7]}), row_with({**WHOLE, "gone": {"file": [7]}}),
     row_with({"seal": 6}), row_with({"gone": {}}), row_with({**WHOLE, "gone": {"a": [1, 2], "b": [1, 2, 3]}})],
)  # fmt: skip
def test_anything_less_records_no_restore(row: encoding.EventRow) -> None:
    assert forks.read_restore(Seal(number=2_000_000, time=NOON), [row]) is None


@pytest.mark.django_db
def test_a_seals_hash_covers_every_field_of_it(who: Somebody) -> None:
    write_and_seal(5, [who], batch=2)
    one = Seal.objects.latest("number")
    known = {sealing.hash_of(one)}
    changes: dict[str, Any] = {
        "number": 9, "time": NOON, "previous": "x", "last_id": 1, "count": 9, "newest": None, "imported": True,
        "key_id": "x", "entries": b"x", "gaps": b"x",
    }  # fmt: skip
    assert set(changes) == {field.name for field in Seal._meta.fields} - {"signature"}
    for name, value in changes.items():
        other = Seal.objects.get(number=one.number)
        setattr(other, name, value)
        known.add(sealing.hash_of(other))
    assert len(known) == 1 + len(changes)
