"""The desk's answers to what accounts asks of the rooms above it (accounts/hooks.py)."""

from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django_otp.models import Device

from accounts import factors
from accounts.hooks import Banner
from accounts.mail.models import Mail
from accounts.models import User
from audit.log import record
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import guard_changes, guards, holds, people
from recoverydesk.projects.models import Role
from recoverydesk.publishers import verbs as publishers
from recoverydesk.recovery import errors, notices, workflow
from recoverydesk.recovery.after_reset import choose_password
from recoverydesk.recovery.models import RecoveryTicket, Status
from recoverydesk.recovery.permissions import factor_since
from recoverydesk.recovery.workflow.checks import YOUNG_FACTOR
from tokens import services as tokens
from tokens.models import ApiToken

NAMED = 3  # projects in a banner


def may_change_address(user: User) -> str:
    """Addresses stand still while somebody asks to be let into the account. "" means yes."""
    if RecoveryTicket.objects.open().filter(subject=user).exists():
        return _("A recovery request for this account is open. Stop it or wait until it is closed.")
    return ""


def may_delete_account(user: User) -> str:
    """An account with an open request stays, so does one whose role rests, and the last owner of a project who acts.

    "" means yes.
    """
    own = Role.objects.filter(user=user, accepted_at__isnull=False).select_related("project")
    if rests := own.filter(held_at__isnull=False).first():
        return _(
            "Your role in %(project)s is on hold after a recovery. You cannot do this "
            "until another owner gives the role back."
        ) % {"project": rests.project.name}
    shared = holds.acting_owners().filter(project=OuterRef("project")).exclude(user=user)
    alone = own.filter(kind=Role.Kind.OWNER).exclude(Exists(shared)).first()
    if alone:
        return _("You are the last owner of %(project)s. Make somebody else an owner first.") % {
            "project": alone.project.name
        }
    return may_change_address(user)


def must_have_second_factor(user: User) -> bool:
    """After a reset the next thing is a new second factor: until the quarantine ends."""
    return user.is_staff or (user.quarantined_at is not None and user.in_quarantine(database_now()))


def owns_projects(user: User) -> bool:
    """Whether the account has a role in a project: SECOND_FACTOR_REQUIRED=project_owners asks."""
    return Role.objects.filter(user=user, accepted_at__isnull=False).exists()


def co_owns(actor: User, user: User) -> bool:
    """Design rule 11: who owns a project together with an account neither freezes nor unfreezes it."""
    return people.co_owns(actor, user)


def holds_anything(user: User) -> bool:
    """A role or an invitation, an API token, a trusted publisher, a request about it, whatever became of them."""
    owned = (Role.objects.filter(user=user), ApiToken.objects.filter(user=user), user.publishers.all())
    rows = (*owned, user.recovery_tickets.all())
    return any(found.exists() for found in rows)


def account_deleted(user: User) -> None:
    """What a deleted account leaves: no API token, no trusted publisher, no role, no invitation."""
    publishers.remove_all(user, actor=user, reason="account deleted")
    tokens.revoke(ApiToken.objects.filter(user=user, revoked_at=None), actor=user, reason="account deleted")
    for role in Role.objects.filter(user=user).select_related("project"):
        record(Tag.ACCOUNT_ROLE_REMOVE, actor=user, subject=user, project=role.project)
        role.delete()


def signed_in(request: HttpRequest, user: User, device: Device | None) -> HttpResponse | None:
    """A completed sign-in with a second factor or a code raises the doubt of open tickets and asks what they are.

    A factor younger than 30 days may be an intruder's: then the ticket is disputed. The first sign-in after a reset
    is told to co-owners.
    """
    if user.quarantined_at is not None:
        _tell_of_return(user)
    if device is None:
        return None
    tickets = list(RecoveryTicket.objects.open().filter(subject=user).values_list("pk", flat=True))
    for ticket_id in tickets:
        try:
            _doubt(ticket_id, device)
        except errors.RecoveryError:
            continue  # closed between the query and the lock: nothing is left to doubt
    return redirect("recover_mine") if tickets else None


def alarm(user: User, recipients: list[str]) -> dict[str, int]:
    """A factor added or a code used during a request speaks against it as a sign-in does; the notices can stop it."""
    stops: dict[str, int] = {}
    for ticket in RecoveryTicket.objects.open().filter(subject=user).order_by("pk"):
        try:
            ticket = workflow.note_alarm(ticket.pk)
        except errors.RecoveryError:
            continue  # closed between the query and the lock: nothing is left to stop
        stops = stops or {address: notices.stop_link(ticket, address).pk for address in recipients}
    return stops


def _doubt(ticket_id: int, device: Device) -> None:
    since = factor_since(device)
    workflow.note_sign_in(ticket_id, young=since is not None and since > database_now() - YOUNG_FACTOR)


def _tell_of_return(user: User) -> None:
    """Once per reset, however often they sign in: the mail's dedupe key sees to it."""
    resets = RecoveryTicket.objects.select_related("subject").filter(subject=user, status=Status.COMPLETED)
    ticket = resets.order_by("-completed_at").first()
    if ticket is not None and user.in_quarantine(database_now()):
        notices.first_sign_in(ticket)


def password_link(user: User) -> bool:
    """Until a password is chosen after a reset, "Forgot password?" sends the desk's own link and no other."""
    return choose_password.send_again(user)


def banners(request: HttpRequest) -> list[Banner]:
    """While a ticket is open its subject sees so on every page, with the way to stop it."""
    user = request.user
    if not isinstance(user, User):
        return []
    found = []
    if RecoveryTicket.objects.open().filter(subject=user).exists():
        text = _("Somebody asked us to let them into your account.")
        found.append(Banner(text=text, url=reverse("recover_mine"), label=_("Look at it or stop it")))
    if user.quarantined_at is not None and user.in_quarantine(database_now()):
        found.append(Banner(text=_in_quarantine(user), url=reverse("recover_policy"), label=_("Why?")))
        if _held(user):
            text = _("Your API tokens and trusted publishers are on hold.")
            found.append(Banner(text=text, url=reverse("recover_held_tokens"), label=_("Keep or revoke them")))
    return found + _resting(user) + _guards_to_come(user)


def _held(user: User) -> bool:
    """Whether a token or a publisher waits to be kept."""
    held = ApiToken.objects.filter(user=user, held_at__isnull=False, revoked_at=None)
    return held.exists() or user.publishers.filter(held_at__isnull=False).exists()


def _resting(user: User) -> list[Banner]:
    """Roles rest longer than a quarantine; only whoever was let back in costs the query."""
    if user.quarantined_at is None:
        return []
    names = list(holds.resting().filter(user=user).values_list("project__name", flat=True)[: NAMED + 1])
    if not names:
        return []
    some = ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
    text = _("Your role is on hold in %(projects)s.") % {"projects": some}
    return [Banner(text=text, url=reverse("recover_beside"), label=_("See until when"))]


def _guards_to_come(user: User) -> list[Banner]:
    """The second factor that a project will ask of everybody with a role, for whoever has not got it; the first day."""
    coming = guard_changes.factors_to_come(user)
    if not coming:
        return []
    kinds = factors.kinds([user.pk])[user.pk]
    lacking = [one for one in coming if not guards.meets(kinds, one.level)]
    if not lacking:
        return []
    first = min(lacking, key=lambda one: one.day)
    words = {"day": date_format(first.day, "DATE_FORMAT"), "project": first.project}
    if first.level == "key":
        text = _("From %(day)s on the project %(project)s asks for a security key, and you have none.") % words
    else:
        text = _("From %(day)s on the project %(project)s asks for a second factor, and you have none.") % words
    return [Banner(text=text, url=reverse("account_security"), label=_("Add one"))]


def _in_quarantine(user: User) -> str:
    """Every refusal of the days after a recovery, named in one line on every page."""
    if user.quarantine_until is None:
        return _(
            "Your account was recovered. For now you cannot change roles, invitations, addresses or project settings, "
            "and you cannot delete anything."
        )
    until = date_format(localtime(user.quarantine_until), "DATETIME_FORMAT")
    return _(
        "Your account was recovered. Until %(until)s you cannot change roles, invitations, addresses or project "
        "settings, and you cannot delete anything."
    ) % {"until": until}


def mail_secrets(mail: Mail) -> dict[str, str]:
    """What no table holds, for the mails that need it."""
    return notices.secrets_of(mail)
