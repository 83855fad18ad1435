"""The clients people use, or a skip where they cannot be had."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.upload.clients.environments import Program, environment_of


@pytest.fixture(scope="session")
def program() -> Program:
    """Find a client's program; the test is skipped where its environment cannot be made."""

    def find(client: str) -> Path:
        try:
            return environment_of(client) / client
        except (subprocess.SubprocessError, OSError):
            if os.environ.get("REQUIRE_CLIENTS", "") not in ("", "0"):
                raise
            pytest.skip("the upload clients cannot be installed here (REQUIRE_CLIENTS=1 makes that a failure)")

    return find
