"""What the tests of running processes share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import servers


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[servers.Redis]:
    """A Redis of the test's own."""
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server")
    server = servers.Redis(tmp_path)
    yield server
    server.stop()
