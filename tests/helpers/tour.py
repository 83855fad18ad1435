"""What docs/tour.md states, for the tests that count it."""

import re

from tests.helpers.files import ROOT


def clicks(path: str) -> list[int]:
    """The numbers of clicks that the tour states for the path whose row begins so, in the order they stand there."""
    rows = (line.split("|") for line in (ROOT / "docs/tour.md").read_text().splitlines() if line.startswith("| "))
    (stated,) = (cells[2] for cells in rows if cells[1].strip().startswith(path))
    return [int(number) for number in re.findall(r"\d+", stated)]
