"""The export and the stand-alone verifier (Done-when 4), subject access, erasure (5), spreadsheets (6)."""

import io
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import override_settings

from audit.chain import checkpoints, encoding, export, rows, sealing, signing
from audit.chain.verifying import verify
from audit.log import RequestOrigin, record
from audit.models import Event, EventDetail, Seal
from audit.tags import Tag
from common import csv_safe
from tests.audit.chain.exported import judged, own_key
from tests.audit.chain.mutations import MUTATIONS, Mutation
from tests.helpers.sealed import Somebody, insert, superuser, write, write_and_seal

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(tmp_path: Path, settings: Any, who: Somebody, kim: Somebody) -> None:
    settings.VAR_DIR = tmp_path
    write_and_seal(200, [who, kim], batch=25)
    checkpoints.write()
    write(3, [who])  # not sealed yet


@pytest.fixture
def exported(tmp_path: Path) -> Callable[[], Path]:
    def write_export() -> Path:
        path = tmp_path / "export.jsonl"
        path.write_text("".join(export.lines()), encoding="utf-8")
        return path

    return write_export


def test_the_stand_alone_verifier_agrees_on_an_intact_log(log: None, exported: Callable[[], Path]) -> None:
    assert verify().intact
    code, said = judged(exported())
    assert (code, said[0]) == (0, "intact: seals 1 to 9, 200 events; 3 events are not sealed yet")
    head = Seal.objects.latest("number")
    assert said[1] == f"last seal: 9 of {head.time.isoformat(timespec='microseconds')}, hash {sealing.hash_of(head)}"
    assert said[3] == "checkpoints that agree: 1 in the export, 0 of yours; 0 are of what a restore lost"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.__name__)
def test_the_stand_alone_verifier_agrees_on_tampered_exports(
    log: None, exported: Callable[[], Path], mutation: Mutation
) -> None:
    with transaction.atomic():
        with superuser() as cursor:
            mutation(cursor, random.Random(mutation.__name__))
        assert not verify().intact
        code, said = judged(exported())
        transaction.set_rollback(True)
    assert code == 3
    assert said


@pytest.mark.parametrize("cut", [1, 2, 30, 200])
def test_an_export_that_was_cut_is_no_proof(log: None, exported: Callable[[], Path], cut: int) -> None:
    path = exported()
    kept = path.read_text(encoding="utf-8").splitlines(keepends=True)[:-cut]
    path.write_text("".join(kept), encoding="utf-8")
    assert judged(path)[0] == 3


def test_an_export_edited_afterwards_is_no_proof(log: None, exported: Callable[[], Path]) -> None:
    path = exported()
    path.write_text(path.read_text(encoding="utf-8").replace('"kim"', '"ada"', 1), encoding="utf-8")
    assert judged(path)[0] == 3


def test_another_key_proves_nothing(log: None, exported: Callable[[], Path]) -> None:
    assert judged(exported(), signing.public_text(bytes(32)))[0] == 3


def test_a_key_that_begins_like_an_option_is_a_key(log: None, exported: Callable[[], Path]) -> None:
    def published(number: int) -> str:
        with override_settings(AUDIT_KEY=bytes([number]) * 32):
            return own_key()

    older = next(key for key in map(published, range(1, 256)) if key.startswith("-"))
    assert judged(exported(), older)[0] == 3
    assert judged(exported(), older, own_key())[0] == 0


def test_part_of_the_chain_can_be_exported(log: None, tmp_path: Path) -> None:
    path = tmp_path / "part.jsonl"
    call_command("export_audit", "--since", "4", "--output", str(path))
    code, said = judged(path)
    assert (code, said[0]) == (0, "intact: seals 4 to 9, 149 events; 4 events are not sealed yet")
    assert Event.objects.latest("id").tag == Tag.AUDIT_LOG_EXPORT


def test_a_line_says_what_happened_for_people_and_programs(log: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("export_audit")
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = [row["type"] for row in rows]
    assert (kinds[0], kinds[-1]) == ("header", "end")
    event = next(row for row in rows if row["type"] == "event" and row["detail"])
    assert event["time"].endswith("+00:00")
    assert event["detail"]["network"] == "203.0.113.7"


@pytest.mark.parametrize("time", [10**30, None])
def test_a_time_that_is_no_time_is_shown_as_it_stands(log: None, time: Any) -> None:
    (row,) = rows.fetch("e.id = (SELECT min(id) FROM audit_event)", [])
    values = dict(zip(encoding.COLUMNS, row.values, strict=True)) | {"time": time}
    shown = export._event(replace(row, values=list(values.values())))
    assert shown == values | {"time": repr(time)}


@pytest.mark.postgres
def test_an_event_that_came_late_is_in_a_part_that_begins_after_its_gap(who: Somebody) -> None:
    write_and_seal(3, [who])
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('audit_event', 'id'))")
        (late,) = cursor.fetchone()
    for _round in range(2):
        write(1, [who])
        sealing.seal()
    since = Seal.objects.latest("number").number
    insert(id=late, tag="account:logout", time=Event.objects.earliest("id").time)
    said = [json.loads(line) for line in export.lines(since)]
    assert [row["id"] for row in said if row["type"] == "event" and row["seal"] is None] == [late]


def test_the_public_key_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()
    call_command("export_audit", "--key", stdout=out)
    assert out.getvalue().strip() == signing.public_text(signing.public_key())


# Subject access ------------------------------------------------------------------------------------------------------


def test_an_account_gets_what_the_log_says_about_it_and_nothing_about_others(
    who: Somebody, kim: Somebody, capsys: pytest.CaptureFixture[str]
) -> None:
    home, desk = RequestOrigin("203.0.113.7", "Firefox"), RequestOrigin("198.51.100.9", "desk browser")
    record(Tag.ACCOUNT_EMAIL_ADD, actor=who, subject=who, origin=home, address="ada@example.org")
    record(Tag.ACCOUNT_FREEZE, actor=kim, subject=who, origin=desk, reason="kim thinks so")
    record(Tag.ACCOUNT_LOGIN_SUCCESS, actor=kim, subject=kim, origin=desk)
    call_command("export_audit", "--account", "ADA")
    out = capsys.readouterr().out
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row.get("tag") for row in rows] == [None, "account:email:add", "account:freeze", "audit:log:export"]
    assert (rows[1]["address"], rows[1]["network"], rows[1]["actor"]) == ("ada@example.org", "203.0.113.7", "you")
    assert rows[2]["actor"] == "somebody else"
    assert [word for word in ("kim", "198.51.100.9", "desk browser", "thinks") if word in out] == []


def test_an_account_nobody_knows_is_refused() -> None:
    with pytest.raises(CommandError, match="no account nobody"):
        call_command("export_audit", "--account", "nobody")


# Spreadsheets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠", " =", "\t =", "\u3000＝"]
)
def test_a_cell_that_looks_like_a_formula_opens_as_text(start: str) -> None:
    assert csv_safe.cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("value", ["plain", "a=b", "", "'x", 7, -3, 2.25, None])
def test_other_cells_stay_as_they_are(value: Any) -> None:
    assert csv_safe.cell(value) == value


def test_a_csv_file_is_streamed_with_its_name() -> None:
    response = csv_safe.csv_response("list.csv", [["what", "n"], ['=HYPERLINK("x")', -1]])
    body = b"".join(response).decode()
    assert body == '\ufeffwhat,n\r\n"\'=HYPERLINK(""x"")",-1\r\n'
    assert response["Content-Disposition"] == 'attachment; filename="list.csv"'


# The end of a log ----------------------------------------------------------------------------------------------------


def test_an_export_of_an_empty_log_is_intact(exported: Callable[[], Path], settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    assert sealing.seal() == 0
    code, said = judged(exported())
    assert (code, said[0]) == (0, "intact: no seals, 0 events; 0 events are not sealed yet")
    assert not EventDetail.objects.exists()
