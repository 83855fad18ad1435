"""The search over projects; a project's history, for the people who own it."""

from dataclasses import replace

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import throttle
from accounts.visitor import account_of
from audit import history
from common.clock import database_now
from common.numbers import whole_number
from recoverydesk.projects import guards, names, searching, uploaders
from recoverydesk.projects.models import Role

PAGE = 50  # lines of a history
GUARD = "project:guard:"


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """What `?q=` finds, twenty projects a page."""
    words = searching.words_of(request.GET.get("q", ""))
    if words:
        throttle.count(request, "search")
    found = Paginator(searching.find(words) if words else [], searching.ON_A_PAGE)
    page = found.get_page(request.GET.get("page", ""))
    context = {
        "words": " ".join(words),
        "page": page,
        "hits": searching.read(list(page)),
        "most": searching.MOST,
        "longest": searching.LONGEST,
    }
    return render(request, "projects/search.html", context)


@never_cache
@login_required
@require_safe
def project_history(request: HttpRequest, name: str) -> HttpResponse:
    """Newest first, fifty a page; whoever does not own the project is told there is no such page.

    With which token and from which network, only an owner reads whose role acts and whose account is not in quarantine.
    """
    user = account_of(request)
    owned = Role.objects.filter(user=user, kind=Role.Kind.OWNER, accepted_at__isnull=False)
    role = owned.filter(project__normalized_name=names.normalize(name)).select_related("project").first()
    if role is None:
        raise Http404
    acts = uploaders.shows_origins(role, user, database_now())
    before = whole_number(request.GET.get("before", ""))
    lines = history.for_project(role.project.uid, reader=user.uid, limit=PAGE + 1, before=before, networks=acts)
    lines = [replace(line, about=guards.about(line.about)) if GUARD in line.tag else line for line in lines]
    tokens = uploaders.token_names([line.token for line in lines]) if acts else {}
    context = {
        "project": role.project,
        "lines": [(line, tokens.get(line.token, "")) for line in lines[:PAGE]],
        "older": lines[PAGE - 1].id if len(lines) > PAGE else None,
        "acts": acts,
    }
    return render(request, "projects/history.html", context)
