"""Tickets of the last release come up the ladder: no end moves earlier, and back again nothing is lost."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.models import User
from common.clock import database_now
from recoverydesk.recovery import policy
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import OPEN_STATUSES, RecoveryTicket, Status
from tests.helpers import factories
from tests.helpers.tickets import DAY, make_admin, make_ticket

BEFORE, AFTER = [("recovery", "0013_pace")], [("recovery", "0015_sign_in_is_a_doubt")]
ROWS: dict[tuple[str, ...], int] = {
    ("second factor, no projects",): 0,
    ("second factor, repositories",): 1,
    ("second factor, repositories, critical",): 1,
    ("second factor, no boundary, critical",): 2,
    ("unverified address",): 2,
    ("disputed", "second factor, repositories"): 3,
    ("exception", "second factor, repositories"): 3,
    ("second factor, no boundary", "stopped lately", "two people always"): 3,
    ("second factor, repositories", "staff"): 3,
    ("exception", "new contact"): 4,
    ("new contact", "new contact, nothing bound to the account"): 5,
}


def migrate(target: list[tuple[str, str]] | None = None) -> Any:
    """To the target; without one, to what this release has."""
    executor = MigrationExecutor(connection)
    target = target or executor.loader.graph.leaf_nodes()
    executor.migrate(target)
    return executor.loader.project_state(target).apps


@pytest.fixture
def everyone(transactional_db: None) -> list[RecoveryTicket]:
    """A ticket of every status for every set of rows a wait was written for, and one that a sign-in blocked."""
    now, made, admin = database_now(), [], make_admin()
    for number, rows in enumerate(ROWS):
        for status in Status:
            user = factories.make_user(f"u{number}{status}"[:30])
            ends: dict[str, Any] = {"wait_until": now + timedelta(hours=number), "wait_rows": list(rows)}
            made.append(make_ticket(user, status, reset_by=admin, **ends if status != Status.NEW else {}))
    blocked = factories.make_user("blocked")
    made.append(make_ticket(blocked, Status.CHALLENGED, turn="subject", blocked_at=now - DAY))
    return made


@pytest.mark.thorough
def test_no_end_moves_earlier_and_the_way_back_is_open(everyone: list[RecoveryTicket]) -> None:
    ends = dict(RecoveryTicket.objects.values_list("pk", "wait_until"))
    migrate(BEFORE)
    try:
        old = migrate(AFTER).get_model("recovery", "RecoveryTicket")
        assert dict(old.objects.values_list("pk", "wait_until")) == ends
        rows = {pk: tuple(names) for pk, names in old.objects.exclude(wait_rows=[]).values_list("pk", "wait_rows")}
        assert {pk: ROWS[names] for pk, names in rows.items()} == dict(
            old.objects.filter(pk__in=rows).values_list("pk", "doubt")
        )
        again = migrate(BEFORE).get_model("recovery", "RecoveryTicket")
        assert all(len(names) == 1 for names in again.objects.filter(pk__in=rows).values_list("wait_rows", flat=True))
        assert dict(again.objects.values_list("pk", "wait_until")) == ends
    finally:
        migrate()
    for ticket in RecoveryTicket.objects.filter(status__in=OPEN_STATUSES).exclude(status=Status.NEW):
        case = cases.read_case(ticket, database_now())
        later = policy.later_end(case, cases.numbers())
        assert later is None or ticket.wait_until is None or later > ticket.wait_until, ticket
    blocked = RecoveryTicket.objects.get(subject=User.objects.get(username="blocked"))
    assert (blocked.signed_in_at, blocked.turn) == (blocked.blocked_at, "ours")
