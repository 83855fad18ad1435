"""The buttons of an incident on the pages of a project and of an account: mark it, ask to end it, end it."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import decisions
from accounts.models import User
from recoverydesk.projects.models import Project
from recoverydesk.recovery import errors
from recoverydesk.recovery.desk.pages.staff_request import actor_of
from recoverydesk.recovery.permissions import RESET, WORK_TICKETS
from recoverydesk.recovery.workflow import incidents

VERBS = {"mark": incidents.mark, "ask": incidents.ask_lift, "lift": incidents.lift}


def of_project(request: HttpRequest, pk: int) -> HttpResponse:
    """POST `mark`, `ask` or `lift`, with a `reason`."""
    return _decide(request, Project.objects.all(), pk, "admin:recovery_project")


def of_account(request: HttpRequest, pk: int) -> HttpResponse:
    """The same about an account."""
    return _decide(request, User.objects.all(), pk, "admin:recovery_account")


def shown(about: Project | User, reader: User) -> dict[str, Any]:
    """What the panel on the page of a project or an account needs; one query."""
    name = "project" if isinstance(about, Project) else "account"
    return {
        "incident": incidents.open_about(about),
        "incident_url": reverse(f"admin:recovery_{name}_incident", args=[about.pk]),
        "may_mark": reader.has_perm(WORK_TICKETS) and about != reader,
        "may_lift": reader.has_perm(RESET) and about != reader,
        "reader": reader,
    }


def _decide(request: HttpRequest, rows: QuerySet[Any], pk: int, page: str) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    about: Project | User = get_object_or_404(rows, pk=pk)
    verb = next((VERBS[name] for name in VERBS if name in request.POST), None)
    try:
        if verb is None:
            raise errors.NotAllowed
        verb(about, actor=actor_of(request), reason=request.POST.get("reason", ""))
        messages.success(request, _("Done: the incident is written down."))
    except decisions.ConfirmationNeeded as needed:
        return decisions.ask_for_factor(request, needed, back=reverse(page, args=[pk]))
    except errors.RecoveryError as refusal:
        messages.error(request, str(refusal))
    return redirect(page, pk)
