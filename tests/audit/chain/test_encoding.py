"""The canonical row: what each database hands over, and the same values and digest from both."""

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from audit.chain import encoding

UID = "6f1c2a7e-0000-4000-8000-0000000000aa"
MICROS = 1_700_000_000_123_456
TAIL: list[Any] = ["ada", UID, "ada", 7, UID, "sample", None]


def raw(vendor: str, **changed: Any) -> list[Any]:
    """One row as a SELECT of `selected` fetches it."""
    uid = UUID(UID).hex if vendor == "sqlite" else UID
    time = "1700000000.123456" if vendor == "postgresql" else "2023-11-14 22:13:20.123456"
    row = {
        "id": 5, "time": time, "tag": "file:add", "actor_uid": uid, "actor_name": "ada", "subject_uid": uid,
        "subject_name": "ada", "ticket": 7, "project_uid": uid, "project_name": "sample", "token_id": None,
        "data": '{"b": [1, "\\u00e4"], "a": 1.5}', "commitment": "c" * 64, **changed,
    }  # fmt: skip
    assert tuple(row) == encoding.COLUMNS
    return list(row.values())


@pytest.mark.parametrize("vendor", ["sqlite", "postgresql"])
def test_both_databases_give_the_same_row(vendor: str) -> None:
    row = encoding.read_row([*raw(vendor), "a column of somebody else's"], vendor)
    data = {"b": [1, "ä"], "a": 1.5}
    assert row.values == [5, MICROS, "file:add", UID, *TAIL, data, "c" * 64]
    assert (row.id, row.micros) == (5, MICROS)
    text = (
        f'[5,{MICROS},"file:add","{UID}","ada","{UID}","ada",7,"{UID}","sample",null,'
        f'{{"a":1.5,"b":[1,"\\u00e4"]}},"{"c" * 64}"]'
    )
    assert row.digest == hashlib.sha256(text.encode("ascii")).digest()


@pytest.mark.parametrize(
    ("vendor", "column", "odd"),
    [
        ("postgresql", "time", "infinity"), ("postgresql", "time", "17.5"), ("postgresql", "time", None),
        ("postgresql", "time", "1.2.3"), ("postgresql", "time", "x.123456"), ("sqlite", "time", "no time at all"),
        ("sqlite", "time", None), ("sqlite", "actor_uid", "mallory"), ("sqlite", "token_id", 17),
        ("sqlite", "data", "{"), ("postgresql", "data", None), ("sqlite", "ticket", "x"),
        ("postgresql", "actor_uid", "mallory"),
    ],
)  # fmt: skip
def test_what_no_program_wrote_stays_as_it_is_found(vendor: str, column: str, odd: Any) -> None:
    place = encoding.COLUMNS.index(column)
    row = encoding.read_row(raw(vendor, **{column: odd}), vendor)
    assert row.values[place] == odd
    assert row.digest != encoding.read_row(raw(vendor), vendor).digest
    assert (row.micros is None) == (column == "time")


def test_the_columns_are_asked_for_so_that_nothing_fails() -> None:
    assert encoding.selected("sqlite") == (
        "e.id, CAST(e.time AS TEXT), e.tag, e.actor_uid, e.actor_name, e.subject_uid, e.subject_name, e.ticket, "
        "e.project_uid, e.project_name, e.token_id, e.data, e.commitment"
    )
    assert encoding.selected("postgresql") == (
        "e.id, extract(epoch from e.time)::text, e.tag, e.actor_uid::text, e.actor_name, e.subject_uid::text, "
        "e.subject_name, e.ticket, e.project_uid::text, e.project_name, e.token_id::text, e.data::text, e.commitment"
    )


def test_a_value_json_does_not_know_is_written_as_python_shows_it() -> None:
    assert (
        encoding.digest([datetime(2026, 3, 1, tzinfo=UTC), b"x"])
        == hashlib.sha256(b'["datetime.datetime(2026, 3, 1, 0, 0, tzinfo=datetime.timezone.utc)","b\'x\'"]').digest()
    )


def test_microseconds_there_and_back() -> None:
    moment = datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert encoding.micros(moment) == MICROS
    assert encoding.moment(MICROS) == moment
    assert encoding.from_text(moment.isoformat()) == MICROS
    assert encoding.from_text("2023-11-14T23:13:20.123456+01:00") == MICROS
    assert [encoding.from_text(text) for text in ("", "yesterday", "2023-11-14T22:13:20")] == [None] * 3


def test_entries_are_an_id_and_a_digest_each() -> None:
    entries = [(-5, b"a" * 32), (2**40, b"b" * 32)]
    blob = encoding.pack(entries)
    assert blob == (-5).to_bytes(8, "big", signed=True) + b"a" * 32 + (2**40).to_bytes(8, "big") + b"b" * 32
    assert list(encoding.unpack(blob)) == entries
