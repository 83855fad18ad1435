"""One running stack for the browser tests that play a story on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import stack as stacks


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stacks.Stack]:
    """The demo with an objection window of five seconds."""
    folder: Path = tmp_path_factory.mktemp("stack")
    with stacks.running(folder, RECOVERY_OBJECTION_WINDOW="5", SWEEP_EVERY="1") as running:
        yield running
