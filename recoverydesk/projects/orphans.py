"""Projects for which nobody is left who could act as an owner: gone, deactivated, or frozen.

A role that only rests is no such case: another owner's yes or thirty days end that (rests.py).
"""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, QuerySet

from recoverydesk.projects.models import Project, Role


def orphans() -> QuerySet[Project]:
    """Every project without an owner whose account is open."""
    owners = Role.objects.filter(project=OuterRef("pk"), kind=Role.Kind.OWNER, accepted_at__isnull=False)
    return Project.objects.exclude(Exists(owners.filter(user__is_active=True, user__frozen_at=None)))


def is_orphan(roles: Iterable[Role]) -> bool:
    """The same of one project, from its roles with their users."""
    owners = (role for role in roles if role.kind == Role.Kind.OWNER and role.accepted_at)
    return not any(role.user.may_sign_in for role in owners)
