"""What staff decide about a project: its quarantine, and what is deleted after the owners' 72 hours.

The verbs decide who may (recoverydesk/projects/withdrawals.py, project_status.py): admins without a role in the
project, with a reason and a second factor for just that.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import decisions, services
from audit.log import origin_of
from recoverydesk.projects import project_status, withdrawals
from recoverydesk.projects.models import File, Project, Release
from recoverydesk.recovery.desk.pages.staff_request import user_of

PAGE = "admin:recovery_project"


class NoSuchFile(withdrawals.ReleaseError):
    """Neither a version nor a file of this project."""

    message = gettext_lazy("This project has no release and no file of that name.")


def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """POST: `quarantine`, `end_quarantine` or `delete` (of `what`, a version or a file name), each with a `reason`."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    project = get_object_or_404(Project, pk=pk)
    try:
        messages.success(request, _decided(request, project))
    except decisions.ConfirmationNeeded as needed:
        return decisions.ask_for_factor(request, needed, back=reverse(PAGE, args=[pk]))
    except services.ReasonMissing:
        messages.error(request, _("Give a reason of at least 10 characters."))
    except withdrawals.ReleaseError as refusal:
        messages.error(request, str(refusal))
    return redirect(PAGE, pk)


def _decided(request: HttpRequest, project: Project) -> str:
    form, actor, origin = request.POST, user_of(request), origin_of(request)
    reason, confirmed = form.get("reason", ""), decisions.confirmed(request)
    if "delete" in form:
        what = _named(project, form.get("what", "").strip())
        withdrawals.delete_as_staff(what, actor=actor, reason=reason, origin=origin, confirmed=confirmed)
        return _("%(what)s is deleted.") % {"what": what}
    status = Project.Status.QUARANTINED if "quarantine" in form else project_status.before(project)
    project_status.set_status_as_staff(project, status, actor=actor, reason=reason, origin=origin, confirmed=confirmed)
    return _("The status of the project is: %(status)s.") % {"status": status.label}


def _named(project: Project, typed: str) -> Release | File:
    """What staff mean, as the index writes it. Raises NoSuchFile."""
    found = File.objects.filter(release__project=project, filename=typed).select_related("release").first()
    release = found or project.releases.filter(version=typed).first()
    if release is None:
        raise NoSuchFile
    return release
