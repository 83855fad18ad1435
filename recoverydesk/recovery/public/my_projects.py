"""The projects of whoever is signed in, what they would have to prove, and the invitations they can answer."""

from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.step_up import may_change_account
from accounts.visitor import account_of
from audit.log import origin_of
from common.clock import database_now
from common.numbers import whole_number
from recoverydesk.projects import mail_invitations, mine, roles
from recoverydesk.projects.models import Role
from recoverydesk.recovery.evidence import frozen_now, unused_links
from recoverydesk.recovery.models import Boundary
from recoverydesk.recovery.public.private_page import private
from recoverydesk.staging import showing


@login_required
@private
def my_projects(request: HttpRequest) -> HttpResponse:
    """POST answers an invitation, a `role` or one to an address (`invitation`): `accept`, for which a second factor is
    shown, or `decline`."""
    user = account_of(request)
    if request.method == "POST":
        if "accept" in request.POST and not may_change_account(request):
            raise ReauthenticationRequired
        try:
            messages.success(request, _answer(request, user))
        except roles.RoleError as refusal:
            messages.error(request, str(refusal))
        return redirect("account_projects")
    now = database_now()
    asked = frozen_now.of_account(user, now)
    unused = unused_links.of_account(user, {(row.host, row.namespace) for row in asked}, now)
    page = {
        "projects": mine.of(user),
        "invitations": [*roles.invitations(user), *mail_invitations.of(user)],
        "asked": [row for row in asked if row.kind == Boundary.Kind.ASKED],
        "unused": unused.number,
        "staged": showing.of(user).count(),
    }
    return render(request, "projects/mine.html", page)


def _answer(request: HttpRequest, user: User) -> str:
    if "invitation" in request.POST:
        return _answer_mailed(request, user)
    role = Role.objects.filter(pk=whole_number(request.POST.get("role", "")) or 0, user=user).first()
    if role is None:
        raise roles.InvitationOver
    if "accept" in request.POST:
        roles.accept_role(role, actor=user, origin=origin_of(request))
        return _("You accepted the invitation.")
    roles.decline_role(role, actor=user, origin=origin_of(request))
    return _("You declined the invitation.")


def _answer_mailed(request: HttpRequest, user: User) -> str:
    number = whole_number(request.POST.get("invitation", "")) or 0
    invitation = mail_invitations.of(user).filter(pk=number).first()
    if invitation is None:
        raise roles.InvitationOver
    if "accept" in request.POST:
        mail_invitations.accept(invitation, actor=user, origin=origin_of(request))
        return _("You accepted the invitation.")
    mail_invitations.decline(invitation, actor=user)
    return _("You declined the invitation.")
