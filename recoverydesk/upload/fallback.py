"""INDEX_FALLBACK_URL: a name that nobody has here is looked up in another index, by a redirect. Nothing is fetched.

A name that is known here, in whatever state, is never looked up elsewhere: else a higher version that a stranger
publishes there would be installed in its place (dependency confusion).
"""

from django.conf import settings
from django.http import HttpResponse

from recoverydesk.projects import names
from recoverydesk.projects.models import Project
from recoverydesk.publishers.models import Publisher


def elsewhere(normal: str) -> HttpResponse | None:
    """Lead to the page of this normalised name in the other index; None where there is none, or the name is known."""
    if not settings.INDEX_FALLBACK_URL or names.normalize(normal) != normal or _is_known(normal):
        return None
    where = f"{settings.INDEX_FALLBACK_URL.rstrip('/')}/{normal}/"
    return HttpResponse(status=307, headers={"Location": where, "Cache-Control": "no-store"})


def _is_known(normal: str) -> bool:
    """A project is never deleted, whatever became of its releases; a publisher can wait for its first one."""
    here = Project.objects.filter(normalized_name=normal)
    return here.exists() or Publisher.objects.filter(project=None, wanted=normal).exists()
