"""Projects as they were published, and documents of them as the PyPI JSON API writes them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from accounts.models import User
from recoverydesk.projects import services
from recoverydesk.projects.models import Project, Release, RepositoryLink, Role
from tests.helpers.files import ROOT

DOCUMENTS = sorted((ROOT / "tests" / "data" / "projects").glob("*.json"))
MakeUser = Callable[[str], User]
MakeProject = Callable[[str], Project]
Publish = Callable[..., Release]


def day(text: str) -> datetime:
    """Return noon UTC of an ISO date."""
    return datetime.fromisoformat(f"{text}T12:00:00").replace(tzinfo=UTC)


def links_of(project: Project) -> set[tuple[Any, ...]]:
    """Everything the link rows of a project say, without their ids."""
    rows = RepositoryLink.objects.filter(project=project).values_list(
        "kind",
        "label",
        "url",
        "host",
        "namespace",
        "repository",
        "first_seen",
        "first_release__version",
        "last_seen",
        "last_release__version",
    )
    return set(rows)


def named_by(project: Project) -> set[tuple[str, str, str]]:
    """The repositories a project's links name."""
    return set(project.links.counting().values_list("host", "namespace", "repository"))


def own(user: User, project: Project, since: str = "2020-01-01", kind: str = "owner") -> Role:
    """Give a role that was accepted on the day it was given."""
    return services.add_role(user, project, kind, actor="system", created_at=day(since))


def file_row(filename: str, uploaded: str | None = "2024-05-01T12:00:00Z", **changes: Any) -> dict[str, Any]:
    """One entry of `urls` or `releases` as the PyPI JSON API writes it."""
    row = {
        "filename": filename,
        "packagetype": "sdist",
        "size": 7,
        "digests": {"sha256": "0" * 64},
        "yanked": False,
        "upload_time_iso_8601": uploaded,
    }
    return row | changes


def document(name: str = "spam", version: str = "1.0", **changes: Any) -> dict[str, Any]:
    """A whole document of one release that names github.com/ada/spam."""
    info = {"name": name, "version": version, "project_urls": {"Source": "https://github.com/ada/spam"}}
    return {"info": info, "urls": [file_row(f"{name}-{version}.tar.gz")]} | changes
