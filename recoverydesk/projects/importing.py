"""Imports what a registry published: one document, one transaction."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from django.db import DataError, IntegrityError, transaction
from django.db.models import Min
from django.utils.translation import gettext as _
from packaging.version import InvalidVersion, Version

from accounts.models import User
from audit.log import record
from audit.tags import Tag
from recoverydesk.projects import documents, files, names, reading, services
from recoverydesk.projects.archives import distribution, metadata
from recoverydesk.projects.archives.limits import InvalidArchive
from recoverydesk.projects.models import File, Project, Role

ACTOR = "system"
VERSIONS_IN_EVENT = 20
BATCH = 100  # documents
BATCH_BYTES = 2**22
REFUSALS = (services.InvalidFact, services.RoleError, InvalidArchive)
T = TypeVar("T")


@dataclass(frozen=True)
class Imported:
    """What one document changed. `unplaced` counts releases without a file, hence without a time: not imported."""

    name: str
    projects: int = 0
    releases: int = 0
    files: int = 0
    improved: int = 0
    roles: int = 0
    unplaced: int = 0


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What became of one document: `done`, or the `problem` for which nothing of it was stored."""

    path: Path
    line: int | None
    size: int
    done: T | None = None
    problem: str = ""

    @property
    def place(self) -> str:
        """The file, and the line where the file has one document per line."""
        return str(self.path) if self.line is None else _("%(path)s, line %(line)s") % vars(self)


class NotTogether(Exception):
    """These documents cannot be stored at once; one after the other they may."""


def import_document(document: Any, *, owner: User | None = None, uploaded_at: datetime | None = None) -> Imported:
    """Store what one document of the PyPI JSON API says and nobody told us yet; a second time changes nothing.

    `uploaded_at` overrides the document's times; `owner` becomes an owner since the project's first upload.
    Raises InvalidFact or RoleError, having stored nothing.
    """
    return import_documents([document], owner=owner, uploaded_at=uploaded_at)[0]


@transaction.atomic
def import_documents(
    batch: Sequence[Any], *, owner: User | None = None, uploaded_at: datetime | None = None
) -> list[Imported]:
    """Do as import_document for many, with about as many queries as for one; all of it or nothing.

    Raises NotTogether where two are about one project, and like import_document.
    """
    facts = [documents.read_document(document, uploaded_at) for document in batch]
    if len({names.normalize(one.name) for one in facts}) < len(facts):
        raise NotTogether
    projects = services.ensure_projects([one.name for one in facts], actor=ACTOR)
    recorded = services.record_many(
        [(project, one.releases) for (project, _created), one in zip(projects, facts, strict=True)]
    )
    found = []
    for (project, created), one, done in zip(projects, facts, recorded, strict=True):
        _record_event(project, done)
        given = owner is not None and _give(owner, project)
        counts = len(done.releases), len(done.files), done.improved, given, len(one.unplaced)
        found.append(Imported(project.name, created, *counts))
    return found


@transaction.atomic
def import_file(
    path: Path, *, owner: User | None = None, uploaded_at: datetime | None = None, keep: bool = True
) -> Imported:
    """Store one wheel or sdist as if it had been uploaded at `uploaded_at`; a second time changes nothing.

    The archive is read by the code that reads uploads; its bytes go to the storage unless `keep` is off.
    Raises InvalidArchive, InvalidFact, RoleError or OSError.
    """
    if uploaded_at is None:
        raise services.InvalidFact(_("%(name)s has no upload time; give --uploaded-at") % {"name": path.name})
    named = distribution.parse(path.name)
    with contextlib.closing(files.copy(path)) as content:
        found = distribution.inspect(content.bytes, content.length, named)
        told = metadata.described(found.raw)
        fact = _file_fact(content, found, told, uploaded_at)
        project, created = services.ensure_project(told.name, actor=ACTOR)
        release = services.ReleaseFact(
            _version_of(project, told.version), uploaded_at, told.links, (fact,), about=told.about
        )
        done = services.record_releases(project, [release])
        kept = {"stored_as": fact.stored_as, "metadata_sha256": fact.metadata_sha256}
        if File.objects.filter(filename=fact.filename, stored_as="").update(**kept):
            services.touch(project)
        if keep:
            files.keep(content, found.metadata)
    _record_event(project, done)
    given = owner is not None and _give(owner, project)
    return Imported(project.name, created, len(done.releases), len(done.files), done.improved, given)


def _file_fact(
    content: files.Incoming, found: distribution.Contents, told: metadata.Described, uploaded_at: datetime
) -> services.FileFact:
    named, sha256 = found.distribution, content.digest("sha256")
    return services.FileFact(
        filename=named.filename,
        packagetype=named.packagetype,
        size=content.length,
        sha256=sha256,
        uploaded_at=uploaded_at,
        requires_python=told.requires_python,
        stored_as=files.stored_name(named.filename, sha256),
        metadata_sha256=found.metadata_sha256,
    )


def _version_of(project: Project, version: Version) -> str:
    """Return the spelling under which the project has this version already, or the normal one."""
    for text in project.releases.values_list("version", flat=True):
        with contextlib.suppress(InvalidVersion):
            if Version(text) == version:
                return text
    return str(version)


def _record_event(project: Project, done: services.Recorded) -> None:
    if done.releases or done.files or done.improved:
        record(
            Tag.PROJECT_RELEASE_ADD,
            actor=ACTOR,
            project=project,
            source="import",
            releases=len(done.releases),
            files=len(done.files),
            improved=done.improved,
            versions=list(done.releases[:VERSIONS_IN_EVENT]),
        )


def _give(owner: User, project: Project) -> bool:
    since = project.releases.aggregate(first=Min("uploaded_at"))["first"]
    return services.ensure_role(owner, project, Role.Kind.OWNER, actor=ACTOR, created_at=since)


def outcomes(
    paths: Iterable[Path],
    take: Callable[[Any], T],
    take_file: Callable[[Path], T] | None = None,
    take_many: Callable[[Sequence[Any]], list[T]] | None = None,
) -> Iterator[Outcome[T]]:
    """Give every document of every file to `take`, and go on after those it refuses.

    Wheels and sdists go to `take_file` instead, where there is one. `take_many` takes up to BATCH documents at once;
    what it refuses `take` gets one by one.
    """
    for path in paths:
        try:
            if take_file and path.name.endswith(tuple(distribution.SUFFIXES)):
                size = path.stat().st_size
                yield _outcome(path, reading.Item(None, size, path), take_file)
                continue
            for items in _batches(reading.documents(path), BATCH if take_many else 1):
                yield from _together(path, items, take, take_many)
        except OSError as error:
            yield Outcome(path, None, 0, problem=error.strerror or str(error))


def _batches(items: Iterable[reading.Item], most: int) -> Iterator[list[reading.Item]]:
    """At most so many documents of BATCH_BYTES together; a document larger than that is a batch of its own."""
    batch: list[reading.Item] = []
    for item in items:
        if batch and (len(batch) >= most or sum(one.size for one in batch) + item.size > BATCH_BYTES):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _together(
    path: Path,
    items: Sequence[reading.Item],
    take: Callable[[Any], T],
    take_many: Callable[[Sequence[Any]], list[T]] | None,
) -> Iterator[Outcome[T]]:
    """Take the documents at once, or, where one of them is refused, each by itself."""
    done = _at_once(items, take_many) if take_many else None
    if done is None:
        yield from (_outcome(path, item, take) for item in items)
    else:
        yield from (Outcome(path, item.line, item.size, one) for item, one in zip(items, done, strict=True))


def _at_once(items: Sequence[reading.Item], take_many: Callable[[Sequence[Any]], list[T]]) -> list[T] | None:
    """None where one of the documents keeps the others from being stored."""
    if any(item.problem for item in items):
        return None
    try:
        return take_many([item.value for item in items])
    except (NotTogether, *REFUSALS, IntegrityError, DataError):
        return None


def _outcome(path: Path, item: reading.Item, take: Callable[[Any], T]) -> Outcome[T]:
    if item.problem:
        return Outcome(path, item.line, item.size, problem=item.problem)
    try:
        return Outcome(path, item.line, item.size, take(item.value))
    except REFUSALS as error:
        problem = str(error)
    except IntegrityError:
        problem = _("another program saved part of this at the same moment; import it again")
    except DataError:
        problem = _("the database refused these values; correct the file and import it again")
    return Outcome(path, item.line, item.size, problem=problem)
