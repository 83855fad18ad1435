"""What is staged, and what that means for the next upload. Questions only."""

import hashlib
import json
from collections.abc import Iterable

from django.db.models import Q, QuerySet
from packaging.version import InvalidVersion, Version

from recoverydesk.projects import guards, people
from recoverydesk.projects.guard_levels import OFF, TWO_STEP
from recoverydesk.projects.models import Project, Role
from recoverydesk.staging.models import StagedFile, StagedRelease

State = StagedRelease.State


def waiting() -> QuerySet[StagedRelease]:
    """Staged releases that nobody published or discarded and whose time is not over."""
    return StagedRelease.objects.filter(state=State.STAGED)


def of_version(project: Project, version: Version | None) -> StagedRelease | None:
    """The staged release of this version in any spelling (PEP 440). One query."""
    return next((row for row in waiting().filter(project=project) if _is(row.version, version)), None)


def _is(text: str, version: Version | None) -> bool:
    try:
        return Version(text) == version
    except InvalidVersion:
        return False


def known_file(filename: str, sha256: str) -> StagedFile | None:
    """The staged file that has this name, else one that has these bytes. One query."""
    rows = StagedFile.objects.select_related("release__project").filter(
        Q(filename=filename) | Q(sha256=sha256), live=True
    )
    return min(rows, key=lambda row: row.filename != filename, default=None)


def is_staging(project: Project) -> bool:
    """Whether what is uploaded now is staged."""
    return guards.value(project, TWO_STEP) != OFF or after_recovery(project)


def after_recovery(project: Project) -> bool:
    """Whether somebody of a critical project was recovered: an account is in quarantine, or the role of an owner rests.

    Then nobody's upload is published at once. Which of them the thief has, if there is one, is not known yet.
    """
    if not project.critical:
        return False
    resting = Role.objects.filter(
        project=project, kind=Role.Kind.OWNER, accepted_at__isnull=False, held_at__isnull=False
    )
    return bool(people.in_quarantine(project)) or resting.exists()


def shown(files: Iterable[StagedFile]) -> str:
    """What stands for these very files: a digest of their names and bytes."""
    named = sorted((file.filename, file.sha256) for file in files)
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()
