"""What the tests of running processes share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection

from accounts.models import User
from recoverydesk.broker.folder_transport import Channel
from tests.helpers import factories
from tests.services import servers


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[servers.Redis]:
    """A Redis of the test's own."""
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server")
    server = servers.Redis(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    folders = {"data_folder_in": str(tmp_path), "data_folder_out": str(tmp_path), "control_folder": str(tmp_path / "c")}
    found = Connection("filesystem://", transport_options=folders).channel()
    assert isinstance(found, Channel)
    return found


@pytest.fixture
def ada(ada: User) -> User:
    """She has an app."""
    factories.add_totp(ada)
    return ada
