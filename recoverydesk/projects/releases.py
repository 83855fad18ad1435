"""Records what was published and keeps the summary of repository links up. What is known never changes after."""

import contextlib
import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _

from audit.log import Party, RequestOrigin, record
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import links, sightings
from recoverydesk.projects.models import About, File, Project, Release, RepositoryLink
from recoverydesk.projects.published import AboutFact, FileFact, InvalidFact, ReleaseFact


@dataclass(frozen=True)
class Recorded:
    """What recording changed: new versions, new file names, how many releases we know better, how many of them gone."""

    releases: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    improved: int = 0
    deleted: int = 0

    def tag(self) -> Tag | None:
        """Return the event to write for one release; None where nothing changed."""
        if self.releases:
            return Tag.PROJECT_RELEASE_ADD
        if self.deleted:
            return Tag.PROJECT_RELEASE_REMOVE
        if self.files:
            return Tag.FILE_ADD
        return Tag.PROJECT_CHANGE if self.improved else None


@transaction.atomic
def record_release(
    project: Project,
    *,
    version: str,
    uploaded_at: datetime,
    urls: Iterable[tuple[str, str]] | None,
    files: Sequence[FileFact] = (),
    uploader: Party | None = None,
    deleted_at: datetime | None = None,
    origin: RequestOrigin | None = None,
    token: UUID | None = None,
    about: AboutFact | None = None,
) -> Release:
    """Record one release with its links as (label, URL) pairs; return its row. Releases may come in any order.

    Idempotent. `urls` None means unknown. What is known of a release stays: a later file brings no new links, else
    a thief could date a link back; only an unknown list is filled in, by whoever tells of the same or an earlier
    time. `token` is the API token that did it. Raises InvalidFact for what cannot be stored.
    """
    known = None if urls is None else tuple(urls)
    done = record_releases(project, [ReleaseFact(version, uploaded_at, known, tuple(files), deleted_at, token, about)])
    if tag := done.tag():
        actor: Party | str = uploader or "system"
        record(tag, actor=actor, project=project, token=token, origin=origin, version=version, files=list(done.files))
    return project.releases.get(version=version)


def record_releases(project: Project, facts: Sequence[ReleaseFact]) -> Recorded:
    """Record many releases of one project at once, without events: those are the caller's. Raises InvalidFact."""
    return record_many([(project, facts)])[0]


@transaction.atomic
def record_many(entries: Sequence[tuple[Project, Sequence[ReleaseFact]]]) -> list[Recorded]:
    """Record releases of many projects, each of them named once, with about as many queries as for one.

    Returns what changed, in the order of `entries`. Raises InvalidFact, having stored nothing of any.
    """
    _lock(project.pk for project, _facts in entries)
    read = functools.cache(links.parse)
    stored = _stored(entries)
    learned = [_learn(project, facts, stored[project.pk]) for project, facts in entries]
    told = [[row for row in new + list(changed) if row.urls is not None] for new, changed in learned]
    for release in itertools.chain(*told):
        release.names_boundary = sightings.names_boundary(release, read)
    Release.objects.bulk_create([row for new, _changed in learned for row in new])
    changed_rows = [row for _new, changed in learned for row in changed]
    Release.objects.bulk_update(changed_rows, ["urls", "uploaded_at", "deleted_at", "names_boundary"])
    files = _add_files(entries, stored)
    _add_about(entries, stored)
    found = {}
    for (project, _facts), (_new, changed), rows in zip(entries, learned, told, strict=True):
        if any("uploaded_at" in fields for fields in changed.values()):
            _rebuild_links(project, read)
        else:
            found[project.pk] = sightings.fold(rows, read)
    _store_links(found)
    done = [
        Recorded(
            tuple(release.version for release in new),
            files[project.pk],
            len(changed),
            sum("deleted_at" in fields for fields in changed.values()),
        )
        for (project, _facts), (new, changed) in zip(entries, learned, strict=True)
    ]
    touch(*(project for (project, _facts), one in zip(entries, done, strict=True) if one.tag()))
    return done


def touch(*projects: Project) -> None:
    """Note that the index shows something else of these projects now. The caller has their rows.

    A serial is also a time (milliseconds since 1970), so that a database restored from a backup does not give out for
    other content the serials it gave before.
    """
    if projects:
        now = int(database_now().timestamp() * 1000)
        changed = Project.objects.filter(pk__in=[project.pk for project in projects])
        changed.update(serial=Greatest(F("serial") + 1, Value(now)))


def reread_links(host: str) -> int:
    """Read every stored link again that a change of the code host `host` (with its port, if odd) may concern.

    Returns the number of projects where that changed a link or a release. One transaction per project.
    """
    concerned = Q(host=host)
    for spelling in _spellings(host):
        concerned |= Q(url__icontains=spelling)
    ids = list(RepositoryLink.objects.filter(concerned).order_by().values_list("project_id", flat=True).distinct())
    read = functools.cache(links.parse)
    return sum(_reread(project_id, read) for project_id in ids)


def reread_all() -> Iterator[bool]:
    """Read every link of every project again, as after an update that reads them in another way.

    Yields for each project whether that changed a link or a release. One transaction per project.
    """
    read = functools.cache(links.parse)
    with_links = Release.objects.filter(project=OuterRef("pk"), urls__isnull=False)
    for project_id in Project.objects.filter(Exists(with_links)).order_by("pk").values_list("pk", flat=True).iterator():
        yield _reread(project_id, read)


def _lock(ids: Iterable[int]) -> None:
    """Take the projects' rows: whatever is recorded about one project is recorded one after the other."""
    list(Project.objects.select_for_update().filter(pk__in=list(ids)).order_by("pk").values_list("pk"))


def _stored(entries: Sequence[tuple[Project, Sequence[ReleaseFact]]]) -> dict[int, dict[str, Release]]:
    """The releases we have already, by project and version."""
    found: dict[int, dict[str, Release]] = {project.pk: {} for project, _facts in entries}
    versions = {fact.version for _project, facts in entries for fact in facts}
    for row in Release.objects.filter(project__in=found, version__in=versions):
        found[row.project_id][row.version] = row
    return found


def _learn(
    project: Project, facts: Sequence[ReleaseFact], stored: dict[str, Release]
) -> tuple[list[Release], dict[Release, set[str]]]:
    """Put the facts into new rows (added to `stored`) or known ones; return the new and what changed in the others."""
    new: list[Release] = []
    changed: dict[Release, set[str]] = {}
    for fact in facts:
        if release := stored.get(fact.version):
            if fields := _improve(release, fact):
                changed.setdefault(release, set()).update(fields)
            continue
        urls = None if fact.urls is None else [list(pair) for pair in fact.urls]
        release = Release(
            project=project,
            version=fact.version,
            uploaded_at=fact.uploaded_at,
            deleted_at=fact.deleted_at,
            urls=urls,
            opened_by=fact.opened_by,
        )
        new.append(release)
        stored[fact.version] = release
    return new, changed


def _improve(release: Release, fact: ReleaseFact) -> set[str]:
    """Learn what was unknown: links told for the same or an earlier time, an earlier upload, a deletion."""
    fields = set()
    if release.urls is None and fact.urls is not None and fact.uploaded_at <= release.uploaded_at:
        release.urls = [list(pair) for pair in fact.urls]
        fields.add("urls")
    if fact.uploaded_at < release.uploaded_at:
        release.uploaded_at = fact.uploaded_at
        fields.add("uploaded_at")
    if fact.deleted_at is not None and release.deleted_at is None:
        release.deleted_at = fact.deleted_at
        fields.add("deleted_at")
    return fields


def _add_files(
    entries: Sequence[tuple[Project, Sequence[ReleaseFact]]], stored: dict[int, dict[str, Release]]
) -> dict[int, tuple[str, ...]]:
    """Store the files that are new and return their names by project; the others must be what we have."""
    told = [(project.pk, fact.version, file) for project, facts in entries for fact in facts for file in fact.files]
    known = File.objects.in_bulk([file.filename for _project, _version, file in told], field_name="filename")
    new: dict[int, list[File]] = {project.pk: [] for project, _facts in entries}
    for project_id, version, file in told:
        release = stored[project_id][version]
        if row := known.get(file.filename):
            _check_same(row, file, release)
        else:
            known[file.filename] = row = File(release=release, **asdict(file))
            new[project_id].append(row)
    File.objects.bulk_create([row for rows in new.values() for row in rows])
    return {project_id: tuple(row.filename for row in rows) for project_id, rows in new.items()}


def _add_about(entries: Sequence[tuple[Project, Sequence[ReleaseFact]]], stored: dict[int, dict[str, Release]]) -> None:
    """Store what releases say about themselves; who came first is believed."""
    told = {
        stored[project.pk][fact.version].pk: fact.about
        for project, facts in entries
        for fact in reversed(facts)
        if fact.about is not None
    }
    if told:
        rows = [About(release_id=pk, **asdict(about)) for pk, about in told.items()]
        About.objects.bulk_create(rows, ignore_conflicts=True)


def _check_same(row: File, file: FileFact, release: Release) -> None:
    if row.release_id != release.pk:
        raise InvalidFact(_("the file %(name)s belongs to another release") % {"name": file.filename})
    if row.sha256 != file.sha256:
        raise InvalidFact(_("the file %(name)s is known with another SHA-256") % {"name": file.filename})


def _store_links(found: dict[int, dict[sightings.Key, sightings.Sighting]], *, replace: bool = False) -> int:
    """Bring the links of projects (their ids) up to `found`, joined with what is stored or in its place.

    Returns how many changed.
    """
    wanted = {(project_id, *key): one for project_id, ones in found.items() for key, one in ones.items()}
    if not (wanted or replace):
        return 0
    rows = RepositoryLink.objects.filter(project__in=found).select_related("first_release", "last_release")
    stored = {(row.project_id, row.kind, row.url): row for row in rows}
    new: list[RepositoryLink] = []
    changed: list[RepositoryLink] = []
    for key, sighting in wanted.items():
        link = stored.get(key) or RepositoryLink(project_id=key[0], kind=key[1], url=key[2])
        whole = sightings.of_link(link).joined(sighting) if link.pk and not replace else sighting
        if sightings.write(whole, link):
            (changed if link.pk else new).append(link)
    gone = [row.pk for key, row in stored.items() if replace and key not in wanted]
    RepositoryLink.objects.filter(pk__in=gone).delete()
    RepositoryLink.objects.bulk_update(changed, RepositoryLink.SUMMARY)
    RepositoryLink.objects.bulk_create(new)
    return len(new) + len(changed) + len(gone)


def _rebuild_links(project: Project, read: sightings.Reader) -> int:
    """Sum up all releases of the project anew."""
    releases = project.releases.filter(urls__isnull=False)
    return _store_links({project.pk: sightings.fold(releases, read)}, replace=True)


@transaction.atomic
def _reread(project_id: int, read: sightings.Reader) -> bool:
    _lock([project_id])
    project = Project.objects.get(pk=project_id)
    changed = []
    for release in project.releases.filter(urls__isnull=False):
        named, release.names_boundary = release.names_boundary, sightings.names_boundary(release, read)
        if release.names_boundary != named:
            changed.append(release)
    Release.objects.bulk_update(changed, ["names_boundary"])
    return bool(_rebuild_links(project, read) or changed)


def _spellings(host: str) -> set[str]:
    """The ways a URL may write a host: without its port, and decoded where it is an international name."""
    bare = host.rsplit(":", 1)[0] if host.rsplit(":", 1)[-1].isdigit() else host
    with contextlib.suppress(UnicodeError):
        return {bare, bare.encode("ascii").decode("idna")}
    return {bare}
