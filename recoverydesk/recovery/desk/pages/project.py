"""Everything about one project on one screen: who acts for it, what it published, which repositories it names.

What may be decided about it is in project_decisions.py. No secret is here. Tickets are those of the accounts that have
a role in it.
"""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from accounts.models import User
from audit.models import Event
from recoverydesk.projects import guard_changes, guards, holds, orphans, withdrawals
from recoverydesk.projects.models import GuardChange, Project, Release, RepositoryLink, Role
from recoverydesk.recovery.desk.pages import incidents
from recoverydesk.recovery.desk.pages.staff_request import user_of
from recoverydesk.recovery.evidence import unused_links
from recoverydesk.recovery.models import RecoveryTicket
from recoverydesk.recovery.permissions import VIEW

LISTED = 50
EVENTS = 30
VIEW_PROJECT = "projects.view_project"


def show_project(request: HttpRequest, pk: int) -> HttpResponse:
    """The project's page."""
    reader = user_of(request)
    if not reader.has_perm(VIEW_PROJECT):
        raise PermissionDenied
    project = get_object_or_404(Project, pk=pk)
    context = {**admin.site.each_context(request), "title": project.name, **read_project(project, reader)}
    return TemplateResponse(request, "admin/projects/project/project.html", context)


def read_project(project: Project, reader: User) -> dict[str, Any]:
    """What the page shows; at most twelve queries, however much the project has. Lists are cut at fifty."""
    releases = Release.objects.filter(project=project).annotate(files_there=Count("files")).order_by("-uploaded_at")
    return {
        "project": project,
        "decides": withdrawals.decides_as_staff(project, reader),
        "releases": list(releases.defer("urls")[: LISTED + 1]),
        "listed": LISTED,
        "guards": guards.in_force(project),
        "planned": _planned(project),
        **incidents.shown(project, reader),
        **_people(project),
        **_links(project),
        **_doings(project, reader),
    }


def _planned(project: Project) -> list[tuple[guards.Words, str, GuardChange]]:
    """Title of the guard, the level in words, and the change of it that is planned."""
    planned = guard_changes.planned_for(project)
    return [(guards.GUARDS[name].title, guards.words(name, one.value), one) for name, one in planned.items()]


def _people(project: Project) -> dict[str, Any]:
    """Who can act for the project, owners first, and whose role rests."""
    found = Role.objects.filter(project=project).select_related("user", "project")
    roles = list(found.order_by("-kind", "created_at", "id")[: LISTED + 1])
    rests = {rest.role.pk: rest for rest in holds.describe(role for role in roles if role.held_at)}
    return {"roles": [(role, rests.get(role.pk)) for role in roles], "orphan": orphans.is_orphan(roles)}


def _links(project: Project) -> dict[str, Any]:
    """Each link that counts with the owner it leads to, which is the boundary it makes; and those that make none."""
    counting = RepositoryLink.objects.filter(project=project).counting().select_related("first_release", "last_release")
    links = list(counting.order_by("host", "namespace", "first_seen")[: LISTED + 1])
    owners = {(link.host, link.namespace) for link in links}
    return {"links": links, "unused": unused_links.of_project(project, owners)}


def _doings(project: Project, reader: User) -> dict[str, Any]:
    """Tickets and the newest events, each for those who may read them."""
    people = Role.objects.filter(project=project).values("user")
    tickets = RecoveryTicket.objects.filter(subject__in=people).select_related("subject").defer("facts")
    events = Event.objects.filter(project_uid=project.uid).order_by("-id")
    return {
        "tickets": list(tickets.order_by("-id")[:LISTED]) if reader.has_perm(VIEW) else None,
        "events": list(events[:EVENTS]) if reader.has_perm("audit.view_event") else None,
    }
