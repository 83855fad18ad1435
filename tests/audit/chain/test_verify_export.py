"""What an outsider is handed: forged lines, cut files, other files. `docs/verify_export.py` refuses every one."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from audit.chain import checkpoints, export, sealing
from audit.log import record
from audit.models import Event, Seal
from audit.tags import Tag
from tests.audit.chain.exported import Lines, judged, judged_here, mutations, own_key, refused, signed_anew
from tests.helpers.sealed import Somebody, run, write, write_and_seal
from tests.tiers import spread, times

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(who: Somebody, kim: Somebody) -> None:
    """Four seals, a checkpoint of the third, two events that no seal has."""
    write_and_seal(4, [who, kim], batch=2)
    checkpoints.write()
    write(1, [kim])
    sealing.seal()
    write(2, [who])


@pytest.fixture
def lines(log: None) -> Lines:
    return "".join(export.lines()).splitlines()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export.jsonl"


def save(path: Path, lines: Lines) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    return path


def kinds(lines: Lines) -> list[str]:
    return [json.loads(line)["type"] for line in lines]


def changed(lines: Lines, place: int, **fields: Any) -> Lines:
    return [*lines[:place], json.dumps(json.loads(lines[place]) | fields), *lines[place + 1 :]]


def test_every_change_of_every_line_is_refused(lines: Lines, path: Path) -> None:
    assert judged_here(save(path, lines))[0] == 0
    tried = 0
    for place in sorted({shape(line): place for place, line in enumerate(lines)}.values()):
        for mutated in spread(mutations(lines, place), 40):
            assert refused(mutated, path), f"line {place + 1} of {kinds(lines)[place]}: {mutated[place][:300]}"
            tried += 1
    assert tried > times(500, fast=200)


def shape(line: str) -> tuple[Any, ...]:
    """Lines of one shape are read by one piece of code."""
    row = json.loads(line)
    return (row["type"], row.get("seal", 0) is None, row.get("detail") is None, row.get("number") == 1)


def test_every_change_of_what_is_sealed_is_refused_also_from_whoever_has_the_key(lines: Lines, path: Path) -> None:
    rows = [json.loads(line) for line in lines]
    event = next(place for place, row in enumerate(rows) if row.get("seal") == 2 and row["detail"])
    seal = next(place for place, row in enumerate(rows) if row.get("number") == 2)
    assert judged_here(save(path, signed_anew(lines)))[0] == 0
    for place in (event, seal):
        row = rows[place]
        for mutated in mutations(lines, place):
            if not erased(mutated, row, place):
                assert refused(signed_anew(mutated), path), f"line {place + 1}: {mutated[place][:300]}"


def erased(mutated: Lines, row: dict[str, Any], place: int) -> bool:
    """A detail that is gone is no finding: it may have been erased."""
    return mutated[place] == json.dumps(row | {"detail": None})


@pytest.fixture
def forgeries(lines: Lines) -> dict[str, Lines]:
    """What attackers handed out, each with an end that fits."""
    event, seal = kinds(lines).index("event"), kinds(lines).index("seal")
    loose = len(kinds(lines)) - 1 - kinds(lines)[::-1].index("event")
    row = json.loads(lines[event])
    return {
        "a second event of the same id before the true one": [
            *lines[:event], json.dumps(row | {"actor_name": "mallory"}), *lines[event:],
        ],
        "an unsealed event of 2031": changed(lines, loose, time="2031-01-01T00:00:00.000000+00:00"),
        "an unsealed event of an hour ago": changed(lines, loose, time="2020-01-01T00:00:00.000000+00:00"),
        "an unsealed event twice": [*lines[: loose + 1], *lines[loose:]],
        "a sealed event as one that is not sealed": [
            *lines[:loose], json.dumps(row | {"seal": None, "actor_name": "mallory"}), *lines[loose:],
        ],
        "an unknown field": changed(lines, event, note="x"),
        "an unknown type": [*lines[:event], json.dumps({"type": "note", "id": 1}), *lines[event:]],
        "a name twice": [*lines[:event], lines[event].replace('{"type"', '{"tag": "x", "type"'), *lines[event + 1 :]],
        "a cut beginning": [lines[0], *lines[seal + 1 :]],
        "a cut beginning, and a header of its own": [
            json.dumps(json.loads(lines[0]) | {"before": without_type(lines[seal]) | {"last_id": 0}}),
            *lines[seal + 1 :],
        ],
        "a header of tomorrow": changed(lines, 0, time="2999-01-01T00:00:00.000000+00:00"),
        "a header of yesterday": changed(lines, 0, time="2020-01-01T00:00:00.000000+00:00"),
        "a header of another format": changed(lines, 0, format=3),
    }  # fmt: skip


def without_type(line: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(line)
    del row["type"]
    return row


def test_what_attackers_forged_is_refused_though_its_end_fits(forgeries: dict[str, Lines], path: Path) -> None:
    taken = [name for name, forged in forgeries.items() if not refused(signed_anew(forged), path)]
    assert taken == []


def test_lines_after_the_end_are_refused(lines: Lines, path: Path) -> None:
    assert judged(save(path, [*lines, lines[1]])) == (3, [f"line {len(lines) + 1}: it stands after the end"])


def test_the_header_of_another_export_is_refused(lines: Lines, path: Path) -> None:
    other = "".join(export.lines(since=2)).splitlines()
    assert refused([other[0], *lines[1:]], path)
    assert refused([lines[0], *other[1:]], path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\n", "line 1: it cannot be read"),
        (b"\xff\xfe\x00", "line 1: it cannot be read"),
        (b"hello\n", "line 1: it cannot be read"),
        (b"7\n", "line 1: not written as an export is"),
        (b'{"type": "end"}\n', "line 1: its fields are not those of the format"),
    ],
)
def test_what_is_no_export_is_refused_in_a_sentence(path: Path, content: bytes, said: str) -> None:
    path.write_bytes(content)
    assert judged(path) == (3, [said])


def test_an_export_of_the_release_before_is_refused_in_a_sentence(lines: Lines, path: Path) -> None:
    old = {"type": "header", "format": 1, "site": "x", "key_id": "x", "missing": [], "since": 1, "before": None}
    assert refused([json.dumps(old), *lines[1:]], path)


# Checkpoints of one's own --------------------------------------------------------------------------------------------


@pytest.fixture
def mailed(log: None, tmp_path: Path) -> Callable[[int], str]:
    """A mail about a seal, saved as it came."""

    def saved(number: int) -> str:
        line = json.dumps(checkpoints.line_of(Seal.objects.get(number=number)))
        file = tmp_path / f"mail-{number}.txt"
        file.write_text(f"Hello,\n\nkeep this mail.\n\n{line}\n\n-- \nthe desk\n", encoding="utf-8")
        return str(file)

    return saved


def test_checkpoints_of_ones_own_are_compared(lines: Lines, path: Path, mailed: Callable[[int], str]) -> None:
    given = [own_key(), "--checkpoint", mailed(2), "--checkpoint", str(checkpoints.default_path())]
    code, said = judged(save(path, lines), *given)
    assert (code, said[-1]) == (0, "checkpoints that agree: 1 in the export, 2 of yours; 0 are of what a restore lost")


def test_a_checkpoint_shows_a_cut_tail_and_a_chain_written_anew(
    lines: Lines, path: Path, mailed: Callable[[int], str], who: Somebody
) -> None:
    kept = mailed(4)
    run("DELETE FROM audit_event WHERE id > %s", Seal.objects.get(number=3).last_id)
    run("DELETE FROM audit_eventdetail WHERE event_id > %s", Seal.objects.get(number=3).last_id)
    run("DELETE FROM audit_seal WHERE number > 3")
    for rewritten in (False, True):
        if rewritten:
            write(1, [who])
            sealing.seal()
        anew = "".join(export.lines()).splitlines()
        assert judged_here(save(path, anew))[0] == 0
        said = [f"seal 4: not what the checkpoint in {kept} says"]
        assert judged_here(path, "--checkpoint", kept) == (3, said)


def test_a_file_without_a_checkpoint_is_no_checkpoint(lines: Lines, path: Path, tmp_path: Path) -> None:
    empty = tmp_path / "words"
    empty.write_text("Hello,\n")
    said = [f"{empty}: no checkpoint in it is about these seals"]
    assert judged_here(save(path, lines), "--checkpoint", str(empty)) == (3, said)


# Taken while the site works ------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere() -> Callable[[Callable[[], Any]], None]:
    """Does something in a thread with a connection of its own, and waits for it."""

    def do(work: Callable[[], Any]) -> None:
        failed: list[BaseException] = []

        def run_and_close() -> None:
            try:
                work()
            except BaseException as error:
                failed.append(error)
            finally:
                connections.close_all()

        thread = threading.Thread(target=run_and_close)
        thread.start()
        thread.join(120)
        assert not thread.is_alive()
        assert failed == []

    return do


@pytest.mark.django_db(transaction=True)
def test_an_export_is_one_moment_while_others_write_and_seal(
    log: None, path: Path, who: Somebody, elsewhere: Callable[[Callable[[], Any]], None]
) -> None:
    def goes_on() -> None:
        write(3, [who])
        sealing.seal()
        checkpoints.write()
        record(Tag.FILE_ADD, actor="system")

    for pause in (1, 4, 9, 12, 15):
        reader, taken = export.lines(), []
        for line in reader:
            taken.append(line.rstrip("\n"))
            if len(taken) == pause:
                elsewhere(goes_on)
        assert judged_here(save(path, taken))[0] == 0, pause


@pytest.mark.django_db(transaction=True)
def test_an_export_that_nobody_reads_to_its_end_keeps_no_view_open(log: None) -> None:
    reader = iter(export.lines())
    next(reader)
    reader.close()  # type: ignore[attr-defined]
    assert not connection.in_atomic_block
    event = record(Tag.FILE_ADD, actor="system")
    connection.close()
    assert Event.objects.filter(pk=event.pk).exists()
