"""Erasing (Done-when 5): details by age or with their account; the chain verifies, the address is nowhere."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from accounts import lifecycle
from accounts import sweeping as accounts_sweeping
from accounts.mail import outbox
from accounts.models import User
from audit import erasure
from audit.chain import sealing
from audit.chain.verifying import verify
from audit.history import for_subject
from audit.log import RequestOrigin, record
from audit.models import Event, EventDetail
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.housekeeping import forgetting
from recoverydesk.recovery.models import Entry, RecoveryTicket, Status
from tests.helpers import factories, tickets
from tests.helpers.sealed import Somebody

pytestmark = pytest.mark.django_db
HOME = RequestOrigin("203.0.113.7", "Firefox")
ADDRESS = "ada.private@example.org"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, settings: Any) -> None:
    settings.VAR_DIR = tmp_path


def dump() -> str:
    """Every cell of every table, as text."""
    return "\n".join(cells())


def cells() -> Iterator[str]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                yield " ".join(bytes(cell).decode("latin-1") if _is_binary(cell) else str(cell) for cell in row)


def _is_binary(cell: object) -> bool:
    return isinstance(cell, (bytes, memoryview))


def test_the_dump_would_show_an_address() -> None:
    factories.make_user("ada", email=ADDRESS)
    assert ADDRESS in dump()


def test_nothing_of_an_address_is_left_once_its_account_is_erased() -> None:
    ada, mod = factories.make_user("ada", email=ADDRESS), tickets.make_moderator()
    record(Tag.ACCOUNT_EMAIL_ADD, actor=ada, subject=ada, origin=HOME, address=ADDRESS)
    ticket = tickets.make_ticket(ada, Status.REJECTED, contact=ADDRESS, closing_reason=f"{ADDRESS} did not answer")
    record(Tag.ACCOUNT_RECOVERY_REJECT, actor=mod, subject=ada, ticket=ticket.pk, origin=HOME)
    tickets.stop_link(ticket, ADDRESS)
    Entry.objects.create(ticket=ticket, author=mod, text=f"wrote to {ADDRESS.upper()} twice")
    key = f"{ticket.reference}:recovery_closed:{ADDRESS}"
    outbox.queue("recovery_closed", ADDRESS, user=ada, reference=ticket.reference, context={}, dedupe=key)
    sealing.seal()
    lifecycle.delete_account(ada, actor=ada, origin=HOME)
    assert forgetting.run() == 0  # the notice of the deletion has to leave first
    accounts_sweeping.sweep()
    assert forgetting.run() == 1
    assert forgetting.run() == 0
    sealing.seal()
    assert ADDRESS not in dump().lower()
    call_command("verify_audit")
    assert verify().erased >= 3


def test_a_tombstone_and_the_recovery_history_stay() -> None:
    ada = factories.make_user("ada", email=ADDRESS)
    ticket = tickets.make_ticket(ada, Status.REJECTED, contact=ADDRESS)
    record(Tag.ACCOUNT_RECOVERY_REJECT, actor="system", subject=ada, ticket=ticket.pk, origin=HOME)
    lifecycle.delete_account(ada, actor=ada)
    accounts_sweeping.sweep()
    forgetting.run()
    user = User.objects.get(pk=ada.pk)
    assert (user.username, user.is_active) == (f"deleted-{user.uid}", False)
    assert RecoveryTicket.objects.get(subject=user).status == Status.REJECTED
    assert {line.tag for line in for_subject(user.uid)} >= {"account:recovery:reject", "account:delete"}
    erased = Event.objects.get(tag=Tag.AUDIT_DETAIL_ERASE)
    assert (erased.subject_uid, erased.data["why"]) == (user.uid, "account")


def test_other_accounts_keep_theirs(who: Somebody, kim: Somebody) -> None:
    record(Tag.ACCOUNT_LOGIN_SUCCESS, actor=who, subject=who, origin=HOME)
    record(Tag.ACCOUNT_FREEZE, actor=kim, subject=who, origin=HOME)
    record(Tag.ACCOUNT_LOGIN_SUCCESS, actor=kim, subject=kim, origin=HOME)
    assert erasure.erase_account(who.uid, actor="system") == 2
    assert EventDetail.objects.count() == 1
    assert erasure.erase_account(who.uid, actor="system") == 0


# By age --------------------------------------------------------------------------------------------------------------


def aged(days: int) -> Event:
    event = Event.objects.create(
        tag=Tag.ACCOUNT_LOGIN_SUCCESS, actor_name="x", time=database_now() - timedelta(days=days), commitment="c"
    )
    EventDetail.objects.create(event_id=event.id, salt="s", network="203.0.113.7")
    return event


def test_details_go_after_their_time_and_the_younger_ones_stay(settings: Any) -> None:
    settings.AUDIT_DETAIL_RETENTION = timedelta(days=90)
    old, young = [aged(100), aged(91)], aged(89)
    assert erasure.erase_old() == 2
    assert list(EventDetail.objects.values_list("event_id", flat=True)) == [young.id]
    assert Event.objects.latest("id").data == {"why": "retention", "count": 2, "up_to": old[1].id}
    assert erasure.erase_old() == 0


def test_a_retention_of_nothing_keeps_everything(settings: Any) -> None:
    settings.AUDIT_DETAIL_RETENTION = timedelta(0)
    aged(10_000)
    assert erasure.erase_old() == 0


def test_an_empty_log_has_nothing_to_erase() -> None:
    assert erasure.erase_old() == 0
