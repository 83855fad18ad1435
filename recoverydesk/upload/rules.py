"""Who may upload what where. Asked once before an archive is read, and again under the project's lock."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now
from packaging.version import InvalidVersion, Version

from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import names, services
from recoverydesk.projects.archives.distribution import SDIST, Distribution
from recoverydesk.projects.models import File, Project, Release, Role
from recoverydesk.upload import naming
from recoverydesk.upload.answers import UploadRefused, too_often_for_now
from tokens import caveats

MOST_NEW_PROJECTS = 20  # per user and hour
WINDOW = timedelta(hours=1)


@dataclass(frozen=True)
class Target:
    """Where an upload leads: a project (None: it would be new), and in it a release (None: likewise)."""

    name: str
    project: Project | None
    release: Release | None
    newest: str | None

    def facts(self) -> caveats.Project:
        """The project in plain values, for the token's caveats."""
        return caveats.Project(names.normalize(self.name), self.project.uid if self.project else None)

    def release_facts(self, version: str) -> caveats.Release:
        """The release in plain values."""
        if self.release is None:
            return caveats.Release(version, self.newest)
        return caveats.Release(version, self.newest, self.release.uploaded_at, self.release.opened_by)


def target(name: str, version: Version | None) -> Target:
    """Find project and release of any spelling (PEP 503, PEP 440), in two or three queries."""
    project = Project.objects.filter(normalized_name=names.normalize(name)).first() if names.is_valid(name) else None
    if project is None:
        return Target(name, None, None, None)
    known = dict(_parsed(project.releases.values_list("id", "version")))
    newest = max(known.values(), default=None)
    found = next((pk for pk, one in known.items() if one == version), None)
    release = Release.objects.get(pk=found) if found else None
    return Target(name, project, release, str(newest) if newest else None)


def _parsed(rows: Iterable[tuple[int, str]]) -> Iterable[tuple[int, Version]]:
    """Leave out versions nobody can compare."""
    for pk, text in rows:
        try:
            yield pk, Version(text)
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
    return None


def _check_new(user: User, name: str) -> None:
    if not names.is_valid(name):
        raise UploadRefused(400, f"The name {name[:100]!r} isn't allowed.")
    if alike := Project.objects.looking_like(name).first():
        raise UploadRefused(400, f"The name {name!r} is too similar to an existing project: {alike.name!r}.")
    if services.in_quarantine(user):
        raise UploadRefused(403, f"User '{user.username}' was recovered lately and cannot make projects for some days.")
    made = Event.objects.filter(actor_uid=user.uid, tag=Tag.PROJECT_CREATE, time__gt=Now() - WINDOW)
    times = list(made.order_by("-time").values_list("time", flat=True)[:MOST_NEW_PROJECTS])
    if len(times) == MOST_NEW_PROJECTS:
        wait = times[-1] + WINDOW - database_now()
        raise too_often_for_now(max(1, math.ceil(wait.total_seconds())), "Too many new projects created.")


def known_file(filename: str, sha256: str) -> File | None:
    """The file that has this name, else one that has these bytes."""
    rows = File.objects.select_related("release")
    return rows.filter(filename=filename).first() or rows.filter(sha256=sha256).first()


def is_repeated(where: Target, row: File | None, filename: str, sha256: str) -> bool:
    """True when this very file is here already. Raises UploadRefused where its name or its bytes are another file's."""
    if row is None:
        return False
    same_name = row.filename == filename
    if same_name and row.release.deleted_at:
        gone = "This filename was previously used by a file that has since been deleted. Use a different version."
        raise UploadRefused(400, gone)
    own = where.project is not None and row.release.project_id == where.project.pk
    if same_name and own and row.sha256 == sha256:
        return True
    raise UploadRefused(400, f"File already exists ({row.filename!r}, with sha256 hash '{row.sha256}').")


def check_release(where: Target, named: Distribution) -> None:
    """A release takes one sdist, and files for some days only, each in one spelling. Raises UploadRefused."""
    release = where.release
    if release is None:
        return
    if release.deleted_at:
        raise UploadRefused(400, "This release was deleted. Use a different version.")
    others = dict(release.files.values_list("filename", "packagetype"))
    if named.packagetype == SDIST and SDIST in others.values():
        raise UploadRefused(400, "Only one sdist may be uploaded per release.")
    days = settings.UPLOAD_RELEASE_OPEN_DAYS
    if database_now() - release.uploaded_at >= timedelta(days=days):
        raise UploadRefused(400, f"Uploading new files to releases older than {days} days is not allowed.")
    naming.check_spelling(named, others)


def replaced(where: Target, filename: str) -> list[str]:
    """Return the wheels of the release that installers leave for this one, by name."""
    return naming.replaced(filename, where.release.files.values_list("filename", flat=True)) if where.release else []
