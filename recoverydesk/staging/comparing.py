"""What a staged release changes: its files as they describe themselves, against the release that people have now."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from recoverydesk.projects import sightings
from recoverydesk.projects.models import About, Release
from recoverydesk.projects.sightings import Reader
from recoverydesk.staging.models import StagedFile

FIELDS: dict[str, str | Promise] = {
    "summary": _("Summary"),
    "license": _("Licence"),
    "requires_python": _("Python versions"),
    "content_type": _("Format of the description"),
}
Values = frozenset[str]


@dataclass(frozen=True)
class Sets:
    """What came and what went, sorted."""

    came: list[str] = field(default_factory=list)
    went: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.came or self.went)


@dataclass(frozen=True)
class Difference:
    """`since` is the version compared with, empty for a first release; `fields` are (what, before, now)."""

    since: str
    fields: list[tuple[str, str, str]]
    description: bool
    links: Sets
    boundaries: Sets
    requires: Sets
    size: int
    size_before: int

    @property
    def nothing(self) -> bool:
        return not (self.fields or self.description or self.links or self.boundaries or self.requires)


@dataclass(frozen=True)
class Told:
    """What a release says of itself; of several files that say different things, all of them."""

    fields: dict[str, Values]
    descriptions: Values
    links: Values
    boundaries: Values
    requires: Values


def compare(files: list[StagedFile], last: Release | None, read: Reader) -> Difference:
    """Compare what these files say with the last release; `read` tells which repository a URL names. No query.

    `last` has its `about` and its files at hand.
    """
    now, before = _staged(files, read), _published(last, read)
    return Difference(
        since=last.version if last else "",
        fields=[
            (str(label), _joined(before.fields[name]), _joined(now.fields[name]))
            for name, label in FIELDS.items()
            if now.fields[name] != before.fields[name]
        ],
        description=now.descriptions != before.descriptions,
        links=_sets(before.links, now.links),
        boundaries=_sets(before.boundaries, now.boundaries),
        requires=_sets(before.requires, now.requires),
        size=sum(file.size for file in files),
        size_before=sum(file.size for file in last.files.all() if not file.deleted_at) if last else 0,
    )


def _staged(files: Iterable[StagedFile], read: Reader) -> Told:
    rows = list(files)
    fields = {name: _values(row.about.get(name, "") for row in rows) for name in FIELDS}
    fields["requires_python"] = _values(row.requires_python for row in rows)
    return Told(
        fields=fields,
        descriptions=_values(row.about.get("description", "") for row in rows),
        links=frozenset(_link(pair) for row in rows for pair in row.urls),
        boundaries=frozenset(one for row in rows for one in _boundaries(row.urls, read)),
        requires=frozenset(one for row in rows for one in row.about.get("requires", [])),
    )


def _published(release: Release | None, read: Reader) -> Told:
    if release is None:
        return Told(dict.fromkeys(FIELDS, frozenset()), *[frozenset[str]()] * 4)
    about = getattr(release, "about", None) or About()
    fields = {name: _values([getattr(about, name, "")]) for name in FIELDS}
    fields["requires_python"] = _values(file.requires_python for file in release.files.all())
    urls = release.urls or []
    return Told(
        fields=fields,
        descriptions=_values([about.description]),
        links=frozenset(_link(pair) for pair in urls),
        boundaries=frozenset(_boundaries(urls, read)),
        requires=frozenset(about.requires),
    )


def _boundaries(urls: list[list[str]], read: Reader) -> set[str]:
    """The accounts and organisations whose repositories these links name."""
    places = (read(url) for _kind, _label, url in sightings.counting(Release(urls=urls), read))
    return {f"{namespace} ({host})" for host, namespace, _repository in places if host}


def _values(values: Iterable[str]) -> Values:
    return frozenset(filter(None, values))


def _joined(values: Values) -> str:
    return " / ".join(sorted(values)) or "–"


def _link(pair: list[str]) -> str:
    label, url = pair
    return f"{label}: {url}"


def _sets(before: Values, now: Values) -> Sets:
    return Sets(sorted(now - before), sorted(before - now))
