"""Sums up the links of many releases: first and last release of each, whatever the order they come in."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from recoverydesk.projects import labels
from recoverydesk.projects.models import Release, RepositoryLink

Reader = Callable[[str], tuple[str, str, str]]
Key = tuple[str, str]


class Mark(NamedTuple):
    """One release that carries a link. Marks sort by time, then version, so that ties never depend on the order."""

    seen: datetime
    version: str
    release_id: int
    label: str


@dataclass(frozen=True)
class Sighting:
    """A link with the place it names (empty where none), its first and its last release."""

    place: tuple[str, str, str]
    first: Mark
    last: Mark

    def joined(self, other: "Sighting") -> "Sighting":
        """Return the sighting that spans both; the place is the other's, which was read last."""
        return replace(other, first=min(self.first, other.first), last=max(self.last, other.last))


def names_boundary(release: Release, read: Reader) -> bool:
    """True when one counting link of the release names a repository. Unknown links name nothing."""
    return any(read(url)[0] for _kind, _label, url in counting(release, read))


def counting(release: Release, read: Reader) -> list[tuple[RepositoryLink.Kind, str, str]]:
    """The links of a release that may count, read by `read`."""
    return labels.candidates(release.urls or (), lambda url: bool(read(url)[0]))


def fold(releases: Iterable[Release], read: Reader) -> dict[Key, Sighting]:
    """Sum up the candidate links of `releases`, keyed by (kind, URL)."""
    found: dict[Key, Sighting] = {}
    for release in releases:
        for kind, label, url in counting(release, read):
            mark = Mark(release.uploaded_at, release.version, release.pk, label)
            sighting = Sighting(read(url), mark, mark)
            known = found.get((kind, url))
            found[kind, url] = known.joined(sighting) if known else sighting
    return found


def of_link(link: RepositoryLink) -> Sighting:
    """Return the sighting a stored row stands for; needs first_release and last_release loaded."""
    return Sighting(
        (link.host, link.namespace, link.repository),
        Mark(link.first_seen, link.first_release.version, link.first_release_id, link.label),
        Mark(link.last_seen, link.last_release.version, link.last_release_id, ""),
    )


def write(sighting: Sighting, link: RepositoryLink) -> bool:
    """Put a sighting into a row; True when that changed something."""
    values = {
        "label": sighting.first.label,
        "first_seen": sighting.first.seen,
        "first_release_id": sighting.first.release_id,
        "last_seen": sighting.last.seen,
        "last_release_id": sighting.last.release_id,
        **dict(zip(("host", "namespace", "repository"), sighting.place, strict=True)),
    }
    changed = any(getattr(link, name) != value for name, value in values.items())
    for name, value in values.items():
        setattr(link, name, value)
    return changed
