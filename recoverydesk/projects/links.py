"""Which repositories do a subject's projects name, and since when? One query per question, at any size."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, Protocol, cast

from django.conf import settings
from django.db.models import Count, Exists, Max, OuterRef, Q, Subquery
from django.utils.module_loading import import_string

from accounts.models import User
from recoverydesk.projects.models import PLACE_LENGTH, Project, Release, RepositoryLink, Role

URL_PARSER = "recoverydesk.recovery.code_hosts.described.parse_stored"


class Place(Protocol):
    """Where a URL leads; empty text where it does not name such a thing."""

    @property
    def host(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def repository(self) -> str: ...


def parse(url: str) -> tuple[str, str, str]:
    """Return (host, namespace, repository) of the repository `url` names, or three empty strings.

    The parser is the ticket office's, above this room, so settings.PROJECTS_URL_PARSER names it. A place too long to
    store is none: no code host has such names.
    """
    place = cast(Place, import_string(getattr(settings, "PROJECTS_URL_PARSER", URL_PARSER))(url))
    parts = (place.host, place.namespace, place.repository)
    return parts if all(0 < len(part) <= limit for part, limit in zip(parts, _LIMITS, strict=True)) else ("", "", "")


_LIMITS = (260, PLACE_LENGTH, PLACE_LENGTH)


class LinkFact(NamedTuple):
    """A repository one project names, with the versions and times (UTC) of the first and last release naming it.

    `own`: the user had accepted a role in the project long enough before; nobody else can have planted it.
    """

    project_id: int
    project: str
    label: str
    url: str
    host: str
    namespace: str
    repository: str
    first_release: str
    first_seen: datetime
    last_release: str
    last_seen: datetime
    own: bool


def subject_links(user: User, *, before: datetime) -> list[LinkFact]:
    """Return every repository that counts for `user`, over all releases ever published, in one query.

    Projects are those where the user has a role or an invitation given before `before`; links are those first seen
    at or before it (design rule 1). `last_seen` may be later than `before` when somebody published since: that can
    only keep a boundary from retiring. Roles accepted less than RECOVERY_YOUNG_LINK before make no link `own`.
    """
    roles = Role.objects.filter(user=user, created_at__lt=before)
    rows = RepositoryLink.objects.counting().filter(project__in=roles.values("project"), first_seen__lte=before)
    # Never joined with the projects: for a few hundred of them PostgreSQL would rather read the whole table.
    name = Subquery(Project.objects.filter(pk=OuterRef("project_id")).values("name"))
    old = roles.filter(project=OuterRef("project_id"), accepted_at__lte=before - settings.RECOVERY_YOUNG_LINK)
    rows = rows.annotate(project_name=name, own=Exists(old)).order_by("first_seen", "id")
    return list(map(LinkFact._make, rows.values_list(*_FACT_COLUMNS)))


_FACT_COLUMNS = (
    "project_id",
    "project_name",
    "label",
    "url",
    "host",
    "namespace",
    "repository",
    "first_release__version",
    "first_seen",
    "last_release__version",
    "last_seen",
    "own",
)


def last_named(project_ids: Collection[int], *, cutoff: datetime, before: datetime) -> dict[int, datetime]:
    """When each project last named a repository at or before `cutoff`, in one query.

    Only of projects in which an old boundary may retire at all: there is a release after `cutoff` up to `before`, and
    each of those names a repository (one of unknown links names none). Deleted releases count like any other.
    """
    rows = Release.objects.filter(project_id__in=project_ids, uploaded_at__lte=before).values("project_id")
    since = Q(uploaded_at__gt=cutoff)
    rows = rows.annotate(
        named=Max("uploaded_at", filter=Q(names_boundary=True) & ~since),
        since=Count("uploaded_at", filter=since),
        silent=Count("uploaded_at", filter=since & Q(names_boundary=False)),
    )
    rows = rows.filter(since__gt=0, silent=0, named__isnull=False)
    return dict(rows.values_list("project_id", "named"))
