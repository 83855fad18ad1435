"""`manage.py restored`: what a restore does to tickets, and who hears of it."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from accounts.mail import outbox
from accounts.mail.models import Mail
from audit import chores
from audit.chain.verifying import verify
from audit.models import Event, Seal
from audit.tags import CLOSING, Tag
from recoverydesk.backups import restoring
from recoverydesk.recovery.models import OPEN_STATUSES, Status
from recoverydesk.recovery.permissions import staff
from recoverydesk.recovery.workflow import closing, table
from tests.helpers import factories
from tests.helpers.tickets import REASON, make_admin, make_moderator, make_ticket

pytestmark = pytest.mark.django_db
WHY = "the disk of the database broke"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, settings: Any) -> None:
    settings.VAR_DIR = tmp_path


def lost(work: Callable[[], Any]) -> None:
    """Do it, let it be sealed and leave the database, then put the database back to the moment before."""
    assert chores.seal()
    with transaction.atomic():
        work()
        assert chores.seal()
        transaction.set_rollback(True)


def restored(*args: str) -> str:
    out = io.StringIO()
    call_command("restored", "--reason", WHY, *args, stdout=out)
    return out.getvalue()


def test_a_restore_names_the_tickets_it_opened_again_and_no_one_person_resets_them() -> None:
    moderator = staff(make_moderator("kim"))
    stopped, untouched = (
        make_ticket(factories.make_user("ada"), Status.READY),
        make_ticket(factories.make_user("bo"), Status.READY),
    )
    Event.objects.create(tag=Tag.FILE_ADD, actor_name="system")
    lost(lambda: closing.reject(stopped.pk, actor=moderator, reason=REASON))
    assert not verify().intact
    said = restored()
    event = Event.objects.get(tag=Tag.AUDIT_LOG_RESTORE)
    assert (event.data["closed"], event.data["open"]) == ([stopped.pk], [untouched.pk])
    assert f"Tickets disputed, so that two people decide: {stopped.pk}" in said
    stopped.refresh_from_db()
    untouched.refresh_from_db()
    assert stopped.disputed_at
    assert not untouched.disputed_at
    assert verify().intact
    assert chores.seal()
    assert verify().intact


def test_every_admin_is_told_of_a_restore() -> None:
    factories.make_user("root", superuser=True)
    make_admin("grace")
    make_moderator("kim")
    ticket = make_ticket(factories.make_user("ada"), Status.READY)
    Event.objects.create(tag=Tag.FILE_ADD, actor_name="system")
    lost(lambda: Event.objects.create(tag=Tag.ACCOUNT_RECOVERY_STOP, actor_name="x", ticket=ticket.pk))
    assert "2 admins are told by mail." in restored()
    mails = Mail.objects.filter(kind=restoring.KIND)
    assert {mail.recipient for mail in mails} == {"root@example.org", "grace@example.org"}
    text = outbox.render(mails[0]).text
    head = Seal.objects.order_by("number")[0]
    for words in (
        WHY,
        f"#{ticket.pk}.",
        f"{head.time:%Y-%m-%d %H:%M} UTC (seal {head.number}",
        "UTC (seal 2)",
    ):
        assert words in text


def test_a_restore_of_a_backup_without_any_seal_can_be_told() -> None:
    said = restored()
    assert said.startswith("The log goes on after seal 0")
    assert verify().intact


@pytest.mark.parametrize("reason", ["", "short", "         x        "])
def test_a_restore_has_a_reason(reason: str) -> None:
    with pytest.raises(CommandError):
        call_command("restored", "--reason", reason)
    assert not Event.objects.filter(tag=Tag.AUDIT_LOG_RESTORE).exists()


def test_what_is_no_restore_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nowhere"):
        restored("--checkpoint", str(tmp_path / "nowhere"))
    line = '{"seal": 7, "time": "2026-01-01T00:00:00+00:00", "hash": "ab", "key_id": "x", "signature": "00"}'
    (tmp_path / "line").write_text(line)
    with pytest.raises(CommandError, match="This finding is not explained by a restore: checkpoint-mismatch"):
        restored("--checkpoint", str(tmp_path / "line"))


def test_every_way_to_close_a_ticket_is_one_that_checkpoints_name() -> None:
    is_open = set(OPEN_STATUSES)
    ends = [verb for verb, move in table.TRANSITIONS.items() if move.sources & is_open and move.targets - is_open]
    tags = {Tag[f"ACCOUNT_RECOVERY_{verb.name}"] for verb in ends} | {Tag.ACCOUNT_RECOVERY_BREAK_GLASS}
    assert tags == set(CLOSING)
