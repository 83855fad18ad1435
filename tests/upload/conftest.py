"""An owner with a token, and an uploader that sends what twine would send."""

import base64
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from tests import factories
from tests.upload import packages
from tokens import caveats, services

Send = Callable[..., HttpResponse]


def basic(token: str, user: str = "__token__") -> str:
    return "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()


def mint(user: User, *, project: Any = None, lifetime: timedelta | None = timedelta(days=30), **options: Any) -> Any:
    """A token of the account, or of one project's row."""
    scope = caveats.Project(project.normalized_name, project.uid) if project else None
    return services.mint(user, name="test", project=scope, lifetime=lifetime, **options)


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> Path:
    """A storage of this test's own."""
    settings.MEDIA_ROOT = tmp_path / "files"
    return tmp_path / "files"


@pytest.fixture
def ada(db: None) -> User:
    """An owner who may make tokens."""
    user = factories.make_user("ada")
    factories.add_totp(user)
    return user


@pytest.fixture
def token(ada: User) -> str:
    return str(mint(ada).text)


@pytest.fixture
def send(client: Client, token: str) -> Send:
    """Upload one file; fields given by name replace or (None) remove those of the form."""

    def upload(
        filename: str, content: bytes, /, *, by: str = token, headers: Any = None, **changes: Any
    ) -> HttpResponse:
        name, version = changes.pop("of", ("sample", "1.0"))
        fields = packages.form(filename, content, name, version) | changes
        fields = {key: value for key, value in fields.items() if value is not None}
        fields.setdefault("content", SimpleUploadedFile(filename, content, "application/octet-stream"))
        return client.post("/legacy/", fields, headers={"Authorization": basic(by), **(headers or {})})  # type: ignore[return-value]

    return upload


def stored_files(storage: Path) -> list[Path]:
    """Every file below the storage, half-made ones too."""
    return sorted(path for path in storage.rglob("*") if path.is_file())
