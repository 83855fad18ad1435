"""The verbs of projects, in one place for the other rooms."""

from collections.abc import Sequence
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
from recoverydesk.projects.releases import Recorded, record_many, record_release, record_releases, reread_links, touch
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
    "ensure_projects",
    "ensure_role",
    "in_quarantine",
    "open_project",
    "record_many",
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
    _refuse_name(name)
    project, created = Project.objects.get_or_create(normalized_name=names.normalize(name), defaults={"name": name})
    if created:
        record(Tag.PROJECT_CREATE, actor=actor, project=project, origin=origin, token=token)
    return project, created


@transaction.atomic
def ensure_projects(wanted: Sequence[str], *, actor: str) -> list[tuple[Project, bool]]:
    """Do as ensure_project for many names, no two of them one project's. Raises InvalidFact, IntegrityError."""
    for name in wanted:
        _refuse_name(name)
    normal = [names.normalize(name) for name in wanted]
    known = Project.objects.in_bulk(normal, field_name="normalized_name")
    new = [
        Project(name=name, normalized_name=key) for name, key in zip(wanted, normal, strict=True) if key not in known
    ]
    for project in Project.objects.bulk_create(new):
        record(Tag.PROJECT_CREATE, actor=actor, project=project)
    made = {project.normalized_name: project for project in new}
    return [(made[key], True) if key in made else (known[key], False) for key in normal]


def _refuse_name(name: str) -> None:
    if not names.is_valid(name):
        raise InvalidFact(_("%(name)r is not a project name") % {"name": name[: names.MAX_LENGTH]})


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
