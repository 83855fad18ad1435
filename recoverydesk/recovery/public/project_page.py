"""The page of a project: public as the index is. Its owners also see what each of its links counts for."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from accounts.models import User
from common.clock import database_now
from recoverydesk.projects import holds, names, readme, showing
from recoverydesk.projects.models import Project
from recoverydesk.recovery.evidence import link_states
from recoverydesk.recovery.evidence.link_states import LinkState


@dataclass(frozen=True)
class Link:
    """One link as the page shows it: `leads` where a browser may follow it; `state` for owners only."""

    label: str
    url: str
    leads: bool
    state: LinkState | None


@require_safe
def project(request: HttpRequest, name: str) -> HttpResponse:
    """The release `?version=`, or the newest; another spelling of the name is sent to the right one."""
    normal = names.normalize(name)
    if not names.is_valid(name):
        raise Http404
    if name != normal:
        return HttpResponsePermanentRedirect(reverse("project", args=[normal]))
    found = get_object_or_404(Project, normalized_name=normal)
    listed = showing.releases(found)
    version = request.GET.get("version")
    chosen = next((row for row in listed if row.version == version), None) if version else showing.newest(listed)
    if version and chosen is None:
        raise Http404
    user = request.user if isinstance(request.user, User) else None
    owns = user is not None and holds.acting_owners().filter(user=user, project=found).exists()
    context: dict[str, Any] = {
        "project": found,
        "owns": owns,
        "member": owns or (user is not None and found.roles.filter(user=user, accepted_at__isnull=False).exists()),
        "page": showing.page(listed, request.GET.get("page", "")),
    }
    if chosen:
        context |= _release(found, chosen.pk, owns=owns) | {"is_newest": chosen == showing.newest(listed)}
    return render(request, "projects/project.html", context)


def _release(found: Project, pk: int, *, owns: bool) -> dict[str, Any]:
    shown = showing.read(pk)
    urls = shown.release.urls or []
    states = link_states.of_release(found, urls, database_now()) if owns else {}
    links = [Link(label, url, url.startswith(("https://", "http://")), states.get(url)) for label, url in urls]
    return {
        "shown": shown,
        "about": shown.about,
        "links": links,
        "readme": _safe(shown),
        "install": _install(found, shown),
    }


def _safe(shown: showing.Shown) -> SafeString:
    return mark_safe(readme.html_of(shown.about))  # noqa: S308 - rendering.py made it safe


def _install(found: Project, shown: showing.Shown) -> str:
    """The line that installs this release from here, whatever else the machine installs from."""
    index = settings.BASE_URL + reverse("simple")
    if settings.INDEX_PRIVATE:
        index = index.replace("://", "://__token__:TOKEN@", 1)
    return f"pip install -i {index} {found.normalized_name}=={shown.release.version}"
