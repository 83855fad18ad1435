"""Roles that rest: after a reset they stand still until another owner says yes, or a time is over (rests.py)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User
from audit.log import Party, RequestOrigin, record
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects.models import Role

LASTS = timedelta(days=30)
LAST_NOTICE = timedelta(days=3)  # before the end


@dataclass(frozen=True)
class Rest:
    """A role that rests. Each of `owners` may end that at once; `ends_at` is None where nobody else can (ADR 0119)."""

    role: Role
    owners: list[User]
    ends_at: datetime | None


def hold(user: User, projects: Iterable[str], *, actor: Party | str, ticket: int, since: datetime | None = None) -> int:
    """Let the user's roles in the projects of these names rest, and those accepted after `since`; returns how many.

    One event each. A role that rests already begins anew: this reset gains nothing from the days since an earlier one.
    """
    which = Q(project__name__in=list(projects))
    if since is not None:
        which |= Q(accepted_at__gt=since)
    with transaction.atomic():
        found, now = list(Role.objects.select_related("project").filter(which, user=user)), database_now()
        for role in found:
            role.held_at, role.held_for, role.rest_told_at = now, ticket, None
            role.save(update_fields=["held_at", "held_for", "rest_told_at"])
            record(Tag.PROJECT_ROLE_HOLD, actor=actor, subject=user, project=role.project, ticket=ticket)
        return len(found)


def release(role: Role, *, actor: Party | str, how: str, origin: RequestOrigin | None = None) -> bool:
    """Let a role that rests act again; False when it does already. Who may say so is the ticket office's business.

    `how` is "owner" or "time".
    """
    with transaction.atomic():
        ticket = role.held_for
        resting = Role.objects.filter(pk=role.pk, held_at__isnull=False, held_for=ticket)
        if not resting.update(held_at=None, held_for=None, rest_told_at=None):
            return False
        record(
            Tag.PROJECT_ROLE_RELEASE, actor=actor, subject=role.user, project=role.project, ticket=ticket,
            origin=origin, how=how,
        )  # fmt: skip
        return True


def resting() -> QuerySet[Role]:
    """Every role that rests for a ticket, with its user and project, by the project's name."""
    roles = Role.objects.filter(held_at__isnull=False, held_for__isnull=False)
    return roles.select_related("user", "project").order_by("project__name", "user__username")


def acting_owners() -> QuerySet[Role]:
    """Roles of owners who act: accepted, not resting, of an account that was not closed (a frozen one opens again)."""
    return Role.objects.filter(kind=Role.Kind.OWNER, accepted_at__isnull=False, held_at=None, user__is_active=True)


def ends_by_itself() -> Q:
    """Of roles that rest: those whose project is not critical, or has no owner who acts."""
    owned = acting_owners().filter(project=OuterRef("project"))
    return Q(project__critical=False) | Q(~Exists(owned))


def describe(roles: Iterable[Role]) -> list[Rest]:
    """What stands of each of these resting roles, in their order. One query for all."""
    rows = list(roles)
    owners: dict[int, list[User]] = {row.project_id: [] for row in rows}
    for one in acting_owners().filter(project__in=owners).select_related("user").order_by("user__username"):
        owners[one.project_id].append(one.user)
    return [Rest(row, owners[row.project_id], _ends_at(row, alone=not owners[row.project_id])) for row in rows]


def _ends_at(role: Role, *, alone: bool) -> datetime | None:
    """A last notice that was late leaves its days all the same."""
    if role.held_at is None or (role.project.critical and not alone):
        return None
    return max(role.held_at + LASTS, (role.rest_told_at or role.held_at) + LAST_NOTICE)


def releasable_by(owner: User) -> QuerySet[Role]:
    """Other people's resting roles in projects this user owns, acting: those they may let act again."""
    own = acting_owners().filter(user=owner)
    return resting().filter(project__in=own.values("project")).exclude(user=owner)
