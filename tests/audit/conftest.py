"""Fixtures of the audit log's tests."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest


@dataclass
class Somebody:
    """All the log asks of an account."""

    username: str
    uid: UUID = field(default_factory=uuid4)


@pytest.fixture
def ada() -> Somebody:
    return Somebody("ada")


@pytest.fixture
def kim() -> Somebody:
    return Somebody("kim")


@pytest.fixture(autouse=True)
def _own_checkpoints(settings: Any, tmp_path: Path) -> None:
    """Checkpoints outlive the rolled-back databases of other tests; each of ours begins with none."""
    settings.VAR_DIR = tmp_path
