"""The tiers and the sharing do what tests/README.md says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import sharing, tiers
from tests.helpers.files import ROOT


def test_the_fast_tier_takes_the_same_few_from_everywhere_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "THOROUGH", False)
    found = tiers.spread(range(1000), 20)
    assert found == sorted(set(tiers.spread(range(1000), 20)))
    assert (len(found), found[0] < 200, found[-1] > 800) == (20, True, True)
    assert tiers.spread("abc", 20) == ["a", "b", "c"]
    assert tiers.times(10_000, fast=500) == 500


def test_thorough_is_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "THOROUGH", True)
    assert tiers.spread(range(1000), 20) == list(range(1000))
    assert tiers.times(10_000, fast=500) == 10_000


@pytest.mark.parametrize("place", [*sharing.TOGETHER, *sharing.EARLY])
def test_what_is_dealt_out_first_is_there(place: str) -> None:
    assert Path(ROOT / place).exists()


def collect(folder: Path, *more: str) -> str:
    """What a run of one small file collects, as pytest prints it."""
    (folder / "conftest.py").write_text("from tests.tiers import *\n")
    (folder / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('n', range(40))\n"
        "def test_stored(db, n): pass\n"
        "@pytest.mark.parametrize('n', range(40))\n"
        "def test_pure(n): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", str(folder), "--collect-only", "-q"]
    given = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "-p no:django -p no:cacheprovider"}
    return subprocess.run([*command, *more, str(folder)], capture_output=True, text=True, env=given, check=False).stdout


def test_a_long_test_of_the_database_leaves_most_cases_to_make_test_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THOROUGH", raising=False)
    fast = collect(tmp_path)
    assert (fast.count("test_stored["), fast.count("test_pure[")) == (tiers.MOST_CASES, 40)
    assert collect(tmp_path).splitlines()[:-1] == fast.splitlines()[:-1]  # the last names the time it took
    monkeypatch.setenv("THOROUGH", "1")
    assert collect(tmp_path).count("test_stored[") == 40
    left = collect(tmp_path, "-m", "thorough")
    assert (left.count("test_stored["), left.count("test_pure[")) == (40 - tiers.MOST_CASES, 0)
