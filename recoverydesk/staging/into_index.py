"""The last step of a staged release: what the index must allow, the bytes into their place, the rows of projects."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db.models import Q

from accounts.models import User
from audit.log import RequestOrigin
from common.clock import database_now
from recoverydesk.projects import files, guards, newer, services
from recoverydesk.projects.files import METADATA
from recoverydesk.projects.guard_levels import NEWER_VERSIONS, OFF
from recoverydesk.projects.models import File, Project, Release
from recoverydesk.projects.published import AboutFact, FileFact
from recoverydesk.staging import errors
from recoverydesk.staging.models import StagedFile, StagedRelease

CLOSED = (Project.Status.ARCHIVED, Project.Status.QUARANTINED)  # to files (PEP 792)


def check(staged: StagedRelease, rows: Iterable[StagedFile]) -> None:
    """What may have happened to project and index since the files were judged. Raises StagingError."""
    if staged.project.status in CLOSED:
        raise errors.ProjectShut
    release = Release.objects.filter(project=staged.project, version=staged.version).first()
    if release and (release.deleted_at or database_now() - release.uploaded_at >= still_open()):
        raise errors.ReleaseShut
    if guards.value(staged.project, NEWER_VERSIONS) != OFF and newer.above(staged.project, staged.version):
        raise errors.NotNewest
    same = Q(filename__in=[row.filename for row in rows]) | Q(sha256__in=[row.sha256 for row in rows])
    if File.objects.filter(same).exists():
        raise errors.Taken


def still_open() -> timedelta:
    """How long a release takes more files; for ever where the site closes none."""
    days = settings.UPLOAD_RELEASE_OPEN_DAYS
    return timedelta(days=days) if days else timedelta.max


def _copied(row: StagedFile, made: list[str]) -> str:
    """Copy a file to its place in the index, hash what was copied, and return the place. Raises FileChanged."""
    try:
        content = files.copy_stored(row.stored_as, row.filename)
        metadata = _metadata(row) if row.metadata_sha256 else b""
    except FileNotFoundError as error:
        raise errors.FileChanged from error
    try:
        if content.digest("sha256") != row.sha256:
            raise errors.FileChanged
        made += files.keep(content, metadata)
    finally:
        content.close()
    return files.stored_name(row.filename, row.sha256)


def _metadata(row: StagedFile) -> bytes:
    content = files.copy_stored(row.stored_as + METADATA, row.filename)
    try:
        if content.digest("sha256") != row.metadata_sha256:
            raise errors.FileChanged
        return content.bytes.read()
    finally:
        content.close()


def publish(
    staged: StagedRelease, rows: list[StagedFile], made: list[str], *, actor: User, origin: RequestOrigin | None
) -> None:
    """Put these files into the index; `made` gets the names that are new in the storage.

    Raises FileChanged, and InvalidFact for what an import made impossible since.
    """
    places = [_copied(row, made) for row in rows]
    now = database_now()
    first = rows[0]
    facts = [
        FileFact(
            filename=row.filename, packagetype=row.packagetype, size=row.size, sha256=row.sha256, uploaded_at=now,
            requires_python=row.requires_python, stored_as=place, metadata_sha256=row.metadata_sha256,
        )
        for row, place in zip(rows, places, strict=True)
    ]  # fmt: skip
    known = Release.objects.filter(project=staged.project, version=staged.version).first()
    services.record_release(
        staged.project, version=staged.version, uploaded_at=known.uploaded_at if known else now,
        urls=[(label, url) for label, url in first.urls],
        about=AboutFact(**{**first.about, "requires": tuple(first.about["requires"])}),
        files=facts, uploader=actor, origin=origin, token=staged.opened_by,
    )  # fmt: skip
