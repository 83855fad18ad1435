"""The tool of docs/mutants.md: its table names what exists, and what it does to a file before mutmut is harmless."""

import pytest

from tests.helpers.files import ROOT
from tests.mutants.__main__ import TABLE
from tests.mutants.decorators import plain

SOURCE = '''
from contextlib import contextmanager

@contextmanager
def opened(name: str):
    """Two lines."""
    said.append(f"open {name}")
    yield name.upper()
    said.append("close")


class Thing:
    @property
    def size(self) -> int:
        return 7

    @size.setter
    def size(self, value: int) -> None:
        raise AssertionError

    @staticmethod
    def twice(number: int) -> int: return 2 * number
'''


def test_a_function_without_its_decorator_does_the_same() -> None:
    text = plain(SOURCE)
    assert "@contextmanager" not in text
    assert "opened = contextmanager(opened)\n" in text
    assert text.index("size = property(size)") < text.index("@size.setter")
    said: list[str] = []
    program: dict[str, object] = {"said": said}
    exec(text, program)
    with program["opened"]("ada") as name:  # type: ignore[operator]
        assert name == "ADA"
    assert said == ["open ada", "close"]
    thing = program["Thing"]()  # type: ignore[operator]
    assert (thing.size, thing.twice(3)) == (7, 6)


def test_a_decorator_that_is_not_known_to_be_harmless_stays() -> None:
    source = "import functools\n\n@functools.cache\ndef number() -> int:\n    return 1\n"
    assert plain(source) == source


@pytest.mark.parametrize("row", TABLE)
def test_every_row_names_files_that_exist(row: str) -> None:
    files, tests = TABLE[row]
    for pattern in files:
        assert list(ROOT.glob(pattern)), pattern
    for path in tests:
        assert (ROOT / path).exists(), path
