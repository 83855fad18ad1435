"""What the sweep does for the log: seals, checkpoints, the operators' mail; one failing chore stops no other."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.core import mail

from accounts.mail import outbox
from accounts.mail.models import Mail
from audit import checkpoints, tasks
from audit.log import record
from audit.models import Seal
from audit.tags import Tag
from audit.verifying import verify
from recoverydesk import checkpoint_mail, chores
from recoverydesk.recovery import sweeping
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, settings: Any) -> None:
    settings.VAR_DIR = tmp_path


def test_a_sweep_seals_and_leaves_a_checkpoint() -> None:
    record(Tag.FILE_ADD, actor="system")
    assert sweeping.sweep()["seals"] == 1
    assert [line.seal for line in checkpoints.read(checkpoints.default_path()).lines] == [1]
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
    assert chores.run() == {"broken": 0, "seals": 1}
    assert "the chore broken failed" in caplog.text


def broken() -> int:
    raise OSError("the disk is full")


def test_operators_get_the_newest_seal_once_a_day(tmp_path: Path) -> None:
    factories.make_user("root", superuser=True)
    factories.make_user("clerk", staff=True)
    assert checkpoint_mail.send() == 0  # nothing is sealed yet
    record(Tag.FILE_ADD, actor="system")
    tasks.seal()
    assert [checkpoint_mail.send(), checkpoint_mail.send()] == [1, 0]
    assert Mail.objects.filter(kind=checkpoint_mail.KIND).get().recipient == "root@example.org"
    outbox.send_due()
    (letter,) = mail.outbox
    line = next(line for line in str(letter.body).splitlines() if line.startswith("{"))
    assert json.loads(line) == checkpoints.line_of(Seal.objects.get())
    saved = tmp_path / "saved"
    saved.write_text(line)
    assert verify(files=[saved]).checkpoints == 2
