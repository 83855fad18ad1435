"""Which repositories do a subject's projects name, and since when? One query per question, at any size."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, Protocol, cast

from django.conf import settings
from django.db.models import Count, Max, Min, OuterRef, Q, QuerySet, Subquery
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
    """A repository one project names, with the versions and times (UTC) of the first and last release naming it."""

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


def subject_links(user: User, *, before: datetime) -> list[LinkFact]:
    """Return every repository that counts for `user`, over all releases ever published, in one query.

    Projects are those where the user accepted a role RECOVERY_YOUNG_LINK before `before` or earlier; links are those
    first seen at or before it (design rule 1). `last_seen` may be later than `before` when somebody published since:
    that can only keep a boundary from retiring.
    """
    roles = Role.objects.filter(user=user, accepted_at__lte=before - settings.RECOVERY_YOUNG_LINK)
    rows = RepositoryLink.objects.counting().filter(project__in=roles.values("project"), first_seen__lte=before)
    # Never joined with the projects: for a few hundred of them PostgreSQL would rather read the whole table.
    name = Subquery(Project.objects.filter(pk=OuterRef("project_id")).values("name"))
    rows = rows.annotate(project_name=name).order_by("first_seen", "id")
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
)


class Carried(NamedTuple):
    """The same links ([label, URL] pairs) of some releases of one project, and when the first and last came out."""

    project: str
    urls: list[list[str]]
    first: datetime
    last: datetime
    releases: int


MOST_CARRIED = 1_000  # different sets of links


def any_link(user: User, *, before: datetime) -> bool:
    """Whether a release of these projects carries a link at all, wherever it leads. One query."""
    return _told(user, before).exists()


def carried_links(user: User, *, before: datetime) -> list[Carried]:
    """Every link of every release of the projects that `subject_links` looks at, in two queries.

    Releases with the same links are one row, the newest first; at most MOST_CARRIED rows are read.
    """
    return _carried(_told(user, before))


def carried_by(project: Project) -> list[Carried]:
    """The same of every release of one project, in two queries."""
    return _carried(_with_links(Release.objects.filter(project=project)))


def _carried(releases: QuerySet[Release]) -> list[Carried]:
    rows = releases.values("project_id", "urls").order_by()
    rows = rows.annotate(first=Min("uploaded_at"), last=Max("uploaded_at"), releases=Count("pk")).order_by("-last")
    found = list(rows[:MOST_CARRIED])
    ids = {row["project_id"] for row in found}
    names = dict(Project.objects.filter(pk__in=ids).values_list("pk", "name"))
    return [
        Carried(names[row["project_id"]], row["urls"] or [], row["first"], row["last"], row["releases"])
        for row in found
    ]


def _told(user: User, before: datetime) -> QuerySet[Release]:
    """The releases whose links were told, and are some."""
    roles = Role.objects.filter(user=user, accepted_at__lte=before - settings.RECOVERY_YOUNG_LINK)
    return _with_links(Release.objects.filter(project__in=roles.values("project"), uploaded_at__lte=before))


def _with_links(releases: QuerySet[Release]) -> QuerySet[Release]:
    return releases.filter(urls__isnull=False).exclude(urls=[])


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
