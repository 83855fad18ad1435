"""The checkpoint file: what is written into it, and what is read out of one that somebody else may have written in."""

import errno
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now

from audit.chain import checkpoints, gaps, sealed_since, sealing, signing
from audit.chain.checkpoints import TAIL, Line
from audit.models import Checkpoint, Event, Seal
from audit.tags import CLOSING, Tag
from tests.helpers.sealed import Somebody, back_to, run, write, write_and_seal

pytestmark = pytest.mark.django_db
WHOLE = {"seal": 3, "time": "t", "hash": "h", "key_id": "k", "signature": "s", "closed": [7, 8]}


@pytest.fixture
def log(who: Somebody) -> Seal:
    """Two seals, the second with a checkpoint; returns it."""
    write_and_seal(3, [who], batch=10)
    assert checkpoints.write()
    return Seal.objects.latest("number")


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_new_file_is_begun_with_its_name_and_the_row_says_where_it_is(log: Seal, tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    assert checkpoints.default_path() == path
    name, line = rows(path)
    assert list(name) == ["file"]
    assert len(name["file"]) == 32
    assert line == {
        "seal": 2, "time": log.time.isoformat(timespec="microseconds"), "hash": sealing.hash_of(log),
        "key_id": log.key_id, "signature": log.signature, "closed": [],
    }  # fmt: skip
    row = Checkpoint.objects.get()
    assert (row.seal, row.file, row.place) == (2, name["file"], f"{socket.gethostname()}:{path}")
    assert checkpoints.read_name(path) == name["file"]


def test_a_long_place_is_cut() -> None:
    assert len(checkpoints.place(Path("/" + "x" * 600))) == 500


def test_an_empty_log_begins_a_file_and_writes_no_line(tmp_path: Path) -> None:
    assert not checkpoints.write()
    assert [list(row) for row in rows(tmp_path / "checkpoints.log")] == [["file"]]


def test_another_file_begins_anew_and_is_made_with_its_folders(log: Seal, tmp_path: Path) -> None:
    other = tmp_path / "deep" / "down" / "copy.log"
    assert checkpoints.write(other)
    assert not checkpoints.write(other)
    assert [row.get("seal") for row in rows(other)] == [None, 2]
    assert sorted(Checkpoint.objects.values_list("seal", flat=True)) == [2, 2]


def test_an_empty_file_is_begun_like_none(log: Seal, tmp_path: Path) -> None:
    other = tmp_path / "copy.log"
    other.touch()
    assert checkpoints.write(other)
    assert list(rows(other)[0]) == ["file"]


def test_a_file_whose_first_line_is_spoilt_has_no_name(log: Seal, tmp_path: Path) -> None:
    path = checkpoints.default_path()
    path.write_text("rubbish\n")
    run("DELETE FROM audit_checkpoint")
    assert checkpoints.write()
    assert Checkpoint.objects.get().file == checkpoints.NAMELESS == "nameless"
    assert path.read_text().splitlines()[0] == "rubbish"


def test_a_torn_line_is_ended_before_the_next(log: Seal, who: Somebody) -> None:
    path = checkpoints.default_path()
    path.write_bytes(path.read_bytes() + b'{"seal": 99, "ha')
    write(1, [who])
    sealing.seal()
    assert checkpoints.write()
    assert path.read_bytes().endswith(b"}\n")
    lines = path.read_text().splitlines()
    assert (len(lines), lines[2]) == (4, '{"seal": 99, "ha')


def test_a_disk_that_takes_a_part_is_an_error_and_leaves_no_row(
    log: Seal, who: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(1, [who])
    sealing.seal()
    write_all = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write_all(descriptor, data[:9]))
    with pytest.raises(OSError, match="No space left on device") as full:
        checkpoints.write()
    assert (full.value.errno, full.value.filename) == (errno.ENOSPC, str(checkpoints.default_path()))
    assert Checkpoint.objects.count() == 1


# Reading -------------------------------------------------------------------------------------------------------------


def written(path: Path, *lines: object) -> Path:
    path.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
    return path


def test_what_is_no_line_is_left_out_and_what_is_odd_in_one_harms_nobody(tmp_path: Path) -> None:
    odd = {"seal": 4, "closed": [1, "x", None, 2], "hash": 17}
    path = written(
        tmp_path / "file", {"file": "one"}, "rubbish\n", [1], {"seal": "5"}, {"file": "two"}, WHOLE, odd,
        {"seal": 6, "closed": "7"}, '{"seal": 99, "ha',
    )  # fmt: skip
    found = checkpoints.read_checkpoints(path)
    assert (found.path, found.name) == (path, "one")
    assert found.lines == (
        Line(3, "t", "h", "k", "s", (7, 8)), Line(4, "None", "17", "None", "None", (1, 2)),
        Line(6, "None", "None", "None", "None", ()),
    )  # fmt: skip


def test_a_file_without_a_name(tmp_path: Path) -> None:
    assert checkpoints.read_checkpoints(written(tmp_path / "file", WHOLE)).name == ""
    assert checkpoints.read_name(written(tmp_path / "file", WHOLE)) == ""
    assert checkpoints.read_name(written(tmp_path / "file", "rubbish\n", {"file": "one"})) == ""
    (tmp_path / "file").write_bytes(b"\xff\xfe{}\n")
    assert checkpoints.read_name(tmp_path / "file") == ""
    assert checkpoints.read_checkpoints(tmp_path / "file").lines == ()


def test_the_lines_up_to_a_seal_are_kept_as_they_stand(tmp_path: Path) -> None:
    path = written(
        tmp_path / "file", {"file": "one"}, {"seal": 2}, "rubbish\n", '{"seal":3 }\n', {"seal": 4}, {"seal": 2}
    )
    assert list(checkpoints.up_to(path, 3)) == [
        b'{"file": "one"}\n',
        b'{"seal": 2}\n',
        b'{"seal":3 }\n',
        b'{"seal": 2}\n',
    ]
    assert list(checkpoints.up_to(written(path, {"seal": "x"}), 3)) == [b'{"seal": "x"}\n']


# Beyond the database -------------------------------------------------------------------------------------------------


def test_a_file_that_knows_more_than_the_database_says_so(log: Seal) -> None:
    assert checkpoints.beyond_the_database() is None
    back_to(1)
    line = checkpoints.beyond_the_database()
    assert line is not None
    assert (line.seal, line.hash) == (2, sealing.hash_of(log))
    run("DELETE FROM audit_seal")
    assert checkpoints.beyond_the_database() == line


def test_bytes_that_are_no_text_do_not_stop_the_reading(log: Seal) -> None:
    with checkpoints.default_path().open("ab") as file:
        file.write(b"\xff\xfe\n")
    assert checkpoints.beyond_the_database() is None
    back_to(1)
    line = checkpoints.beyond_the_database()
    assert line is not None
    assert line.seal == 2


def test_no_file_and_a_file_without_lines_know_nothing(log: Seal, tmp_path: Path) -> None:
    back_to(1)
    path = checkpoints.default_path()
    path.write_text('{"file": "one"}\n')
    assert checkpoints.beyond_the_database() is None
    path.unlink()
    assert checkpoints.beyond_the_database() is None


@pytest.mark.parametrize("changed", [{"signature": "00"}, {"key_id": "x"}, {"hash": "ab"}, {"seal": "9"}])
def test_a_line_nobody_signed_is_not_beyond(log: Seal, changed: dict[str, object]) -> None:
    path = checkpoints.default_path()
    line = {**rows(path)[1], **changed}
    back_to(1)
    written(path, line)
    assert checkpoints.beyond_the_database() is None


def test_only_the_end_of_a_long_file_is_read(log: Seal) -> None:
    path = checkpoints.default_path()
    line = json.dumps(rows(path)[1]) + "\n"
    back_to(1)
    path.write_text(("x" * 99 + "\n") * (TAIL // 50) + line)
    found = checkpoints.beyond_the_database()
    assert found is not None
    assert found.seal == 2
    assert len(list(checkpoints._tail(path))) == 1
    path.write_text(line + "x" * TAIL)
    assert checkpoints.beyond_the_database() is None


# Which tickets were closed -------------------------------------------------------------------------------------------


def closes(ticket: int | None, tag: Tag, who: Somebody) -> Seal:
    Event.objects.create(tag=tag, actor_name="ada", ticket=ticket, time=Now())
    sealing.seal()
    return Seal.objects.latest("number")


def test_a_checkpoint_names_the_tickets_closed_since_the_one_before(log: Seal, who: Somebody) -> None:
    closing, other = sorted(CLOSING)[0], Tag.ACCOUNT_RECOVERY_NOTE
    first = closes(9, closing, who)
    closes(4, closing, who)
    closes(4, closing, who)
    closes(5, other, who)
    last = closes(None, closing, who)
    assert sealed_since.closed(None, last) == [4, 9]
    assert sealed_since.closed(first, last) == [4]
    assert sealed_since.closed(last, last) == []
    assert checkpoints.line_of(last, first)["closed"] == [4]
    assert checkpoints.line_of(first, None)["closed"] == [9]


def test_of_too_many_the_newest_are_named(log: Seal, who: Somebody, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_since, "MOST", 2)
    for ticket in (3, 1, 2):
        last = closes(ticket, sorted(CLOSING)[0], who)
    assert sealed_since.closed(None, last) == [2, 3]


def test_what_came_in_a_gap_counts_as_sealed_since(log: Seal, who: Somebody) -> None:
    late = Event.objects.order_by("id")[1].pk
    before = Seal(last_id=log.last_id, gaps=gaps.pack([gaps.Gap(late, late, 0, 0)]), time=datetime.now(UTC))
    last = closes(7, sorted(CLOSING)[0], who)
    found = sealed_since.events(before, last).order_by("id").values_list("id", flat=True)
    assert list(found) == [late, last.last_id]
    assert sealed_since.events(None, log).count() == 3
    assert signing.key_id(signing.public_key()) == log.key_id
