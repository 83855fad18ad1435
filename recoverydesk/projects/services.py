"""The verbs of projects, in one place for the other rooms."""

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from audit.log import Party, RequestOrigin, record
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import names
from recoverydesk.projects.models import Project, Role
from recoverydesk.projects.published import FileFact, InvalidFact, ReleaseFact
from recoverydesk.projects.releases import Recorded, record_release, record_releases, reread_links, touch
from recoverydesk.projects.roles import (
    InvitationOver,
    LastOwner,
    NoFactor,
    NotProjectOwner,
    RoleError,
    RoleExists,
    RoleRests,
    RolesInQuarantine,
    accept_role,
    add_role,
    change_role,
    decline_role,
    ensure_role,
    in_quarantine,
    remove_role,
)

__all__ = [
    "RolesInQuarantine",
    "FileFact",
    "InvalidFact",
    "InvitationOver",
    "LastOwner",
    "NoFactor",
    "NotProjectOwner",
    "Recorded",
    "ReleaseFact",
    "RoleError",
    "RoleExists",
    "RoleRests",
    "accept_role",
    "add_role",
    "change_role",
    "decline_role",
    "ensure_project",
    "ensure_role",
    "in_quarantine",
    "open_project",
    "record_release",
    "record_releases",
    "remove_role",
    "reread_links",
    "touch",
]


@transaction.atomic
def ensure_project(
    name: str, *, actor: Party | str, origin: RequestOrigin | None = None, token: UUID | None = None
) -> tuple[Project, bool]:
    """Return the project of that name in any spelling (PEP 503), made with an event where there is none yet.

    Raises InvalidFact for a name no project can have.
    """
    if not names.is_valid(name):
        raise InvalidFact(_("%(name)r is not a project name") % {"name": name[: names.MAX_LENGTH]})
    project, created = Project.objects.get_or_create(normalized_name=names.normalize(name), defaults={"name": name})
    if created:
        record(Tag.PROJECT_CREATE, actor=actor, project=project, origin=origin, token=token)
    return project, created


@transaction.atomic
def open_project(name: str, *, owner: User, token: UUID, origin: RequestOrigin | None = None) -> Project:
    """Return the project of that name; where there is none, make it with `owner` as its first owner.

    `token` is the API token that did it. Raises InvalidFact, and RolesInQuarantine for a project that would be new.
    """
    project, created = ensure_project(name, actor=owner, origin=origin, token=token)
    if created:
        if in_quarantine(owner):
            raise RolesInQuarantine
        now = database_now()
        role = Role.objects.create(user=owner, project=project, kind=Role.Kind.OWNER, created_at=now, accepted_at=now)
        record(
            Tag.PROJECT_ROLE_ADD,
            actor=owner,
            subject=owner,
            project=project,
            token=token,
            origin=origin,
            kind=role.kind,
        )
    return project
