"""A project's history, for the people who own it."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.visitor import account_of
from audit import history
from recoverydesk.projects import names
from recoverydesk.projects.models import Project, Role

PAGE = 50


@never_cache
@login_required
@require_safe
def project_history(request: HttpRequest, name: str) -> HttpResponse:
    """Newest first, fifty a page; whoever does not own the project is told there is no such page."""
    user = account_of(request)
    owned = Role.objects.filter(user=user, kind=Role.Kind.OWNER, accepted_at__isnull=False)
    project = Project.objects.filter(normalized_name=names.normalize(name), roles__in=owned).first()
    if project is None:
        raise Http404
    before = request.GET.get("before", "")
    lines = history.for_project(
        project.uid, reader=user.uid, limit=PAGE + 1, before=int(before) if _is_id(before) else None
    )
    context = {"project": project, "lines": lines[:PAGE], "older": lines[PAGE - 1].id if len(lines) > PAGE else None}
    return render(request, "projects/history.html", context)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
