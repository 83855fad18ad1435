"""The projects of one account as it sees them: its role, the others and how they are guarded, the last release."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Subquery

from accounts import factors
from accounts.models import User
from recoverydesk.projects import guards
from recoverydesk.projects.guard_levels import SECOND_FACTOR
from recoverydesk.projects.guards import Standing
from recoverydesk.projects.models import Release, Role


@dataclass(frozen=True)
class Person:
    """Somebody else with a role; `factors` are kinds, None where this account may not know: its own role rests."""

    role: Role
    factors: list[str] | None


@dataclass(frozen=True)
class Mine:
    """One project; without a release, `version` is empty and `released_at` None. `guards` are those in force,
    `must_add` what this account has to add before it may do anything.
    """

    role: Role
    people: list[Person]
    version: str
    released_at: datetime | None
    guards: list[Standing]
    must_add: str


def of(user: User) -> list[Mine]:
    """Return the projects in which the user accepted a role, by name. Four queries."""
    last = Release.objects.filter(project=OuterRef("project"), deleted_at=None).order_by("-uploaded_at", "-pk")
    roles = Role.objects.filter(user=user, accepted_at__isnull=False).select_related("project")
    own = list(
        roles.annotate(
            last_version=Subquery(last.values("version")[:1]), last_at=Subquery(last.values("uploaded_at")[:1])
        ).order_by("project__normalized_name")
    )
    rows = _rows(user, own)
    kinds = factors.kinds({user.pk, *(row.user_id for row in rows)})
    others = _others(own, rows, kinds)
    return [
        Mine(
            role, others[role.project_id], role.last_version or "", role.last_at, guards.in_force(role.project),
            _must_add(role, kinds[user.pk]),
        )
        for role in own
    ]  # fmt: skip


def _must_add(role: Role, kinds: list[str]) -> str:
    level = guards.value(role.project, SECOND_FACTOR)
    return "" if guards.meets(kinds, level) else guards.must_add(level)


def _rows(user: User, own: Sequence[Role]) -> list[Role]:
    """Roles of whoever else accepted one, owners first."""
    rows = Role.objects.filter(project__in=[role.project_id for role in own], accepted_at__isnull=False)
    return list(rows.exclude(user=user).select_related("user").order_by("-kind", "user__username"))


def _others(own: Sequence[Role], rows: Sequence[Role], kinds: dict[int, list[str]]) -> dict[int, list[Person]]:
    found: dict[int, list[Person]] = {role.project_id: [] for role in own}
    acts = {role.project_id for role in own if role.held_at is None}
    for row in rows:
        found[row.project_id].append(Person(row, kinds[row.user_id] if row.project_id in acts else None))
    return found
