"""Done-when 1: whatever a superuser of the database does to a sealed log is found, and nothing else is."""

import io
import json
import os
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import override_settings

from audit import triggers
from audit.chain import checkpoints, sealing, signing
from audit.chain.findings import Kind
from audit.chain.verifying import verify
from audit.log import record
from audit.models import Checkpoint, Event, EventDetail, Seal
from audit.tags import Tag
from tests.audit.chain.mutations import MUTATIONS, Mutation
from tests.helpers.sealed import Somebody, ids, insert, run, superuser, write, write_and_seal

pytestmark = pytest.mark.django_db
ROWS = int(os.environ.get("AUDIT_ROWS", "300"))  # the long run has 10,000 rows and 1,000 mutations:
TIMES = int(os.environ.get("AUDIT_MUTATIONS", str(2 * len(MUTATIONS))))  # docs/audit.md says how to run them


@pytest.fixture
def var(tmp_path: Path, settings: Any) -> Path:
    """A folder of one's own for the checkpoints."""
    settings.VAR_DIR = tmp_path
    return tmp_path


@pytest.fixture
def log(var: Path, who: Somebody, kim: Somebody) -> None:
    """A sealed log with its checkpoint outside."""
    write_and_seal(ROWS, [who, kim], batch=max(ROWS // 10, 10))
    checkpoints.write()


def first() -> tuple[str, int | str]:
    finding = verify().findings[0]
    return finding.kind.value, finding.row


def test_an_untouched_log_is_intact(log: None) -> None:
    report = verify()
    assert report.findings == []
    assert (report.events, report.unsealed, report.seals, report.checkpoints) == (ROWS, 0, Seal.objects.count(), 1)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.__name__)
def test_every_kind_of_mutation_is_found(log: None, mutation: Mutation) -> None:
    for turn in range(TIMES // len(MUTATIONS) + 1):
        with transaction.atomic():
            with superuser() as cursor:
                mutation(cursor, random.Random(f"{mutation.__name__} {turn}"))
            assert not verify().intact, f"{mutation.__name__} {turn}"
            transaction.set_rollback(True)
    assert verify().intact


def test_the_row_that_was_touched_is_named(log: None) -> None:
    middle = ids()[ROWS // 2]
    run("UPDATE audit_event SET actor_name = 'mallory' WHERE id IN (%s, %s)", middle, middle + 3)
    assert first() == ("event-changed", middle)


def test_a_deleted_row_is_named(log: None) -> None:
    gone = ids()[ROWS // 2]
    run("DELETE FROM audit_event WHERE id = %s", gone)
    assert first() == ("event-missing", gone)


def test_a_row_below_the_first_one_is_named(log: None) -> None:
    insert(id=-5, time=Event.objects.earliest("id").time)
    assert first() == ("event-inserted", -5)


def test_a_new_row_with_an_old_date_is_named_before_and_after_it_is_sealed(log: None) -> None:
    insert(time=Event.objects.latest("id").time - timedelta(hours=1))
    assert first() == ("event-misdated", max(ids()))
    sealing.seal()
    assert first() == ("event-misdated", max(ids()))


def test_a_row_from_the_future_is_named(log: None) -> None:
    insert(time=Event.objects.latest("id").time + timedelta(hours=1))
    assert first() == ("event-misdated", max(ids()))
    sealing.seal()
    record(Tag.FILE_ADD, actor="system")
    sealing.seal()
    assert (verify().found, first()[0]) == (1, "event-misdated")


def test_a_missing_seal_is_named(log: None) -> None:
    run("DELETE FROM audit_seal WHERE number = 4")
    assert first() == ("seal-missing", 4)


def test_a_seal_of_somebody_elses_key_is_named(log: None) -> None:
    with override_settings(AUDIT_KEY=b"k" * 32):
        assert first() == ("seal-changed", 1)


def test_seals_of_an_older_key_count_when_its_public_key_is_known(log: None, who: Somebody) -> None:
    old = signing.public_key()
    with override_settings(AUDIT_KEY=b"k" * 32, AUDIT_OLD_PUBLIC_KEYS=[old]):
        write(5, [who])
        sealing.seal()
        assert verify().intact


def test_a_changed_detail_is_named(log: None) -> None:
    event_id = EventDetail.objects.order_by("event_id")[5].event_id
    run("UPDATE audit_eventdetail SET network = '198.51.100.1' WHERE event_id = %s", event_id)
    assert first() == ("detail-changed", event_id)


def test_an_erased_detail_is_no_finding(log: None) -> None:
    EventDetail.objects.order_by("event_id")[5].delete()
    report = verify()
    assert (report.intact, report.erased) == (True, 1)


@pytest.mark.parametrize("trigger", triggers.TRIGGERS[connection.vendor], ids=lambda trigger: trigger.name)
def test_a_dropped_trigger_is_named(log: None, trigger: triggers.Trigger) -> None:
    table = f" ON {trigger.table}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {trigger.name}{table}")
    assert first() == ("trigger-missing", trigger.name)


def test_an_empty_log_beside_accounts_is_no_log(var: Path) -> None:
    assert verify().intact
    get_user_model().objects.create_superuser("root")
    assert verify().intact, "made from the shell a moment ago"
    get_user_model().objects.create_user("kim")
    assert first() == ("log-empty", 0)
    record(Tag.ACCOUNT_CREATE, actor="system")
    assert verify().intact


def test_new_events_are_not_sealed_yet_and_no_finding(log: None, who: Somebody) -> None:
    write(5, [who])
    report = verify()
    assert (report.intact, report.unsealed) == (True, 5)


def test_verifying_may_begin_in_the_middle(log: None) -> None:
    run("UPDATE audit_event SET tag = 'x' WHERE id = %s", ids()[1])
    assert not verify().intact
    report = verify(since=3)
    assert (report.intact, report.seals) == (True, Seal.objects.count() - 2)
    run("UPDATE audit_event SET tag = 'x' WHERE id = %s", ids()[-1])
    assert [one.row for one in verify(since=3).findings] == [ids()[-1]]


# Checkpoints ---------------------------------------------------------------------------------------------------------


def cut_the_tail() -> None:
    head = Seal.objects.order_by("-number")[1]
    for table, column in (("audit_event", "id"), ("audit_eventdetail", "event_id")):
        run(f"DELETE FROM {table} WHERE {column} > %s", head.last_id)
    run("DELETE FROM audit_seal WHERE number > %s", head.number)
    run("DELETE FROM audit_checkpoint")


def test_a_cut_tail_shows_against_the_checkpoint(log: None) -> None:
    last = Seal.objects.count()
    cut_the_tail()
    assert first() == ("checkpoint-mismatch", last)


def test_a_rewrite_with_the_key_shows_against_the_checkpoint(log: None, who: Somebody) -> None:
    last = Seal.objects.count()
    cut_the_tail()
    write(3, [who])
    sealing.seal()
    assert Seal.objects.count() == last
    assert first() == ("checkpoint-mismatch", last)


def test_a_checkpoint_file_of_elsewhere_can_be_named(log: None, tmp_path: Path) -> None:
    copy = (checkpoints.default_path()).rename(tmp_path / "copy.log")
    last = Seal.objects.count()
    cut_the_tail()
    assert verify().intact
    assert verify(files=[copy]).findings[0].row == last


def test_a_mailed_checkpoint_is_a_checkpoint_file(log: None, tmp_path: Path) -> None:
    mailed = tmp_path / "from-the-mail"
    mailed.write_text(json.dumps(checkpoints.line_of(Seal.objects.latest("number"))))
    assert (verify(files=[mailed]).intact, verify(files=[mailed]).checkpoints) == (True, 2)
    cut_the_tail()
    assert verify(files=[mailed]).findings[0].kind == Kind.CHECKPOINT_MISMATCH


def test_a_line_taken_out_of_the_file_is_missed(log: None, who: Somebody) -> None:
    write(3, [who])
    sealing.seal()
    checkpoints.write()
    path = checkpoints.default_path()
    kept = path.read_text().splitlines(keepends=True)
    path.write_text("".join([kept[0], kept[2]]))
    assert first() == ("checkpoint-missing", json.loads(kept[1])["seal"])


def test_a_file_that_is_gone_is_missed_also_when_a_new_one_was_begun(log: None, who: Somebody) -> None:
    checkpoints.default_path().unlink()
    assert first() == ("checkpoint-missing", Seal.objects.count())
    checkpoints.write()
    assert first()[0] == "checkpoint-missing"


def test_checkpoints_of_another_machine_are_a_note(log: None) -> None:
    Checkpoint.objects.create(seal=2, file="f" * 32, place="elsewhere:/var/checkpoints.log")
    report = verify()
    assert report.intact
    assert report.notes == ["not read: checkpoints up to seal 2 at elsewhere:/var/checkpoints.log"]


def test_a_torn_line_is_passed_over(log: None, who: Somebody) -> None:
    path = checkpoints.default_path()
    with path.open("a") as file:
        file.write('{"seal": 99, "ha')
    write(3, [who])
    sealing.seal()
    checkpoints.write()
    assert verify().intact
    assert verify().checkpoints == 2


def test_nothing_new_writes_no_second_checkpoint(log: None) -> None:
    assert checkpoints.write() is False
    assert len(checkpoints.default_path().read_text().splitlines()) == 2
    assert checkpoints.default_path().stat().st_mode & 0o777 == 0o600


# The command ---------------------------------------------------------------------------------------------------------


def command(*args: str) -> tuple[int, str, str]:
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("verify_audit", *args, stdout=out, stderr=err)
    except SystemExit as end:
        code = int(end.code or 0)
    return code, out.getvalue(), err.getvalue()


def test_the_command_ends_with_0_when_all_is_well(log: None) -> None:
    code, out, err = command()
    assert (code, out.splitlines()[-1], err) == (0, "intact", "")


def test_the_command_ends_with_3_and_names_the_first_bad_row(log: None) -> None:
    bad = ids()[7]
    run("UPDATE audit_event SET tag = 'x' WHERE id = %s", bad)
    code, _out, err = command()
    assert code == 3
    assert err.splitlines()[1].startswith(f"event-changed: audit_event {bad}: ")


def test_the_command_speaks_json(log: None) -> None:
    bad = ids()[7]
    run("UPDATE audit_event SET tag = 'x' WHERE id = %s", bad)
    code, out, _err = command("--json")
    said = json.loads(out)
    assert (code, said["intact"], said["first"]["row"], said["found"]) == (3, False, bad, 1)
    assert command("--json", "--since", "5")[0] == 0


def test_the_command_says_which_file_it_cannot_read(log: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nowhere"):
        call_command("verify_audit", "--checkpoint", str(tmp_path / "nowhere"))


@pytest.mark.django_db(transaction=True)
def test_verifying_outside_a_transaction_leaves_none_behind(log: None) -> None:
    assert verify().intact
    assert not connection.in_atomic_block
    record(Tag.FILE_ADD, actor="system")
    assert verify().unsealed == 1


@pytest.fixture(autouse=True)
def _one_key() -> Iterator[None]:
    yield
    signing._private.cache_clear()
