"""Fixtures for who uploads: a storage of the test's own, a token, and an uploader that sends what twine would send."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from tests.helpers import packages
from tests.helpers.packages import Send
from tests.helpers.tokens import basic, mint


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> Path:
    """A storage of this test's own."""
    settings.MEDIA_ROOT = tmp_path / "files"
    return tmp_path / "files"


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
