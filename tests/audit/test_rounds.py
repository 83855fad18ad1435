"""What the sweep does for the log: seals, checkpoints, the operators' mail; one failing chore stops no other."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from django.conf import settings as project
from django.core import mail
from django.core.management import call_command
from django.db.models import F

from accounts.mail import outbox
from accounts.mail.models import Mail
from audit import tasks
from audit.chain import checkpoints, outlets
from audit.chain.verifying import verify
from audit.log import record
from audit.models import Event, Outlet, Seal
from audit.tags import CLOSING, Tag
from recoverydesk.housekeeping import checkpoint_mail
from recoverydesk.recovery.background import chores, sweep
from tests.helpers import factories
from tests.helpers.sealed import superuser

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, settings: Any) -> None:
    settings.VAR_DIR = tmp_path


def test_a_sweep_seals_and_leaves_a_checkpoint() -> None:
    record(Tag.FILE_ADD, actor="system")
    assert sweep.sweep()["seals"] == 1
    assert [line.seal for line in checkpoints.read_checkpoints(checkpoints.default_path()).lines] == [1]
    assert verify().intact


def test_the_sealer_has_a_wake_up_of_its_own_within_ten_seconds() -> None:
    record(Tag.FILE_ADD, actor="system")
    tasks.seal()
    assert Seal.objects.count() == 1
    beat: dict[str, Any] = project.CELERY_BEAT_SCHEDULE["seal"]
    assert beat["task"] == tasks.seal.name
    assert beat["schedule"].total_seconds() <= 5


def test_a_chore_that_fails_stops_no_other(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.CHORES = {"broken": "tests.audit.test_rounds.broken", "seals": "audit.chores.seal"}
    record(Tag.FILE_ADD, actor="system")
    assert chores.run_chores() == {"broken": 0, "seals": 1}
    assert "the chore broken failed" in caplog.text


def broken() -> int:
    raise OSError("the disk is full")


# The operators' mail ------------------------------------------------------------------------------------------------


@pytest.fixture
def root() -> None:
    factories.make_user("root", superuser=True)
    factories.make_user("clerk", staff=True)


def happens(tag: Tag = Tag.FILE_ADD, **fields: Any) -> None:
    record(tag, actor="system", **fields)
    tasks.seal()


def later(**time: float) -> None:
    """The last mail was queued, and left, that much longer ago."""
    earlier = timedelta(**time)
    Outlet.objects.update(handed_at=F("handed_at") - earlier, left_at=F("left_at") - earlier)


def line_in_mail() -> dict[str, Any]:
    """The checkpoint in the newest mail that has left."""
    outbox.send_due()
    text = next(line for line in str(mail.outbox[-1].body).splitlines() if line.startswith("{"))
    return cast(dict[str, Any], json.loads(text))


def test_operators_get_the_newest_seal_as_a_line_to_keep(root: None, tmp_path: Path) -> None:
    assert checkpoint_mail.send_checkpoint() == 0  # nothing is sealed yet
    happens()
    assert [checkpoint_mail.send_checkpoint(), checkpoint_mail.send_checkpoint()] == [1, 0]
    assert Mail.objects.filter(kind=checkpoint_mail.KIND).get().recipient == "root@example.org"
    line = line_in_mail()
    assert line == checkpoints.line_of(Seal.objects.get())
    (tmp_path / "saved").write_text(json.dumps(line))
    assert verify(files=[tmp_path / "saved"]).checkpoints == 2


def test_a_checkpoint_leaves_once_an_hour_when_something_was_sealed(root: None) -> None:
    happens()
    assert checkpoint_mail.send_checkpoint() == 1
    happens()
    assert checkpoint_mail.send_checkpoint() == 0
    later(minutes=61)
    assert [checkpoint_mail.send_checkpoint(), checkpoint_mail.send_checkpoint()] == [1, 0]
    later(minutes=61)
    assert checkpoint_mail.send_checkpoint() == 0


@pytest.mark.parametrize("tag", checkpoint_mail.AT_ONCE)
def test_a_checkpoint_leaves_after_each_reset_and_names_its_ticket(root: None, tag: Tag) -> None:
    happens()
    assert checkpoint_mail.send_checkpoint() == 1
    happens(tag, ticket=7)
    assert [checkpoint_mail.send_checkpoint(), checkpoint_mail.send_checkpoint()] == [1, 0]
    assert line_in_mail()["closed"] == ([7] if tag in CLOSING else [])


def test_the_mail_of_a_checkpoint_is_no_cause_for_another(root: None) -> None:
    happens()
    for _ in range(3):
        checkpoint_mail.send_checkpoint()
        outbox.send_due()
        tasks.seal()  # the events of the mail just sent
        later(hours=2)
    assert Mail.objects.filter(kind=checkpoint_mail.KIND).count() == 1


def test_two_workers_queue_one_mail(root: None) -> None:
    happens()
    outlet = outlets.named(outlets.MAIL)
    head = Seal.objects.get()
    assert [outlets.mark_handed(outlet, head), outlets.mark_handed(outlet, head)] == [True, False]


# Silence ------------------------------------------------------------------------------------------------------------


def age_the_log(hours: int) -> None:
    """Everything written and sealed so far happened that much earlier."""
    before = timedelta(hours=hours)
    with superuser():
        Event.objects.update(time=F("time") - before)
        Seal.objects.update(time=F("time") - before)


def silence() -> tuple[bool, bool]:
    """Whether the report says so, and whether a note for people does. Neither is a finding of its own."""
    report = verify()
    return report.silent, any("for 25 hours" in note for note in report.notes)


def test_a_log_that_speaks_to_nobody_for_25_hours_says_so(root: None) -> None:
    happens()
    assert silence() == (False, False)
    age_the_log(26)
    assert silence() == (True, True)
    assert verify().last_left is None
    checkpoint_mail.send_checkpoint()
    assert silence() == (True, True), "queued is not gone"
    outbox.send_due()
    checkpoint_mail.send_checkpoint()
    assert silence() == (False, False)
    assert verify().last_left is not None


def test_a_mail_that_stays_in_the_queue_is_silence(root: None) -> None:
    happens()
    checkpoint_mail.send_checkpoint()
    outbox.send_due()
    checkpoint_mail.send_checkpoint()
    age_the_log(60)
    happens()
    age_the_log(30)
    later(hours=50)
    checkpoint_mail.send_checkpoint()
    assert Mail.objects.filter(kind=checkpoint_mail.KIND, state=Mail.State.QUEUED).count() == 1
    assert silence() == (True, True)


def test_where_nothing_happens_silence_is_no_news(root: None) -> None:
    happens()
    checkpoint_mail.send_checkpoint()
    outbox.send_due()
    checkpoint_mail.send_checkpoint()
    tasks.seal()
    age_the_log(60)
    later(hours=50)
    assert silence() == (False, False)


def test_the_command_says_it_and_ends_as_it_would(root: None) -> None:
    happens()
    age_the_log(26)
    code, out = 0, io.StringIO()
    try:
        call_command("verify_audit", "--json", "--since", "1", stdout=out)
    except SystemExit as end:
        code = int(end.code or 0)
    said = json.loads(out.getvalue())
    assert (said["silent"], said["last_left"]) == (True, None)
    assert code == (0 if said["intact"] else 3)
