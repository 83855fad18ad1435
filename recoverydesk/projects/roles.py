"""The verbs of roles. Nobody in quarantine changes one, and no project loses its last owner.

Whatever a person does is mailed to every owner of the project and to whom it is about (role_mails.py); what the system
does, an import, is not.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import typed_names
from accounts.factors import has_primary_factor
from accounts.models import User
from audit.log import RequestOrigin, record
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import guards, role_mails
from recoverydesk.projects.holds import acting_owners
from recoverydesk.projects.models import Project, Role

INVITATION_LASTS = timedelta(days=7)
INVITATIONS_A_DAY = 20  # of one project, and of one person; counted from the log, which forgets nothing


class RoleError(Exception):
    """A verb of roles was refused; nothing changed."""

    message: str | Promise = _(
        "We could not change the role: you are not an owner of the project now, or your role is on hold."
    )

    def __str__(self) -> str:
        return str(self.message)


class RolesInQuarantine(RoleError):
    """The account was recovered recently; its roles stay as they are for some days (design rule 9)."""

    message = _("This account was recovered. Until its limits end, nobody can change its roles.")


class LastOwner(RoleError):
    """Nothing was changed: the project would be left without an owner. Make somebody else an owner first."""

    message = _("Nothing was changed: the project would be left without an owner. Make somebody else an owner first.")


class NotProjectOwner(RoleError):
    """Only an owner of the project may do this."""

    message = _("Only an owner of the project may do this.")


class RoleRests(NotProjectOwner):
    """The actor's own role is on hold: it speaks for nobody, and does not go away either (ADR 0119)."""

    message = _(
        "Your role is on hold after a recovery. Until another owner gives it back, you cannot leave or change roles."
    )


class InvitationOver(RoleError):
    """The invitation is older than INVITATION_LASTS, was withdrawn or was answered."""

    message = _("This invitation is over. Ask for a new one.")


class Unknown(RoleError):
    """There is no account of that name, or it is closed."""

    message = _("There is no account with this username.")


class TooManyInvitations(RoleError):
    """The project, or the actor, has INVITATIONS_A_DAY of the last day."""

    message = _("Too many invitations today. Try again tomorrow.")


class NoFactor(RoleError):
    """Who has no authenticator app and no security key accepts no role."""

    message = _("Add a second factor first: an authenticator app or a security key. Then accept the invitation.")


class NotReady(RoleError):
    """The guards of the project ask for a second factor that this person has not got."""

    def __init__(self, what: str) -> None:
        self.message = what


class RoleExists(RoleError):
    "This account already has a role or an invitation in the project."

    message = _("This account already has a role or an invitation in the project.")


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
    for an account. Raises RoleExists, NotProjectOwner, RoleRests or RolesInQuarantine.
    """
    lock(project)
    refuse_outsider(actor, project)
    refuse_quarantine(actor, user)
    Role.objects.filter(over(), user=user, project=project).delete()
    if Role.objects.filter(user=user, project=project).exists():
        raise RoleExists
    given = created_at or database_now()
    invited = invited or not isinstance(actor, str)
    accepted = None if invited else given
    role = Role.objects.create(user=user, project=project, kind=Role.Kind(kind), created_at=given, accepted_at=accepted)
    tag = Tag.PROJECT_ROLE_INVITE if invited else Tag.PROJECT_ROLE_ADD
    event = record(tag, actor=actor, subject=user, project=project, origin=origin, kind=role.kind)
    role_mails.tell(project, actor, user, "invited" if invited else "added", event.pk)
    return role


@transaction.atomic
def invite(username: str, project: Project, kind: str, *, actor: User, origin: RequestOrigin | None = None) -> Role:
    """Invite the account of that name. Raises Unknown, TooManyInvitations, RoleError for a kind there is not, and like
    add_role."""
    lock(project)
    refuse_outsider(actor, project)
    refuse_flood(actor, project)
    if kind not in Role.Kind.values:
        raise RoleError
    return add_role(_invited(username), project, kind, actor=actor, invited=True, origin=origin)


def _invited(typed: str) -> User:
    """The account of a name as people write it; an address finds none: it would tell whose it is. Raises Unknown."""
    try:
        name = typed_names.read(typed)
    except typed_names.NoName:
        raise Unknown from None
    user = None if "@" in name else typed_names.find(name)
    if user is None or not user.is_active:
        raise Unknown
    return user


@transaction.atomic
def accept_role(role: Role, *, actor: User, origin: RequestOrigin | None = None) -> Role:
    """The invited user says yes. Raises RoleError for anybody else or a role accepted before, InvitationOver, NoFactor
    or RolesInQuarantine."""
    role = _locked(role)
    _refuse_stranger(role, actor)
    _refuse_dead(role)
    if not has_primary_factor(actor):
        raise NoFactor
    refuse_unready(actor, role.project)
    role.accepted_at = database_now()
    if not Role.objects.filter(pk=role.pk, accepted_at=None).update(accepted_at=role.accepted_at):
        raise InvitationOver  # it ended at this moment: a reset waits for nobody
    event = record(
        Tag.PROJECT_ROLE_ADD, actor=actor, subject=actor, project=role.project, origin=origin, kind=role.kind
    )
    role_mails.tell(role.project, actor, actor, "accepted", event.pk)
    return role


@transaction.atomic
def decline_role(role: Role, *, actor: User, origin: RequestOrigin | None = None) -> None:
    """The invited user says no. Raises like accept_role, but asks for no factor."""
    role = _locked(role)
    _refuse_stranger(role, actor)
    if not Role.objects.filter(pk=role.pk, accepted_at=None).delete()[0]:
        raise InvitationOver
    event = record(Tag.ACCOUNT_ROLE_DECLINE_INVITE, actor=actor, subject=actor, project=role.project, origin=origin)
    role_mails.tell(role.project, actor, actor, "declined", event.pk)


@transaction.atomic
def change_role(role: Role, kind: str, *, actor: User | str, origin: RequestOrigin | None = None) -> Role:
    """Make an owner a maintainer or the reverse. Raises NotProjectOwner, RoleRests, RolesInQuarantine or
    LastOwner."""
    role = _locked(role)
    refuse_outsider(actor, role.project)
    refuse_quarantine(actor, role.user)
    if kind not in Role.Kind.values:
        raise RoleError
    old, role.kind = role.kind, Role.Kind(kind)
    if old == role.kind:
        return role
    _refuse_last_owner(role, old)
    role.save(update_fields=["kind"])
    event = record(
        Tag.PROJECT_ROLE_CHANGE,
        actor=actor,
        subject=role.user,
        project=role.project,
        origin=origin,
        old=old,
        kind=role.kind,
    )
    role_mails.tell(role.project, actor, role.user, f"is {role.kind}", event.pk)
    return role


@transaction.atomic
def remove_role(role: Role, *, actor: User | str, origin: RequestOrigin | None = None) -> None:
    """Take a role or an invitation away; an owner may take anybody's, everybody their own.

    Raises NotProjectOwner, RoleRests, LastOwner or RolesInQuarantine (the actor's: owners may always part with a
    recovered account).
    """
    role = _locked(role)
    if isinstance(actor, str) or actor.pk != role.user_id:
        refuse_outsider(actor, role.project)
    elif role.held_at:
        raise RoleRests
    refuse_quarantine(actor)
    _refuse_last_owner(role, role.kind)
    project, user, kind = role.project, role.user, role.kind
    state = "removed" if role.accepted_at else "withdrawn"
    owners = role_mails.owners(project)
    role.delete()
    event = record(
        Tag.PROJECT_ROLE_REMOVE, actor=actor, subject=user, project=project, origin=origin, kind=kind, state=state
    )
    role_mails.tell(project, actor, user, state, event.pk, owners)


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


def invitations(user: User) -> QuerySet[Role]:
    """The invitations this user can still answer, with their projects."""
    open_ones = Role.objects.filter(user=user, accepted_at=None, created_at__gt=Now() - INVITATION_LASTS)
    return open_ones.select_related("project").order_by("project__normalized_name")


def in_quarantine(*users: User) -> bool:
    """True while one of the accounts is in quarantine (database clock); without an end date it has none yet."""
    running = Q(quarantine_until__isnull=True) | Q(quarantine_until__gt=Now())
    ids = [user.pk for user in users]
    return User.objects.filter(running, pk__in=ids, quarantined_at__isnull=False).exists()


def lock(project: Project) -> None:
    """What changes who acts for a project is done one after the other."""
    Project.objects.select_for_update().get(pk=project.pk)


def _locked(role: Role) -> Role:
    """Lock the project, then read the role again with its user and project. Raises RoleError for one that is gone."""
    Project.objects.select_for_update().get(pk=role.project_id)
    found = Role.objects.select_related("user", "project").filter(pk=role.pk).first()
    if found is None:
        raise RoleError
    return found


def over() -> Q:
    """Invitations nobody can answer any more."""
    return Q(accepted_at=None, created_at__lte=Now() - INVITATION_LASTS)


def _refuse_stranger(role: Role, actor: User) -> None:
    """Only the invited answers an invitation, once, in time and outside quarantine."""
    if role.user_id != actor.pk or role.accepted_at is not None:
        raise RoleError
    if Role.objects.filter(over(), pk=role.pk).exists():
        raise InvitationOver
    refuse_quarantine(actor)


def sent_by_owner(at: datetime | OuterRef) -> QuerySet[Role]:
    """The roles that stand behind an invitation of that time: an owner's then and now, not recovered in between."""
    owners = acting_owners().filter(accepted_at__lte=at, user__frozen_at=None)
    return owners.filter(Q(user__quarantined_at=None) | Q(user__quarantined_at__lt=at))


def _refuse_dead(role: Role) -> None:
    """Raises InvitationOver where nobody stands behind it any more; who sent it, the log knows."""
    sent = Event.objects.filter(
        project_uid=role.project.uid, subject_uid=role.user.uid, tag=Tag.PROJECT_ROLE_INVITE, actor_uid__isnull=False
    )
    sender = sent.order_by("-id").values_list("actor_uid", flat=True).first()
    if sender and not sent_by_owner(role.created_at).filter(project=role.project, user__uid=sender).exists():
        raise InvitationOver


def refuse_flood(actor: User, project: Project) -> None:
    """Raises TooManyInvitations; those to addresses are events of the same tag."""
    sent = Event.objects.filter(tag=Tag.PROJECT_ROLE_INVITE, time__gt=Now() - timedelta(days=1))
    if sent.filter(Q(project_uid=project.uid) | Q(actor_uid=actor.uid)).count() >= INVITATIONS_A_DAY:
        raise TooManyInvitations


def refuse_outsider(actor: User | str, project: Project) -> None:
    """Raises RoleRests, NotProjectOwner or NotReady; a frozen owner does nothing, either."""
    if isinstance(actor, str):
        return
    if not _owners(project).filter(user_id=actor.pk, user__frozen_at=None).exists():
        if Role.objects.filter(project=project, user_id=actor.pk, held_at__isnull=False).exists():
            raise RoleRests
        raise NotProjectOwner
    refuse_unready(actor, project)


def refuse_unready(actor: User, project: Project) -> None:
    if what := guards.lacks(project, actor):
        raise NotReady(what)


def refuse_quarantine(*people: User | str) -> None:
    """Raises RolesInQuarantine."""
    if in_quarantine(*(person for person in people if not isinstance(person, str))):
        raise RolesInQuarantine


def _refuse_last_owner(role: Role, kind: str) -> None:
    if kind == Role.Kind.OWNER and role.accepted_at and not _owners(role.project).exclude(pk=role.pk).exists():
        raise LastOwner


def _owners(project: Project) -> QuerySet[Role]:
    return acting_owners().filter(project=project)
