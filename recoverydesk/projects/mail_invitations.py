"""Invitations to an e-mail address. Whoever has verified it accepts, with an account of any name (ADR 0161).

No answer, page or mail tells an owner whether the address has an account before somebody accepts. An invitation ends
with its seven days, with the role of who sent it, and with a recovery of their account: what an intruder sent is worth
nothing any more, nor does it come back when role and account act again.
"""

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from accounts import typed_names
from accounts.factors import has_primary_factor
from accounts.models import User
from audit.log import RequestOrigin, record
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import role_mails, roles
from recoverydesk.projects.models import MailInvitation, Project, Role
from recoverydesk.projects.roles import INVITATION_LASTS, InvitationOver, NoFactor, RoleError, RoleExists, Unknown


def address_in(typed: str) -> str:
    """The address that somebody typed in place of a username; "" where it is none."""
    try:
        name = typed_names.read(typed)
    except typed_names.NoName:
        return ""
    return name if "@" in name else ""


@transaction.atomic
def invite(
    typed: str, project: Project, kind: str, *, actor: User, origin: RequestOrigin | None = None
) -> MailInvitation:
    """Invite whoever has this address. Raises Unknown for what is no address, RoleExists where it is invited already,
    and like roles.invite."""
    roles.lock(project)
    roles.refuse_outsider(actor, project)
    roles.refuse_quarantine(actor)
    roles.refuse_flood(actor, project)
    address = address_in(typed)
    if not address:
        raise Unknown
    if kind not in Role.Kind.values:
        raise RoleError
    dead = MailInvitation.objects.filter(project=project, address=address).exclude(pk__in=_alive().values("pk"))
    dead.delete()
    if project.mail_invitations.filter(address=address).exists():
        raise RoleExists
    made = MailInvitation.objects.create(
        project=project, address=address, kind=kind, invited_by=actor, created_at=database_now()
    )
    event = record(
        Tag.PROJECT_ROLE_INVITE, actor=actor, project=project, origin=origin, address=address, kind=kind, by_mail=True
    )
    role_mails.invite(project, actor, address, kind, event.pk)
    role_mails.tell_owners(project, actor, "invited by mail", event.pk)
    return made


@transaction.atomic
def withdraw(invitation: MailInvitation, *, actor: User, origin: RequestOrigin | None = None) -> None:
    """An owner takes it back. Raises InvitationOver, and like roles.remove_role."""
    row = _locked(invitation)
    roles.refuse_outsider(actor, row.project)
    roles.refuse_quarantine(actor)
    row.delete()
    event = record(
        Tag.ACCOUNT_ROLE_REVOKE_INVITE, actor=actor, project=row.project, origin=origin, address=row.address,
        kind=row.kind,
    )  # fmt: skip
    role_mails.tell_owners(row.project, actor, "withdrawn by mail", event.pk)


@transaction.atomic
def accept(invitation: MailInvitation, *, actor: User, origin: RequestOrigin | None = None) -> Role:
    """Whoever has verified the address takes the role. Raises InvitationOver, RolesInQuarantine, NoFactor, NotReady and
    RoleExists.

    The account's row is locked, too: a reset at this moment comes before, and stops this, or after, and lets it rest.
    """
    row = _locked(invitation)
    account = User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    roles.refuse_quarantine(account)
    if not account.may_sign_in or not of(account).filter(pk=row.pk).exists():
        raise InvitationOver
    if not has_primary_factor(account):
        raise NoFactor
    roles.refuse_unready(account, row.project)
    now = database_now()
    Role.objects.filter(roles.over(), user=account, project=row.project).delete()
    try:
        with transaction.atomic():
            role = Role.objects.create(
                user=account, project=row.project, kind=row.kind, created_at=now, accepted_at=now
            )
    except IntegrityError as error:
        raise RoleExists from error
    row.delete()
    event = record(
        Tag.PROJECT_ROLE_ADD, actor=account, subject=account, project=row.project, origin=origin, kind=role.kind
    )
    role_mails.tell(row.project, account, account, "accepted", event.pk)
    return role


@transaction.atomic
def decline(invitation: MailInvitation, *, actor: User) -> None:
    """Whoever has verified the address says no. Raises InvitationOver or RolesInQuarantine.

    Owners are not told, and no event names both: they would learn whose the address is.
    """
    row = _locked(invitation)
    roles.refuse_quarantine(actor)
    if not of(actor).filter(pk=row.pk).exists():
        raise InvitationOver
    row.declined_at = database_now()
    row.save(update_fields=["declined_at"])


def of(user: User) -> QuerySet[MailInvitation]:
    """What this account can still answer, by project. What was sent before it was recovered is over, as a role's is."""
    own = EmailAddress.objects.filter(user_id=user.pk, verified=True).values("email")
    rows = _alive().filter(address__in=own, declined_at=None)
    if user.quarantined_at is not None:
        rows = rows.filter(created_at__gt=user.quarantined_at)
    return rows.select_related("project").order_by("project__normalized_name")


def of_project(project: Project) -> QuerySet[MailInvitation]:
    """What its owners see: whatever somebody could accept, declined or not."""
    return _alive().filter(project=project).order_by("address")


def forget() -> int:
    """A chore: no address is kept that nobody can accept with any more."""
    return MailInvitation.objects.filter(_over()).delete()[0]


def _alive() -> QuerySet[MailInvitation]:
    """In time, sent by who was an owner then, is one who acts now, and was not recovered in between."""
    sender = roles.sent_by_owner(OuterRef("created_at"))
    sender = sender.filter(project=OuterRef("project"), user=OuterRef("invited_by"))
    return MailInvitation.objects.exclude(_over()).filter(Exists(sender))


def _over() -> Q:
    return Q(created_at__lte=Now() - INVITATION_LASTS)


def _locked(invitation: MailInvitation) -> MailInvitation:
    """Lock the project, then read the invitation again. Raises InvitationOver."""
    Project.objects.select_for_update().get(pk=invitation.project_id)
    found = MailInvitation.objects.exclude(_over()).select_related("project").filter(pk=invitation.pk).first()
    if found is None:
        raise InvitationOver
    return found
