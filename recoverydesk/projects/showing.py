"""What everybody may read of a project: its releases, and of one of them the text, the files and what it needs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from packaging.version import InvalidVersion, Version

from recoverydesk.projects.models import About, File, Project, Release

ON_A_PAGE = 20  # releases
MOST_FILES = 100


@dataclass(frozen=True)
class Listed:
    """One line of the list of releases."""

    pk: int
    version: str
    uploaded_at: datetime
    yanked: bool
    final: bool


@dataclass(frozen=True)
class Shown:
    """One release with at most MOST_FILES of its `number` files; `about` has no row where nobody told us."""

    release: Release
    about: About
    files: list[File]
    number: int

    @property
    def requires_python(self) -> str:
        return next((file.requires_python for file in self.files if file.requires_python), "")


def releases(project: Project) -> list[Listed]:
    """Return the releases that are there, the highest version first; what is no version comes last. One query."""
    rows = project.releases.filter(deleted_at=None).values_list("pk", "version", "uploaded_at", "yanked")
    found = [(_order(row[1]), Listed(*row, final=_is_final(row[1]))) for row in rows]
    return [listed for _order, listed in sorted(found, key=lambda one: one[0], reverse=True)]


def newest(listed: Iterable[Listed]) -> Listed | None:
    """Return the first release that is neither a pre-release nor yanked; else the first not yanked, or the first."""
    rows = list(listed)
    here = [row for row in rows if not row.yanked] or rows
    return next((row for row in here if row.final), here[0] if here else None)


def page(listed: list[Listed], number: str) -> Page[Listed]:
    """Return that page of the list; the nearest there is."""
    return Paginator(listed, ON_A_PAGE).get_page(number)


def read(pk: int) -> Shown:
    """Read one release. Four queries at most."""
    release = Release.objects.get(pk=pk)
    rows = release.files.filter(deleted_at=None).order_by("-packagetype", "filename")
    files = list(rows[: MOST_FILES + 1])
    number = rows.count() if len(files) > MOST_FILES else len(files)
    about = About.objects.filter(pk=pk).first() or About(release=release, html="")
    return Shown(release, about, files[:MOST_FILES], number)


def _order(version: str) -> tuple[bool, Any]:
    try:
        return True, Version(version)
    except InvalidVersion:
        return False, version


def _is_final(version: str) -> bool:
    parsed, value = _order(version)
    return parsed and not value.is_prerelease
