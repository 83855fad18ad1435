"""A restored database is a fact of the log. What nobody restored stays tampering, whoever records what."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import override_settings

from audit import chores
from audit.chain import checking, checkpoints, encoding, export, forks, restoring, rows, sealing, signing
from audit.chain.findings import Kind
from audit.chain.verifying import verify
from audit.log import record
from audit.models import Event, Seal
from audit.tags import Tag
from tests.audit.chain import exported
from tests.audit.chain.exported import judged_here
from tests.helpers.sealed import Somebody, back_to, ids, insert, run, superuser, write, write_and_seal

pytestmark = pytest.mark.django_db
REASON = "the disk of the database broke"


@pytest.fixture
def log(who: Somebody) -> None:
    """Ten seals, each with its checkpoint in this machine's file."""
    write_and_seal(3, [who], batch=2)
    checkpoints.write()
    while Seal.objects.count() < 10:
        go_on(who)


def go_on(who: Somebody) -> None:
    write(2, [who])
    assert chores.seal() == 2


def put_back_the_file(number: int) -> None:
    """This machine's checkpoints as they were at that seal."""
    path = checkpoints.default_path()
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if json.loads(line).get("seal", 0) <= number))


def restored(*files: Path, open_tickets: tuple[int, ...] = ()) -> Event:
    loss = restoring.find_loss(list(files) or None)
    event = restoring.record_restore(loss, reason=REASON, open_tickets=open_tickets)
    checkpoints.write()
    return event


@pytest.fixture
def mailed(tmp_path: Path) -> Callable[[int], Path]:
    """A checkpoint mail about a seal, saved before that seal is lost."""

    def saved(number: int) -> Path:
        file = tmp_path / f"mail-{number}"
        file.write_text(json.dumps(checkpoints.line_of(Seal.objects.get(number=number))))
        return file

    return saved


def kinds(*files: Path) -> set[Kind]:
    return {finding.kind for finding in verify(files=list(files) or None).findings}


def command(*args: str) -> tuple[int, str]:
    out, code = io.StringIO(), 0
    try:
        call_command("verify_audit", *args, stdout=out, stderr=out)
    except SystemExit as end:
        code = int(end.code or 0)
    return code, out.getvalue()


def test_an_honest_restore_is_recorded_and_the_log_is_intact_from_then_on(log: None, who: Somebody) -> None:
    until = Seal.objects.get(number=6)
    back_to(6)
    code, said = command()
    assert code == 3
    assert "run `manage.py restored` once" in said
    event = restored()
    assert (event.data["seal"], event.data["hash"], event.data["lost_to"]) == (6, sealing.hash_of(until), 10)
    assert event.data["reason"] == REASON
    for _ in range(3):
        code, said = command()
        assert (code, said.splitlines()[-1]) == (0, f"intact, with one restore on {event.time:%Y-%m-%d}")
        go_on(who)
    assert json.loads(command("--json")[1])["lost"] == 4


def test_a_second_restore_leaves_out_numbers_above_the_newest_and_above_what_was_lost(log: None, who: Somebody) -> None:
    back_to(6)
    restored()
    go_on(who)
    back_to(5)  # a backup from before the first restore: only the file knows that one
    restored()
    assert Seal.objects.latest("number").number == 4 * forks.LEFT_OUT
    go_on(who)
    newest = Seal.objects.latest("number").number
    go_on(who)
    back_to(newest)
    put_back_the_file(newest)  # no checkpoint of what was lost: only the database knows its numbers
    restored()
    assert Seal.objects.latest("number").number == 6 * forks.LEFT_OUT
    assert verify().intact


def test_nothing_is_sealed_until_the_restore_is_recorded(
    log: None, who: Somebody, caplog: pytest.LogCaptureFixture
) -> None:
    back_to(6)
    write(2, [who])
    assert chores.seal() == 0
    assert "the database lacks seal 10" in caplog.text
    assert Seal.objects.count() == 6
    restored()
    assert Seal.objects.latest("number").number == 2 * forks.LEFT_OUT
    go_on(who)
    assert verify().intact


def test_a_line_nobody_signed_stops_no_sealer(log: None, who: Somebody) -> None:
    line = {"seal": 99, "time": "x", "hash": "ab", "key_id": "x", "signature": "00"}
    with checkpoints.default_path().open("a") as file:
        file.write(json.dumps(line) + "\n")
    go_on(who)


def test_what_was_mailed_before_and_after_a_restore_goes_on_counting(
    log: None, who: Somebody, mailed: Callable[[int], Path]
) -> None:
    shared, lost = mailed(5), mailed(9)
    back_to(6)
    restored()
    go_on(who)
    after = mailed(Seal.objects.latest("number").number)
    report = verify(files=[shared, lost, after])
    assert (report.intact, report.checkpoints, report.lost) == (True, 9, 5)
    with superuser() as cursor:
        cursor.execute("DELETE FROM audit_seal WHERE number = (SELECT max(number) FROM audit_seal)")
    assert Kind.CHECKPOINT_MISMATCH in kinds(after)


def test_a_second_restore_is_recorded_beside_the_first(log: None, who: Somebody) -> None:
    back_to(6)
    restored()
    for _ in range(3):
        go_on(who)
    back_to(2 * forks.LEFT_OUT + 1)
    assert not verify().intact
    restored()
    go_on(who)
    code, said = command()
    assert code == 0
    assert "intact, with 2 restores on " in said


def test_a_restore_to_before_an_earlier_restore_explains_both(log: None, who: Somebody) -> None:
    back_to(6)
    restored()
    go_on(who)
    back_to(4)
    restored()
    go_on(who)
    assert [fork.goes_on_from for fork in verify().restores] == [4]
    assert verify().intact


def test_a_pair_put_back_whole_needs_no_record_but_may_have_one(log: None, mailed: Callable[[int], Path]) -> None:
    lost = mailed(9)
    back_to(6)
    put_back_the_file(6)
    assert verify().intact
    assert not verify(files=[lost]).intact
    restored()
    assert verify(files=[lost]).intact


def test_what_was_sealed_before_the_restore_was_recorded_is_kept(
    log: None, who: Somebody, mailed: Callable[[int], Path]
) -> None:
    lost = mailed(8)
    back_to(6)
    write(2, [who])
    sealing.seal()  # as another machine does, which has no checkpoint of seal 10
    event = restored()
    assert event.data["seal"] == 6
    assert verify(files=[lost]).intact


def test_a_restore_noticed_by_a_mail_alone_is_recorded_with_it(
    log: None, who: Somebody, mailed: Callable[[int], Path]
) -> None:
    lost = mailed(8)
    back_to(6)
    checkpoints.default_path().unlink()
    run("DELETE FROM audit_checkpoint")
    go_on(who)
    go_on(who)
    go_on(who)
    assert Kind.CHECKPOINT_MISMATCH in kinds(lost)
    assert restored(lost).data["seal"] == 7  # the last seal that no checkpoint denies
    assert verify(files=[lost]).intact


def test_a_folder_put_back_from_before_the_database_is_recorded_too(log: None, who: Somebody) -> None:
    put_back_the_file(6)
    assert kinds() == {Kind.CHECKPOINT_MISSING}
    event = restored()
    assert list(event.data["gone"].values()) == [[7, 10]]
    assert verify().intact
    go_on(who)
    put_back_the_file(4)
    assert kinds() == {Kind.CHECKPOINT_MISSING}


def test_a_folder_that_is_gone_is_recorded_too(log: None, who: Somebody) -> None:
    checkpoints.default_path().unlink()
    assert kinds() == {Kind.CHECKPOINT_MISSING}
    restored()
    go_on(who)
    assert verify().intact


def test_an_empty_backup_can_be_gone_on_from(who: Somebody) -> None:
    go_on_from_nothing(who)
    restored()
    go_on(who)
    assert verify().intact


def go_on_from_nothing(who: Somebody) -> None:
    write(2, [who])
    chores.seal()
    with superuser() as cursor:
        for table in ("audit_event", "audit_eventdetail", "audit_seal", "audit_checkpoint"):
            cursor.execute(f"DELETE FROM {table}")


def test_the_event_names_the_tickets_that_were_closed_in_what_was_lost(log: None) -> None:
    for number, tag in (
        (7, Tag.ACCOUNT_RECOVERY_STOP),
        (8, Tag.ACCOUNT_RECOVERY_NOTE),
        (9, Tag.ACCOUNT_RECOVERY_RESET),
    ):
        record(tag, actor="system", ticket=number)
        chores.seal()
    back_to(6)
    event = restored(open_tickets=(11, 12))
    assert (event.data["closed"], event.data["open"]) == ([7, 9], [11, 12])


# What is no restore --------------------------------------------------------------------------------------------------


def refused(*files: Path) -> str:
    before = (Event.objects.count(), Seal.objects.count())
    with pytest.raises(restoring.NotRestored) as refusal:
        restored(*files)
    assert (Event.objects.count(), Seal.objects.count()) == before
    return str(refusal.value)


def rewrite_with_the_key(since: int) -> None:
    """Change an event of that seal and make every seal from it on anew: signed with the true key, dated as before."""
    entries = list(encoding.unpack(bytes(Seal.objects.get(number=since).entries)))
    changed = entries[0][0]
    with superuser() as cursor:
        cursor.execute("UPDATE audit_event SET actor_name = 'mallory' WHERE id = %s", [changed])
        previous = sealing.hash_of(Seal.objects.get(number=since - 1))
        for one in Seal.objects.filter(number__gte=since).order_by("number"):
            if one.number == since:
                (row,) = rows.fetch("e.id = %s", [changed])
                one.entries = encoding.pack([(changed, row.digest), *entries[1:]])
            one.previous = previous
            previous = sealing.hash_of(one)
            cursor.execute(
                "UPDATE audit_seal SET previous = %s, entries = %s, signature = %s WHERE number = %s",
                [one.previous, one.entries, signing.sign(previous), one.number],
            )


def test_a_past_written_anew_with_the_key_cannot_be_recorded_as_a_restore(log: None) -> None:
    rewrite_with_the_key(7)
    assert kinds() == {Kind.CHECKPOINT_MISMATCH}
    assert refused().startswith("This finding is not explained by a restore: ")
    assert kinds() == {Kind.CHECKPOINT_MISMATCH}


def seal_anew_today(since: int) -> None:
    """Change an event of that seal, drop all seals from it on and seal their events again, dated now."""
    changed = list(encoding.unpack(bytes(Seal.objects.get(number=since).entries)))[0][0]
    with superuser() as cursor:
        cursor.execute("UPDATE audit_event SET actor_name = 'mallory' WHERE id = %s", [changed])
        cursor.execute("DELETE FROM audit_seal WHERE number >= %s", [since])
        cursor.execute("DELETE FROM audit_checkpoint WHERE seal >= %s", [since])
    sealing.seal()


def test_a_past_sealed_anew_under_todays_date_cannot_be_recorded_as_a_restore(
    log: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (checking, exported._verifier):
        monkeypatch.setattr(module, "SLACK", 0)  # all of this happens within a second
    seal_anew_today(7)
    assert kinds() == {Kind.CHECKPOINT_MISMATCH}
    assert "dated in the time that a restore lost" in refused()
    loss = restoring._loss(verify())
    restoring.record_restore(loss, reason=REASON, open_tickets=[])  # by hand, past the check
    assert kinds() == {Kind.EVENT_MISDATED}
    path = tmp_path / "export.jsonl"
    path.write_text("".join(export.lines()), encoding="ascii")
    said = f"seal {Seal.objects.latest('number').number}: an event is dated in the time that this restore lost"
    assert judged_here(path) == (3, [said])


def test_an_honest_restore_has_no_event_of_the_lost_time(
    log: None, who: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "SLACK", 0)
    back_to(6)
    go_on_before_it_is_recorded(who)
    restored()
    go_on(who)
    assert verify().intact


def go_on_before_it_is_recorded(who: Somebody) -> None:
    write(3, [who])
    sealing.seal()
    write(2, [who])


def test_a_changed_event_cannot_be_recorded_as_a_restore(log: None) -> None:
    back_to(8)
    run("UPDATE audit_event SET tag = 'x' WHERE id = %s", ids()[3])
    assert f"event-changed: audit_event {ids()[3]}" in refused()


def test_a_deleted_event_below_the_backups_head_cannot_be_recorded_as_a_restore(log: None) -> None:
    back_to(8)
    run("DELETE FROM audit_event WHERE id = %s", max(ids()))
    assert "event-missing" in refused()


def test_lines_nobody_signed_cannot_be_recorded_as_a_restore(log: None) -> None:
    path = checkpoints.default_path()
    back_to(6)
    path.write_text(path.read_text().replace('"signature": "', '"signature": "00'))
    assert refused().startswith("This finding is not explained by a restore: ")


def test_nothing_is_recorded_with_another_key(log: None) -> None:
    back_to(6)
    with override_settings(AUDIT_KEY=b"k" * 32):
        assert "seal-changed" in refused()
    signing._private.cache_clear()


@pytest.mark.postgres
def test_nothing_is_recorded_without_superuser_rights_on_the_database(log: None) -> None:
    back_to(6)
    run("CREATE ROLE desk_of_this_test")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE desk_of_this_test")
        with pytest.raises(restoring.NotRestored, match="superuser"):
            restoring.find_loss()
        cursor.execute("RESET ROLE")
    restored()


def test_an_event_alone_records_no_restore(log: None) -> None:
    """Whoever may write to the database can write this event; a seal that leaves numbers out takes the key."""
    back_to(6)
    data = {"seal": 6, "hash": "", "gone": {}, "reason": REASON}
    insert(tag=str(Tag.AUDIT_LOG_RESTORE), time=Seal.objects.latest("number").time, data=json.dumps(data))
    sealing.seal()
    assert Kind.CHECKPOINT_MISMATCH in kinds()


def test_a_seal_that_leaves_numbers_out_without_the_key_is_none_of_ours(log: None) -> None:
    back_to(6)
    event = restored()
    with superuser() as cursor:
        forged = signing._private(b"another key" * 4).sign(b"x").hex()
        cursor.execute("UPDATE audit_seal SET signature = %s WHERE number > 10", [forged])
    assert event.tag == Tag.AUDIT_LOG_RESTORE
    assert Kind.CHECKPOINT_MISMATCH in kinds()


def test_a_seal_that_leaves_numbers_out_and_records_nothing_is_a_missing_seal(log: None, who: Somebody) -> None:
    write(1, [who])
    with transaction.atomic():
        sealing.seal_restore(forks.number_after(10))
    assert kinds() == {Kind.SEAL_MISSING}


def test_a_tail_cut_after_a_restore_is_seen_by_the_mails_that_followed_it(
    log: None, who: Somebody, mailed: Callable[[int], Path]
) -> None:
    back_to(6)
    restored()
    go_on(who)
    follows = mailed(Seal.objects.latest("number").number)
    back_to(6)
    assert Kind.CHECKPOINT_MISMATCH in kinds(follows)


# The outsider --------------------------------------------------------------------------------------------------------


def test_the_outsiders_check_knows_restores(
    log: None, who: Somebody, mailed: Callable[[int], Path], tmp_path: Path
) -> None:
    shared, lost, late = mailed(5), mailed(9), mailed(10)
    back_to(6)
    restored()
    go_on(who)
    after = mailed(Seal.objects.latest("number").number)
    path = tmp_path / "export.jsonl"
    path.write_text("".join(export.lines()), encoding="ascii")
    given = [word for file in (shared, lost, after) for word in ("--checkpoint", str(file))]
    code, said = judged_here(path, *given)
    assert code == 0
    assert "goes on from 6" in said[2]
    assert said[-1].endswith("3 of yours; 5 are of what a restore lost")
    late.write_text(late.read_text().replace(json.loads(late.read_text())["time"], "2999-01-01T00:00:00.000000+00:00"))
    assert judged_here(path, "--checkpoint", str(late))[0] == 3


def test_the_outsiders_check_takes_no_seal_that_leaves_numbers_out_and_records_nothing(
    log: None, who: Somebody, tmp_path: Path
) -> None:
    write(1, [who])
    with transaction.atomic():
        sealing.seal_restore(forks.number_after(10))
    path: Any = tmp_path / "export.jsonl"
    path.write_text("".join(export.lines()), encoding="ascii")
    assert judged_here(path) == (3, [f"seal {2 * forks.LEFT_OUT}: one before it is missing"])
