"""Fixtures of the audit log's tests."""

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.sealed import Somebody


@pytest.fixture
def who() -> Somebody:
    """Ada, as the log knows her."""
    return Somebody("ada")


@pytest.fixture
def kim() -> Somebody:
    return Somebody("kim")


@pytest.fixture(autouse=True)
def _own_checkpoints(settings: Any, tmp_path: Path) -> None:
    """Checkpoints outlive the rolled-back databases of other tests; each of ours begins with none."""
    settings.VAR_DIR = tmp_path
