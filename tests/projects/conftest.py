"""Fixtures of the projects' tests: accounts, projects, and a way to say what was published when."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from recoverydesk.projects import services
from recoverydesk.projects.models import Project, Release, RepositoryLink, Role

DOCUMENTS = sorted((Path(__file__).parent.parent / "data" / "projects").glob("*.json"))
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


@pytest.fixture
def make_user(db: None) -> MakeUser:
    def make(username: str) -> User:
        return User.objects.create_user(username, f"{username}@example.org")

    return make


@pytest.fixture
def ada(make_user: MakeUser) -> User:
    return make_user("ada")


@pytest.fixture
def kim(make_user: MakeUser) -> User:
    return make_user("kim")


@pytest.fixture
def make_project(db: None) -> MakeProject:
    def make(name: str) -> Project:
        return services.ensure_project(name, actor="system")[0]

    return make


@pytest.fixture
def spam(make_project: MakeProject) -> Project:
    return make_project("spam")


@pytest.fixture
def publish() -> Publish:
    """Record a release: publish(project, "1.0", "2024-05-01", Source="https://…")."""

    def record(project: Project, version: str, on: str, **links: str) -> Release:
        return services.record_release(project, version=version, uploaded_at=day(on), urls=list(links.items()))

    return record


def own(user: User, project: Project, since: str = "2020-01-01", kind: str = "owner") -> Role:
    """Give a role that was accepted on the day it was given."""
    return services.add_role(user, project, kind, actor="system", created_at=day(since))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Any], Path]:
    """Write a file: bytes as they are, anything else as JSON."""

    def make(name: str, content: Any) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return make


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
