"""Each kind of finding, word by word: an operator reads these at the worst of times, and a script by its first word."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from audit.chain import checking, checkpoints, sealing, signing, verifying
from audit.chain.findings import Kind
from audit.chain.verifying import verify
from audit.models import Checkpoint, EventDetail, Seal
from tests.helpers.sealed import Somebody, ids, insert, run, write, write_and_seal

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(who: Somebody) -> None:
    """Twelve events in four seals, and a checkpoint of the last one."""
    write_and_seal(12, [who], batch=4)
    checkpoints.write()
    assert Seal.objects.count() == 4


def found() -> list[str]:
    return [str(finding) for finding in verify().findings]


def test_an_event_that_was_changed_or_is_gone(log: None) -> None:
    run("UPDATE audit_event SET tag = 'x' WHERE id = %s", ids()[2])
    run("DELETE FROM audit_event WHERE id = %s", ids()[3])
    known = ids()
    assert found() == [
        f"event-changed: audit_event {known[2]}: not as seal 2 has it",
        f"event-missing: audit_event {known[2] + 1}: seal 2 has it",
    ]


def test_an_event_where_none_may_be(log: None) -> None:
    time = str(Seal.objects.latest("number").time.replace(tzinfo=None))
    insert(id=-7, time=time)
    assert found() == ["event-inserted: audit_event -7: in a time that was sealed without it"]


def test_an_event_with_another_date(log: None) -> None:
    insert(time="2001-01-01 00:00:00")
    assert found() == [f"event-misdated: audit_event {max(ids())}: dated outside the time it was written in"]


def test_a_detail_that_was_changed_or_belongs_to_nobody(log: None) -> None:
    first, second = EventDetail.objects.order_by("event_id")[:2]
    run("UPDATE audit_eventdetail SET network = 'x' WHERE id = %s", first.pk)
    run("UPDATE audit_eventdetail SET event_id = %s WHERE id = %s", max(ids()) + 9, second.pk)
    assert found() == [
        f"detail-changed: audit_eventdetail {first.event_id}: not what its event committed to",
        f"detail-changed: audit_eventdetail {max(ids()) + 9}: there is no such event",
    ]


def test_a_detail_between_the_events(log: None) -> None:
    gone = ids()[-2]
    for table, column in (("audit_event", "id"), ("audit_eventdetail", "event_id")):
        run(f"DELETE FROM {table} WHERE {column} = %s", gone)
    EventDetail.objects.create(event_id=gone, salt="")
    assert f"detail-changed: audit_eventdetail {gone}: there is no such event" in found()


def test_a_seal_that_is_gone_or_was_changed(log: None) -> None:
    run("UPDATE audit_seal SET count = count + 1 WHERE number = 2")
    assert found() == [
        "seal-changed: audit_seal 2: the signature is not ours",
        "seal-changed: audit_seal 2: seal 3 names another hash",
    ]
    run("DELETE FROM audit_seal WHERE number = 2")
    assert "seal-missing: audit_seal 2: the chain goes on with seal 3" in found()


def test_a_seal_of_a_key_nobody_knows(log: None) -> None:
    run("UPDATE audit_seal SET key_id = 'x' WHERE number = 4")
    assert "seal-changed: audit_seal 4: the key x is not known here" in found()


def test_a_seal_that_leaves_numbers_out(log: None, who: Somebody) -> None:
    write(2, [who])
    sealing._next_seal(imported=False, batch=10, number=9)
    assert found() == ["seal-missing: audit_seal 5: seal 9 leaves numbers out and records no restore"]


def test_an_empty_log(db: None) -> None:
    get_user_model().objects.create_user("kim")
    assert found() == ["log-empty: audit_event 0: there are accounts, and not one event"]


def test_a_trigger_that_is_gone_and_one_that_is_not_ours(log: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the statements are SQLite's")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_seal' ORDER BY name"
        )
        name = cursor.fetchone()[0]
        cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute("CREATE TRIGGER mallory AFTER INSERT ON audit_event BEGIN SELECT 1; END")
    assert found() == [
        f"trigger-missing: trigger {name}: absent, altered or switched off",
        "trigger-foreign: trigger trigger mallory on audit_event: not the log's own",
    ]


# Checkpoints ---------------------------------------------------------------------------------------------------------


def rewrite(change: Callable[[dict[str, object]], object]) -> Path:
    """This machine's file, each line changed."""
    path = checkpoints.default_path()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        change(line)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_checkpoint_with_another_hash_or_of_no_seal(log: None) -> None:
    path = rewrite(lambda line: line.update(hash="00") if "seal" in line else None)
    assert found() == [f"checkpoint-mismatch: audit_seal 4: {path} has another hash"]
    rewrite(lambda line: line.update(seal=9) if "seal" in line else None)
    assert found() == [
        f"checkpoint-mismatch: audit_seal 9: {path} knows it, the database does not",
        f"checkpoint-missing: checkpoint 4: written, but no longer in {path}",
    ]
    assert list(verify().gone.values()) == [(4, 4)]


def test_a_checkpoint_file_that_is_gone(log: None) -> None:
    name = Checkpoint.objects.get().file
    checkpoints.default_path().unlink()
    assert found() == [f"checkpoint-missing: checkpoint 4: the file {name} is gone"]
    assert verify().gone == {name: (4, 4)}


def test_a_copy_of_the_file_has_what_the_file_lacks(log: None, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(checkpoints.default_path().read_bytes())
    rewrite(lambda line: line.pop("seal", None))
    assert found() == [f"checkpoint-missing: checkpoint 4: written, but no longer in {checkpoints.default_path()}"]
    report = verify(files=[copy])
    assert (report.intact, report.checkpoints) == (True, 1)


def test_the_same_file_named_again_is_read_once(log: None) -> None:
    assert verify(files=[checkpoints.default_path()]).checkpoints == 1


def test_beginning_in_the_middle_only_later_checkpoints_are_asked_for(log: None, who: Somebody) -> None:
    write(4, [who])
    sealing.seal()
    checkpoints.write()
    report = verify(since=5)
    assert (report.intact, report.seals, report.events, report.checkpoints) == (True, 1, 4, 1)
    assert verify(since=4).checkpoints == 2


# Counts --------------------------------------------------------------------------------------------------------------


def test_what_the_report_counts(log: None, who: Somebody) -> None:
    write(3, [who])
    EventDetail.objects.order_by("event_id")[0].delete()
    told: list[tuple[int, int]] = []
    report = verify(follow=lambda done, total: told.append((done, total)))
    assert (report.seals, report.events, report.unsealed, report.erased, report.imported) == (4, 12, 3, 1, 1)
    assert (report.intact, report.lost, report.restores, report.contradicting) == (True, 0, [], [])
    assert told == [(1, 12), (5, 12), (9, 12), (12, 12)]


def test_a_log_longer_than_a_page_is_read_to_its_end(log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, size in ((verifying, "PAGE", 3), (verifying, "SEALS_AT_ONCE", 1), (checking, "PAGE", 2)):
        monkeypatch.setattr(module, name, size)
    report = verify()
    assert (report.intact, report.seals, report.events, report.checkpoints) == (True, 4, 12, 1)
    run("UPDATE audit_event SET tag = 'x' WHERE id = %s", ids()[-1])
    assert [finding.kind for finding in verify().findings] == [Kind.EVENT_CHANGED]


def test_only_todays_key_and_the_old_ones_that_are_named_count() -> None:
    today = signing.public_key()
    assert set(signing.trusted()) == {signing.key_id(today)}
    assert len(signing.key_id(today)) == 16
    sha = "ab" * 32
    key = signing.trusted()[signing.key_id(today)]
    assert signing.is_signed(key, sha, signing.sign(sha))
    assert [signing.is_signed(key, sha, other) for other in ("", "zz", "00" * 64)] == [False] * 3
    assert not signing.is_signed(None, sha, signing.sign(sha))
