"""The two tiers: everything where THOROUGH=1 (`make test-all`), else (`make test`) a fixed sample of the long loops.

`@pytest.mark.thorough` leaves a whole test to `make test-all`. A parametrized test that uses the database leaves it all
but `MOST_CASES` of its cases. A loop that is too long for every save runs over `spread(everything, 12)`, or
`times(10_000, fast=500)` times.

A test of the fast tier takes little of its own process's time. `MOST_CPU=2` (`.ci/run`) fails one that takes more
seconds of a machine as fast as `YARDSTICK` says: mark it, or let it look at a sample.
"""

import hashlib
import os
import time
from collections import defaultdict
from collections.abc import Generator, Iterable
from random import Random
from typing import TypeVar

import pytest

T = TypeVar("T")
THOROUGH = os.environ.get("THOROUGH", "") not in ("", "0")
MOST_CPU = float(os.environ.get("MOST_CPU") or "inf")  # seconds
YARDSTICK = 0.025  # seconds that `_yardstick` takes of the processor time of a machine that is not slow
MOST_CASES = 8  # of a parametrized test that uses the database
DATABASE = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


def spread(everything: Iterable[T], most: int, *, seed: str = "") -> list[T]:
    """All of it; in the fast tier so many from everywhere in it, in order: the same ones in every run."""
    whole = list(everything)
    return whole if THOROUGH else _some(whole, most, seed)


def _some(whole: list[T], most: int, seed: str) -> list[T]:
    if len(whole) <= most:
        return whole
    return [whole[place] for place in sorted(Random(seed).sample(range(len(whole)), most))]


def times(all_of_them: int, *, fast: int) -> int:
    """How often to try something at random."""
    return all_of_them if THOROUGH else fast


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Most cases of a long parametrized test are thorough. The fast tier runs nothing that is marked so."""
    for name, cases in _by_test(items).items():
        some = set(_some(cases, MOST_CASES, name))
        for case in set(cases) - some:
            case.add_marker("thorough")
    left_out = [] if THOROUGH else [item for item in items if item.get_closest_marker("thorough")]
    if left_out:
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)


def _by_test(items: list[pytest.Item]) -> dict[str, list[pytest.Item]]:
    """The cases of each test that uses the database, in order."""
    found: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("django_db") or DATABASE & set(getattr(item, "fixturenames", ())):
            found[item.nodeid.partition("[")[0]].append(item)
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Fail a test that took too much processor time: its own, not what the machine was busy with besides."""
    before = time.process_time()
    yield
    spent = time.process_time() - before
    if spent > MOST_CPU and spent > MOST_CPU * max(_yardstick() for _try in range(5)) / YARDSTICK:
        pytest.fail(f"{spent:.1f} s of processor time, over {MOST_CPU:g}: see tests/tiers.py", pytrace=False)


def _yardstick() -> float:
    """The processor time that a fixed piece of work takes just now: more on a slow or a crowded machine.

    A processor that others share is now fast, now slow: ask more than once.
    """
    before = time.process_time()
    seen: dict[str, bytes] = {}
    for number in range(30_000):
        seen[str(number)] = hashlib.sha256(f"{number}".encode()).digest()
    return time.process_time() - before


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tier this was."""
    tier = "everything" if THOROUGH else "the fast one; THOROUGH=1 or `make test-all` for everything"
    terminalreporter.write_line(f"tier: {tier}")
