"""What a seal says, part by part: its number, its times, what it covers, and what it leaves for the next."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from audit.chain import encoding, gaps, rows, sealing, signing
from audit.log import record
from audit.models import Event, Seal
from audit.tags import Tag
from tests.helpers.sealed import Somebody, write

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MICROS = encoding.micros(NOON)
HOUR = timedelta(hours=1)


def row(id_: int, micros: Any = MICROS) -> encoding.EventRow:
    values: list[Any] = [id_, micros, "x", *[None] * 10]
    return encoding.EventRow(id_, values, bytes([id_]) * 32)


def head(**fields: Any) -> Seal:
    return Seal(
        **{"number": 4, "last_id": 20, "count": 0, "time": NOON, "newest": NOON, "entries": b"", "gaps": b"", **fields}
    )


def test_the_first_seal_and_the_next(who: Somebody) -> None:
    write(3, [who])
    assert sealing.seal(batch=2) == 3
    first, second = Seal.objects.order_by("number")
    ids = list(Event.objects.order_by("id").values_list("id", flat=True))
    assert [(one.number, one.last_id, one.count, one.imported) for one in (first, second)] == [
        (1, ids[1], 2, True), (2, ids[2], 1, True),
    ]  # fmt: skip
    assert (first.previous, second.previous) == ("", sealing.hash_of(first))
    key = signing.public_key()
    for one in (first, second):
        assert one.key_id == signing.key_id(key)
        assert signing.is_signed(signing.trusted()[one.key_id], sealing.hash_of(one), one.signature)
        assert one.newest is None  # imported: such times say nothing
    assert sealing.last_seal() == second
    whole = rows.fetch("e.id > %s ORDER BY e.id", [0])
    packed = [entry for one in (first, second) for entry in encoding.unpack(bytes(one.entries))]
    assert packed == [(each.id, each.digest) for each in whole]


def test_a_round_goes_on_while_batches_are_full_and_says_how_many(who: Somebody) -> None:
    write(1, [who])
    sealing.seal()
    write(4, [who])
    assert sealing.seal(batch=2) == 4
    assert list(Seal.objects.order_by("number").values_list("count", "imported")) == [(1, True), (2, False), (2, False)]
    write(1, [who])
    assert sealing.seal(imported=True) == 1
    assert Seal.objects.latest("number").imported


def test_a_restore_takes_everything_under_its_number(who: Somebody) -> None:
    write(1, [who])
    sealing.seal()
    write(5, [who])
    made = sealing.seal_restore(70)
    assert (made.number, made.count, made.imported) == (70, 5, False)
    assert Seal.objects.latest("number") == made
    with pytest.raises(RuntimeError, match="^the restore was not sealed$"):
        sealing.seal_restore(90)


def test_a_restore_of_an_empty_log_is_imported(who: Somebody) -> None:
    write(1, [who])
    assert sealing.seal_restore(70).imported


# The newest time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "times", "imported", "newest"),
    [
        (None, [], False, None), (None, [None], False, None), (None, [MICROS - 1], True, None),
        (None, [MICROS - 5, MICROS - 9], False, MICROS - 5), (None, [MICROS + 5], False, MICROS),
        (None, [MICROS, None], False, MICROS), (None, [-7], False, 0), (None, [0], False, 0),
        (MICROS - 3, [MICROS - 5], False, MICROS - 3), (MICROS - 3, [MICROS - 1], False, MICROS - 1),
        (MICROS - 3, [MICROS - 1], True, MICROS - 3), (MICROS - 3, [], False, MICROS - 3),
        (MICROS + 9, [MICROS - 1], False, MICROS + 9), (MICROS + 9, [MICROS + 99], False, MICROS + 9),
    ],
)  # fmt: skip
def test_the_newest_time_so_far(before: int | None, times: list[Any], imported: bool, newest: int | None) -> None:
    known = head(newest=encoding.moment(before)) if before is not None else head(newest=None)
    made = sealing._newest(known, [row(1, micros) for micros in times], NOON, imported=imported)
    assert made == (None if newest is None else encoding.moment(newest))
    if before is None:
        assert sealing._newest(None, [row(1, micros) for micros in times], NOON, imported=imported) == made


# Gaps ----------------------------------------------------------------------------------------------------------------

HORIZON = gaps.Horizon(5, 9)
OPEN = gaps.Gap(10, 14, earliest=3, noticed=MICROS - 1)


def after(known: list[gaps.Gap], late: list[int], new: list[int], last: Seal | None = None) -> list[gaps.Gap]:
    return sealing._gaps_after(
        last or head(), known, [row(id_) for id_ in late], [row(id_) for id_ in new], HORIZON, NOON
    )


def test_a_seal_lists_the_ids_it_passed_by() -> None:
    assert after([], [], [21, 22]) == []
    assert after([], [], [23, 26]) == [gaps.Gap(21, 22, MICROS, MICROS), gaps.Gap(24, 25, MICROS, MICROS)]
    assert after([], [], [22], head(newest=None)) == [gaps.Gap(21, 21, 0, MICROS)]
    first = sealing._gaps_after(None, [], [], [row(3)], HORIZON, NOON)
    assert first == [gaps.Gap(1, 2, 0, MICROS)]


def test_a_seal_keeps_what_is_still_open_of_the_gaps_before() -> None:
    assert after([OPEN], [], [21]) == [OPEN]
    other = gaps.Gap(16, 16, earliest=3, noticed=MICROS - 1)
    assert after([OPEN, other], [12, 16], [21]) == [
        gaps.Gap(10, 11, 3, MICROS - 1), gaps.Gap(13, 14, 3, MICROS - 1),
    ]  # fmt: skip
    assert after([OPEN], [10, 14], [22]) == [gaps.Gap(11, 13, 3, MICROS - 1), gaps.Gap(21, 21, MICROS, MICROS)]
    settled = gaps.Gap(10, 14, 3, MICROS - gaps.SETTLE)
    assert after([settled], [], [21]) == [gaps.Gap(10, 14, 3, MICROS - gaps.SETTLE, closes=9)]


def test_where_one_writes_at_a_time_there_are_no_gaps() -> None:
    assert sealing._gaps_after(head(), [OPEN], [], [row(30)], None, NOON) == []
    if connection.vendor == "sqlite":
        assert sealing._horizon() is None


def test_events_that_came_in_gaps_are_read_in_order_however_many_gaps_there_are(
    who: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(9, [who])
    ids = list(Event.objects.order_by("id").values_list("id", flat=True))
    known = [gaps.Gap(ids[6], ids[7], 0, 0), gaps.Gap(ids[0], ids[0], 0, 0), gaps.Gap(ids[3], ids[4], 0, 0)]
    wanted = [ids[0], ids[3], ids[4], ids[6], ids[7]]
    for at_once in (1, 2, 200):
        monkeypatch.setattr(sealing, "AT_ONCE", at_once)
        assert [one.id for one in sealing._late(known)] == wanted
    assert sealing._late([]) == []


def test_what_came_in_a_gap_is_sealed_before_what_is_new(who: Somebody) -> None:
    write(4, [who])
    ids = list(Event.objects.order_by("id").values_list("id", flat=True))
    gap = gaps.pack([gaps.Gap(ids[1], ids[1], 0, MICROS)])
    before = head(number=4, last_id=ids[2], gaps=gap, key_id="x", signature="x")
    before.save(force_insert=True)
    assert sealing.seal() == 2
    made = Seal.objects.get(number=5)
    assert [id_ for id_, _sha in encoding.unpack(bytes(made.entries))] == [ids[1], ids[3]]
    assert (made.last_id, made.count, made.previous) == (ids[3], 2, sealing.hash_of(before))


def test_a_late_event_alone_moves_no_border(who: Somebody) -> None:
    record(Tag.FILE_ADD, actor=who)
    (only,) = Event.objects.values_list("id", flat=True)
    gap = gaps.pack([gaps.Gap(only, only, 0, MICROS)])
    head(last_id=only + 5, gaps=gap, key_id="x", signature="x").save(force_insert=True)
    assert sealing.seal() == 1
    made = Seal.objects.get(number=5)
    assert (made.last_id, made.count) == (only + 5, 1)
