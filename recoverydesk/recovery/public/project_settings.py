"""Who may act for a project, and its status: for its owners. The verbs decide who may (recoverydesk/projects/roles.py,
project_status.py)."""

from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts import mistyped
from accounts.models import User
from accounts.step_up import may_change_account
from accounts.visitor import account_of
from audit.log import RequestOrigin, origin_of
from common.numbers import whole_number
from recoverydesk.projects import mail_invitations, names, project_status, roles, withdrawals
from recoverydesk.projects.models import Project, Role
from recoverydesk.recovery.public import project_guards
from recoverydesk.recovery.public.private_page import private

ASKED = "asked_about_address"  # in the session: an address that looks mistyped, until the page is shown


class Mistyped(roles.RoleError):
    """The address looks like a slip; whoever typed it has the last word."""

    def __init__(self, meant: str) -> None:
        super().__init__(meant)
        self.message = _("Did you mean %(meant)s? Correct the address, or tick the box below.") % {"meant": meant}


@login_required
@private
def project_settings(request: HttpRequest, name: str) -> HttpResponse:
    """POST with a recent second factor: `invite` (a username or an address), `kind` or `remove` for a `role`,
    `withdraw` for an `invitation` to an address, or `status`.

    Whoever has no accepted role is told that there is no such page.
    """
    user = account_of(request)
    accepted = Role.objects.filter(user=user, accepted_at__isnull=False)
    project = Project.objects.filter(normalized_name=names.normalize(name), roles__in=accepted).first()
    if project is None:
        raise Http404
    if request.method == "POST":
        if not may_change_account(request):
            raise ReauthenticationRequired
        try:
            messages.success(request, _change(request, user, project))
        except (roles.RoleError, withdrawals.ReleaseError) as refusal:
            messages.error(request, str(refusal))
        stays = accepted.filter(project=project).exists()
        return redirect("project_settings", project.normalized_name) if stays else redirect("account_projects")
    rows = project.roles.exclude(roles.over()).select_related("user").order_by("-kind", "user__username")
    own = next((row for row in rows if row.user_id == user.pk), None)
    if own is None:  # it was taken away at this moment
        raise Http404
    page = {
        "project": project,
        "rows": rows,
        "own": own,
        "mailed": mail_invitations.of_project(project) if own.kind == Role.Kind.OWNER else [],
        "mistyped": request.session.pop(ASKED, ""),
        "statuses": [(one.value, one.label) for one in project_status.OWNERS_GIVE],
    }
    return render(request, "projects/settings.html", page | project_guards.shown(project, rows))


def _change(request: HttpRequest, user: User, project: Project) -> str:
    form, origin = request.POST, origin_of(request)
    if "invite" in form:
        return _invite(request, user, project)
    if "withdraw" in form:
        return _withdraw(form, user, project, origin)
    if "status" in form:
        return _set_status(form, user, project, origin)
    role = project.roles.filter(pk=whole_number(form.get("role", "")) or 0).first()
    if role is None:
        raise roles.RoleError
    if "remove" in form:
        roles.remove_role(role, actor=user, origin=origin)
        return _("You left the project.") if role.user_id == user.pk else _("The role is removed.")
    roles.change_role(role, form.get("kind", ""), actor=user, origin=origin)
    return _("The role is changed.")


def _invite(request: HttpRequest, user: User, project: Project) -> str:
    """By username or by address; one that looks mistyped is asked about first: who has it would become an owner."""
    form, origin = request.POST, origin_of(request)
    typed, kind = form.get("username", ""), form.get("kind", "")
    address = mail_invitations.address_in(typed)
    if not address:
        roles.invite(typed, project, kind, actor=user, origin=origin)
        return _("The invitation is sent.")
    meant = mistyped.suggestion(address)
    if meant and form.get(mistyped.RIGHT) != address:
        request.session[ASKED] = address
        raise Mistyped(meant)
    mail_invitations.invite(address, project, kind, actor=user, origin=origin)
    return _("The invitation is sent.")


def _withdraw(form: QueryDict, user: User, project: Project, origin: RequestOrigin) -> str:
    invitation = project.mail_invitations.filter(pk=whole_number(form.get("invitation", "")) or 0).first()
    if invitation is None:
        raise roles.InvitationOver
    mail_invitations.withdraw(invitation, actor=user, origin=origin)
    return _("The invitation is withdrawn.")


def _set_status(form: QueryDict, user: User, project: Project, origin: RequestOrigin) -> str:
    status = form["status"]
    if status not in project_status.OWNERS_GIVE:
        raise project_status.StatusOfStaff
    project_status.set_status(project, status, actor=user, reason=form.get("reason", ""), origin=origin)
    return _("The status of the project is changed.")
