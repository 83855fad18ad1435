"""Roles on hold: after a recovery that accepted a boundary without proof, until another owner or two staff say so."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from audit.log import Party, RequestOrigin, record
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects.models import Role


def hold(user: User, projects: Iterable[str], *, actor: Party | str, ticket: int) -> int:
    """Put the user's roles in the projects of these names on hold; returns how many. One event each."""
    with transaction.atomic():
        roles = Role.objects.select_related("project").filter(user=user, project__name__in=list(projects), held_at=None)
        found, now = list(roles), database_now()
        for role in found:
            role.held_at, role.held_for = now, ticket
            role.save(update_fields=["held_at", "held_for"])
            record(Tag.PROJECT_ROLE_HOLD, actor=actor, subject=user, project=role.project, ticket=ticket)
        return len(found)


def release(role: Role, *, actor: Party | str, reason: str = "", origin: RequestOrigin | None = None) -> bool:
    """Let a role on hold act again; False when it does already. Who may say so is the ticket office's business."""
    with transaction.atomic():
        ticket = role.held_for
        if not Role.objects.filter(pk=role.pk, held_at__isnull=False).update(held_at=None, held_for=None):
            return False
        record(
            Tag.PROJECT_ROLE_RELEASE, actor=actor, subject=role.user, project=role.project, ticket=ticket,
            reason=reason, origin=origin,
        )  # fmt: skip
        return True


def held() -> QuerySet[Role]:
    """Every role on hold, the one that has waited longest first."""
    roles = Role.objects.filter(held_at__isnull=False, held_for__isnull=False)
    return roles.select_related("user", "project").order_by("held_at", "id")


def acting_owners(roles: Iterable[Role]) -> dict[int, list[str]]:
    """Who may release each of these roles at once, by the role's id: the other owners who act. One query."""
    rows = list(roles)
    owners = Role.objects.filter(project__in={row.project_id for row in rows}, kind=Role.Kind.OWNER, held_at=None)
    found = list(owners.filter(accepted_at__isnull=False).select_related("user").order_by("user__username"))
    return {
        row.pk: [one.user.username for one in found if one.project_id == row.project_id and one.user_id != row.user_id]
        for row in rows
    }


def releasable_by(owner: User) -> QuerySet[Role]:
    """Other people's roles on hold in projects this user owns, acting: those they may release."""
    own = Role.objects.filter(user=owner, kind=Role.Kind.OWNER, accepted_at__isnull=False, held_at=None)
    held = Role.objects.filter(project__in=own.values("project"), held_at__isnull=False).exclude(user=owner)
    return held.select_related("user", "project").order_by("project__name", "user__username")
