"""Is there a release above this version? The order is that of PEP 440."""

from collections.abc import Iterable

from packaging.version import InvalidVersion, Version

from recoverydesk.projects.models import Project


def highest_above(version: Version, offered: Iterable[Version]) -> Version | None:
    """The highest release above this one: a final release is compared with final releases alone, as installers do."""
    rivals = (one for one in offered if one > version and (version.is_prerelease or not one.is_prerelease))
    return max(rivals, default=None)


def above(project: Project, version: str) -> Version | None:
    """The highest release of the project above this version that is neither yanked nor deleted. One query."""
    texts = project.releases.filter(yanked=False, deleted_at=None).values_list("version", flat=True)
    own = _read(version)
    return highest_above(own, filter(None, map(_read, texts))) if own else None


def _read(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
