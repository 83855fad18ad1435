"""Which boundaries a ticket asks for: computed once, when it opens, from every release ever published before.

Design rule 1: the union over all releases of the subject's projects. A link first seen in the last 30
days is shown and never counted. An older boundary retires only when, in each of its projects, every release of the
last 365 days (at least one) and an older one name another boundary and not it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from recoverydesk.projects.links import LinkFact


class FrozenRepository(NamedTuple):
    """One repository of a boundary with the releases that prove it predates the request."""

    url: str
    repository: str
    project: str
    label: str
    first_release: str
    first_seen: str
    last_release: str
    last_seen: str


@dataclass(frozen=True)
class FrozenBoundary:
    """One boundary as it will stand in the ticket; kind is asked, young or retired.

    `young` are repositories of an older boundary that are themselves too young to count: shown, never asked.
    """

    host: str
    namespace: str
    kind: str
    repositories: tuple[FrozenRepository, ...]
    young: tuple[FrozenRepository, ...] = ()

    def as_fields(self) -> dict[str, Any]:
        """What this says of the row that stands for it."""
        place = {"host": self.host, "namespace": self.namespace, "kind": self.kind}
        young = [repository._asdict() for repository in self.young]
        return place | {"repositories": [one._asdict() for one in self.repositories], "young_repositories": young}


def may_retire(links: Iterable[LinkFact], cutoff: datetime) -> set[int]:
    """The projects of which `freeze` has to know when they were last named: of boundaries no link of late names."""
    links = list(links)
    late = {(link.host, link.namespace) for link in links if link.last_seen > cutoff}
    return {link.project_id for link in links if (link.host, link.namespace) not in late}


def freeze(
    links: Iterable[LinkFact],
    last_named: Mapping[int, datetime],
    *,
    requested_at: datetime,
    young: timedelta,
    retires: timedelta,
) -> list[FrozenBoundary]:
    """Group links into boundaries, asked ones first, each with its repositories newest first.

    `last_named` is what `links.last_named` says of the projects that `may_retire` names.
    """
    groups: dict[tuple[str, str], list[LinkFact]] = defaultdict(list)
    for link in links:
        groups[link.host, link.namespace].append(link)
    frozen = [
        _boundary(key, group, last_named, cutoff=requested_at - retires, young_since=requested_at - young)
        for key, group in groups.items()
    ]
    return sorted(frozen, key=lambda boundary: (boundary.kind, boundary.host, boundary.namespace))


def _boundary(
    key: tuple[str, str],
    links: list[LinkFact],
    last_named: Mapping[int, datetime],
    *,
    cutoff: datetime,
    young_since: datetime,
) -> FrozenBoundary:
    settled = [link for link in links if link.first_seen <= young_since]
    if not settled:
        return FrozenBoundary(*key, "young", _repositories(links))
    known = {link.repository for link in settled}
    young = _repositories([link for link in links if link.repository not in known])
    kind = "retired" if _retired(links, last_named, cutoff) else "asked"
    return FrozenBoundary(*key, kind, _repositories(settled), young)


def _retired(links: list[LinkFact], last_named: Mapping[int, datetime], cutoff: datetime) -> bool:
    """A boundary retires as a whole: in every project that ever named it."""
    last_seen: dict[int, datetime] = {}
    for link in links:
        last_seen[link.project_id] = max(link.last_seen, last_seen.get(link.project_id, link.last_seen))
    return all(_replaced(last, last_named.get(project), cutoff) for project, last in last_seen.items())


def _replaced(last_seen: datetime, last_named: datetime | None, cutoff: datetime) -> bool:
    """All releases since `cutoff` (there is one) name another, and so did an older one after it was last named."""
    return last_named is not None and last_seen <= cutoff and last_named > last_seen


def _repositories(links: list[LinkFact]) -> tuple[FrozenRepository, ...]:
    """One entry per URL, the most recently named first."""
    unique: dict[str, LinkFact] = {}
    for link in sorted(links, key=lambda link: (link.last_seen, link.first_seen), reverse=True):
        unique.setdefault(link.repository, link)
    return tuple(
        FrozenRepository(
            url=link.url,
            repository=link.repository,
            project=link.project,
            label=link.label,
            first_release=link.first_release,
            first_seen=link.first_seen.isoformat(),
            last_release=link.last_release,
            last_seen=link.last_seen.isoformat(),
        )
        for link in unique.values()
    )
