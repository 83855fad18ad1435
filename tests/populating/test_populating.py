"""`populate`: made-up rows that break no rule, in tables that keep their guards."""

from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection

from accounts.models import User
from recoverydesk.invariants import rules
from recoverydesk.populating import build
from recoverydesk.populating.chance import Chance
from recoverydesk.populating.registry import Sizes
from recoverydesk.recovery.models import RecoveryTicket, Status

pytestmark = pytest.mark.django_db


def test_a_made_up_registry_breaks_no_rule_and_keeps_every_index(db: None) -> None:
    before = _constraints()
    sizes = Sizes(users=120, projects=150, releases=200, tickets=150, events=50)
    done = build.build(sizes, seed=19, started=lambda name: lambda rows: None)
    assert [str(one) for one in rules.check_rules()] == []
    assert {row["status"] for row in RecoveryTicket.objects.values("status")} == set(Status.values)
    assert done["events"] > 50  # the stories of the tickets are never cut short
    assert _constraints() == before
    build.build(Sizes(20, 20, 30, 20, 0), seed=19, started=lambda name: lambda rows: None)  # beside what there is
    assert [str(one) for one in rules.check_rules()] == []
    assert _constraints() == before


def test_a_made_up_registry_that_breaks_a_constraint_is_refused_whole(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _constraints()
    monkeypatch.setattr(Chance, "uid", lambda self: UUID(int=7))
    with pytest.raises(IntegrityError):
        build.build(Sizes(10, 0, 0, 0, 0), seed=1, started=lambda name: lambda rows: None)
    assert _constraints() == before
    assert not User.objects.exists()


def _constraints() -> dict[str, dict[str, Any]]:
    """Every index and constraint of the tables that are filled; its SQL aside, which PostgreSQL spells anew."""
    with connection.cursor() as cursor:
        inspect = connection.introspection.get_constraints
        found = {model._meta.db_table: inspect(cursor, model._meta.db_table) for model in build.TABLES}
    for guards in found.values():
        for guard in guards.values():
            guard.pop("definition", None)
    return found
