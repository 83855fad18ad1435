"""The tiers and the sharing do what tests/README.md says."""

from pathlib import Path

import pytest

from tests import sharing, tiers
from tests.example import ROOT


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
