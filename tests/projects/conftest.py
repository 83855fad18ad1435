"""Fixtures of the projects' tests: accounts, projects, and a way to say what was published when."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from recoverydesk.projects import services
from recoverydesk.projects.models import Project, Release
from tests.helpers import factories
from tests.helpers.projects import (
    MakeProject,
    MakeUser,
    Publish,
    day,
)


@pytest.fixture
def make_user(db: None) -> MakeUser:
    return factories.make_user


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


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Any], Path]:
    """Write a file: bytes as they are, anything else as JSON."""

    def make(name: str, content: Any) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return make
