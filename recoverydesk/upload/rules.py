"""Who may upload what where. Asked once before an archive is read, and again under the project's lock."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models.functions import Now
from packaging.version import InvalidVersion, Version

from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import guards, names, newer, services
from recoverydesk.projects.archives.distribution import SDIST, Distribution
from recoverydesk.projects.guard_levels import NEWER_VERSIONS, OFF
from recoverydesk.projects.models import File, Project, Release, Role
from recoverydesk.staging import into_index
from recoverydesk.staging import reading as staged
from recoverydesk.staging.models import StagedFile, StagedRelease
from recoverydesk.upload import naming
from recoverydesk.upload.answers import UploadRefused, too_often_for_now
from tokens import caveats

MOST_NEW_PROJECTS = 20  # per user and hour
WINDOW = timedelta(hours=1)
CLOSED = (Project.Status.ARCHIVED, Project.Status.QUARANTINED)  # to uploads (PEP 792)


@dataclass(frozen=True)
class Target:
    """Where an upload leads: a project (None: it would be new), and in it a release (None: likewise).

    `staged` are files of that version that wait to be published.
    `above` is the highest release that is offered and keeps the version from being a newer one (guards.py).
    """

    name: str
    project: Project | None
    release: Release | None
    newest: str | None
    staged: StagedRelease | None = None
    above: str | None = None

    def facts(self) -> caveats.Project:
        """The project in plain values, for the token's caveats."""
        return caveats.Project(names.normalize(self.name), self.project.uid if self.project else None)

    def release_facts(self, version: str) -> caveats.Release:
        """The release in plain values; one that is staged was opened, too."""
        if self.release is None and self.staged is not None:
            return caveats.Release(version, self.newest, self.staged.staged_at, self.staged.opened_by)
        if self.release is None:
            return caveats.Release(version, self.newest)
        return caveats.Release(version, self.newest, self.release.uploaded_at, self.release.opened_by)


def target(name: str, version: Version | None) -> Target:
    """Find project and release of any spelling (PEP 503, PEP 440), in three or four queries."""
    project = Project.objects.filter(normalized_name=names.normalize(name)).first() if names.is_valid(name) else None
    if project is None:
        return Target(name, None, None, None)
    known = list(_parsed(project.releases.values_list("id", "version", "yanked", "deleted_at")))
    newest = max((one for _pk, one, _offered in known), default=None)
    found = next((pk for pk, one, _offered in known if one == version), None)
    release = Release.objects.get(pk=found) if found else None
    above = newer.highest_above(version, (one for _pk, one, offered in known if offered)) if version else None
    return Target(
        name,
        project,
        release,
        str(newest) if newest else None,
        staged=staged.of_version(project, version),
        above=str(above) if above else None,
    )


def _parsed(rows: Iterable[tuple[int, str, bool, datetime | None]]) -> Iterable[tuple[int, Version, bool]]:
    """Id, version, and whether the release is offered; versions nobody can compare are left out."""
    for pk, text, yanked, deleted_at in rows:
        try:
            yield pk, Version(text), not (yanked or deleted_at)
        except InvalidVersion:
            continue


def check_permission(user: User, where: Target) -> None:
    """The user needs an accepted role, or may make the project. Raises UploadRefused."""
    if where.project is None:
        return _check_new(user, where.name)
    if not Role.objects.filter(user=user, project=where.project, accepted_at__isnull=False, held_at=None).exists():
        raise UploadRefused(
            403, f"The user '{user.username}' isn't allowed to upload to project '{where.project.name}'."
        )
    if where.project.status in CLOSED:
        raise UploadRefused(403, f"The project '{where.project.name}' is {where.project.status}: it takes no files.")
    return None


def _check_new(user: User, name: str) -> None:
    if not names.is_valid(name):
        raise UploadRefused(400, f"The name {name[:100]!r} isn't allowed.")
    if alike := Project.objects.looking_like(name).first():
        raise UploadRefused(400, f"The name {name!r} is too similar to an existing project: {alike.name!r}.")
    if services.in_quarantine(user):
        raise UploadRefused(403, f"The account of '{user.username}' was recovered: no new projects {_until(user)}.")
    made = Event.objects.filter(actor_uid=user.uid, tag=Tag.PROJECT_CREATE, time__gt=Now() - WINDOW)
    times = list(made.order_by("-time").values_list("time", flat=True)[:MOST_NEW_PROJECTS])
    if len(times) == MOST_NEW_PROJECTS:
        wait = times[-1] + WINDOW - database_now()
        raise too_often_for_now(max(1, math.ceil(wait.total_seconds())), "Too many new projects created.")


def _until(user: User) -> str:
    if user.quarantine_until is None:
        days = settings.QUARANTINE_AFTER_SIGN_IN.days
        return f"until {days} days after the first sign-in"
    return f"before {user.quarantine_until:%Y-%m-%d %H:%M} UTC"


def known_file(filename: str, sha256: str) -> File | None:
    """The file that has this name, else one that has these bytes."""
    rows = File.objects.select_related("release")
    return rows.filter(filename=filename).first() or rows.filter(sha256=sha256).first()


def is_staged(where: Target, row: StagedFile | None, filename: str, sha256: str) -> bool:
    """True when this very file waits to be published. Raises UploadRefused where its name or bytes are another's."""
    if row is None:
        return False
    own = where.project is not None and row.release.project_id == where.project.pk
    if own and (row.filename, row.sha256) == (filename, sha256):
        return True
    raise UploadRefused(400, f"File already exists ({row.filename!r}, staged and not published yet).")


def is_repeated(where: Target, row: File | None, filename: str, sha256: str) -> bool:
    """True when this very file is here already. Raises UploadRefused where its name or its bytes are another file's."""
    if row is None:
        return False
    same_name = row.filename == filename
    if same_name and (row.deleted_at or row.release.deleted_at):
        gone = "This filename was previously used by a file that has since been deleted. Use a different version."
        raise UploadRefused(400, gone)
    own = where.project is not None and row.release.project_id == where.project.pk
    if same_name and own and row.sha256 == sha256:
        return True
    raise UploadRefused(400, f"File already exists ({row.filename!r}, with sha256 hash '{row.sha256}').")


def check_release(where: Target, named: Distribution) -> None:
    """A release takes one sdist, and files for some days only, each in one spelling; a guard may want it to be the
    newest. Raises UploadRefused."""
    check_newer(where)
    release = where.release
    if release is not None and release.deleted_at:
        raise UploadRefused(400, "This release was deleted. Use a different version.")
    others: dict[str, str] = {}
    for files in (one.files for one in (release, where.staged) if one is not None):
        others |= dict(files.values_list("filename", "packagetype"))
    if named.packagetype == SDIST and SDIST in others.values():
        raise UploadRefused(400, "Only one sdist may be uploaded per release.")
    if release is not None and database_now() - release.uploaded_at >= into_index.still_open():
        days = settings.UPLOAD_RELEASE_OPEN_DAYS
        raise UploadRefused(400, f"Uploading new files to releases older than {days} days is not allowed.")
    naming.check_spelling(named, others)


def check_newer(where: Target) -> None:
    """The guard "newer versions only": no release that is offered is above this one. Raises UploadRefused."""
    if where.above is not None and guards.value(where.project, NEWER_VERSIONS) != OFF:
        raise UploadRefused(
            403, f"The project '{where.name}' takes newer versions only: {where.above} is there already."
        )


def replaced(where: Target, filename: str) -> list[str]:
    """Return the wheels of the release that installers leave for this one, by name."""
    if where.release is None:
        return []
    return naming.replaced(filename, where.release.files.filter(deleted_at=None).values_list("filename", flat=True))
