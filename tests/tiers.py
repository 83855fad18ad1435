"""The two tiers: everything where THOROUGH=1 (`make test-all`), else (`make test`) a fixed sample of the long loops.

`@pytest.mark.thorough` leaves a whole test to `make test-all`. A loop that is too long for every save runs over
`spread(everything, 12)`, or `times(10_000, fast=500)` times.

A test of the fast tier takes little of its own process's time. `MOST_CPU=2` (`.ci/run`) fails one that takes more
seconds: mark it, or let it look at a sample.
"""

import os
import time
from collections.abc import Generator, Iterable
from random import Random
from typing import TypeVar

import pytest

T = TypeVar("T")
THOROUGH = os.environ.get("THOROUGH", "") not in ("", "0")
MOST_CPU = float(os.environ.get("MOST_CPU") or "inf")  # seconds


def spread(everything: Iterable[T], most: int, *, seed: str = "") -> list[T]:
    """All of it; in the fast tier so many from everywhere in it, in order: the same ones in every run."""
    whole = list(everything)
    if THOROUGH or len(whole) <= most:
        return whole
    return [whole[place] for place in sorted(Random(seed).sample(range(len(whole)), most))]


def times(all_of_them: int, *, fast: int) -> int:
    """How often to try something at random."""
    return all_of_them if THOROUGH else fast


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The fast tier runs nothing that is marked thorough."""
    left_out = [] if THOROUGH else [item for item in items if item.get_closest_marker("thorough")]
    if left_out:
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Fail a test that took too much processor time: its own, not what the machine was busy with besides."""
    before = time.process_time()
    yield
    spent = time.process_time() - before
    if spent > MOST_CPU:
        pytest.fail(f"{spent:.1f} s of processor time, over {MOST_CPU:g}: see tests/tiers.py", pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tier this was."""
    tier = "everything" if THOROUGH else "the fast one; THOROUGH=1 or `make test-all` for everything"
    terminalreporter.write_line(f"tier: {tier}")
