"""One running stack for the browser tests that play a story on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import stack as stacks


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stacks.Stack]:
    """The demo with an objection window of five seconds."""
    folder: Path = tmp_path_factory.mktemp("stack")
    with stacks.running(folder, RECOVERY_OBJECTION_WINDOW="5", SWEEP_EVERY="1") as running:
        yield running


@pytest.fixture(autouse=True)
def _no_window_stays_open(browser: Browser) -> Iterator[None]:
    """A page left open would go on asking the stack every few seconds while other tests run."""
    before = list(browser.contexts)
    yield
    for context in browser.contexts:
        if context not in before:
            context.close()
