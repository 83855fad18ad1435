"""The verbs of roles. Nobody in quarantine changes one, and no project loses its last owner."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from audit.log import RequestOrigin, record
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects.models import Project, Role


class RoleError(Exception):
    """A verb of roles was refused; nothing changed."""

    message: str | Promise = _("The role cannot be changed.")

    def __str__(self) -> str:
        return str(self.message)


class RolesInQuarantine(RoleError):
    """The account was recovered recently; its roles stay as they are for some days (design rule 9)."""

    message = _("The account was recovered lately; roles cannot change for some days.")


class LastOwner(RoleError):
    """The project would be left without an owner."""

    message = _("The project would be left without an owner.")


class NotProjectOwner(RoleError):
    """Only an owner of the project may do this."""

    message = _("Only an owner of the project may do this.")


class RoleExists(RoleError):
    """The user has a role or an invitation in this project already."""

    message = _("The user has a role or an invitation in this project already.")


@transaction.atomic
def add_role(
    user: User,
    project: Project,
    kind: str,
    *,
    actor: User | str,
    invited: bool = False,
    created_at: datetime | None = None,
    origin: RequestOrigin | None = None,
) -> Role:
    """Give `user` a role, or with `invited` an invitation. `created_at` dates an imported one.

    What one person gives another is an invitation until that other accepts it: a role nobody asked for must not speak
    for an account. Raises RoleExists, NotProjectOwner or RolesInQuarantine.
    """
    _lock(project)
    _refuse_outsider(actor, project)
    _refuse_quarantine(actor, user)
    if Role.objects.filter(user=user, project=project).exists():
        raise RoleExists
    given = created_at or database_now()
    invited = invited or not isinstance(actor, str)
    accepted = None if invited else given
    role = Role.objects.create(user=user, project=project, kind=Role.Kind(kind), created_at=given, accepted_at=accepted)
    tag = Tag.PROJECT_ROLE_INVITE if invited else Tag.PROJECT_ROLE_ADD
    record(tag, actor=actor, subject=user, project=project, origin=origin, kind=role.kind)
    return role


@transaction.atomic
def accept_role(role: Role, *, actor: User, origin: RequestOrigin | None = None) -> Role:
    """The invited user says yes. Raises RoleError for anybody else or a role accepted before, or RolesInQuarantine."""
    role = _locked(role)
    if role.user_id != actor.pk or role.accepted_at is not None:
        raise RoleError
    _refuse_quarantine(actor)
    role.accepted_at = database_now()
    role.save(update_fields=["accepted_at"])
    record(Tag.PROJECT_ROLE_ADD, actor=actor, subject=actor, project=role.project, origin=origin, kind=role.kind)
    return role


@transaction.atomic
def change_role(role: Role, kind: str, *, actor: User | str, origin: RequestOrigin | None = None) -> Role:
    """Make an owner a maintainer or the reverse. Raises NotProjectOwner, RolesInQuarantine or LastOwner."""
    role = _locked(role)
    _refuse_outsider(actor, role.project)
    _refuse_quarantine(actor, role.user)
    old, role.kind = role.kind, Role.Kind(kind)
    if old == role.kind:
        return role
    _refuse_last_owner(role, old)
    role.save(update_fields=["kind"])
    record(
        Tag.PROJECT_ROLE_CHANGE,
        actor=actor,
        subject=role.user,
        project=role.project,
        origin=origin,
        old=old,
        kind=role.kind,
    )
    return role


@transaction.atomic
def remove_role(role: Role, *, actor: User | str, origin: RequestOrigin | None = None) -> None:
    """Take a role or an invitation away; an owner may take anybody's, everybody their own.

    Raises NotProjectOwner, LastOwner or RolesInQuarantine (the actor's: owners may always part with a recovered
    account).
    """
    role = _locked(role)
    if isinstance(actor, str) or actor.pk != role.user_id:
        _refuse_outsider(actor, role.project)
    _refuse_quarantine(actor)
    _refuse_last_owner(role, role.kind)
    role.delete()
    record(Tag.PROJECT_ROLE_REMOVE, actor=actor, subject=role.user, project=role.project, origin=origin, kind=role.kind)


def ensure_role(user: User, project: Project, kind: str, *, actor: User | str, created_at: datetime | None) -> bool:
    """Give the role unless the user has it, or an invitation to it; True when something changed.

    Raises like add_role and change_role.
    """
    role = Role.objects.filter(user=user, project=project).first()
    if role is None:
        add_role(user, project, kind, actor=actor, created_at=created_at)
        return True
    if role.kind == kind:
        return False
    change_role(role, kind, actor=actor)
    return True


def in_quarantine(*users: User) -> bool:
    """True while one of the accounts is in quarantine (database clock); without an end date it has none yet."""
    running = Q(quarantine_until__isnull=True) | Q(quarantine_until__gt=Now())
    ids = [user.pk for user in users]
    return User.objects.filter(running, pk__in=ids, quarantined_at__isnull=False).exists()


def _lock(project: Project) -> None:
    Project.objects.select_for_update().get(pk=project.pk)


def _locked(role: Role) -> Role:
    """Lock the project, then read the role again with its user and project."""
    Project.objects.select_for_update().get(pk=role.project_id)
    return Role.objects.select_related("user", "project").get(pk=role.pk)


def _refuse_outsider(actor: User | str, project: Project) -> None:
    if not isinstance(actor, str) and not _owners(project).filter(user_id=actor.pk).exists():
        raise NotProjectOwner


def _refuse_quarantine(*people: User | str) -> None:
    if in_quarantine(*(person for person in people if not isinstance(person, str))):
        raise RolesInQuarantine


def _refuse_last_owner(role: Role, kind: str) -> None:
    if kind == Role.Kind.OWNER and role.accepted_at and not _owners(role.project).exclude(pk=role.pk).exists():
        raise LastOwner


def _owners(project: Project) -> QuerySet[Role]:
    """Those who may act as owners: accepted, and not on hold."""
    return Role.objects.filter(project=project, kind=Role.Kind.OWNER, accepted_at__isnull=False, held_at=None)
