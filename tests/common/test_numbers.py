"""Whole numbers as other people write them."""

import pytest

from common.numbers import whole_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1), (42, 42)])
def test_digits_are_a_number(text: object, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "1_0", "²", "١", "９", "1\n", None])
def test_whatever_else_is_none(text: object) -> None:
    assert whole_number(text) is None


def test_more_digits_than_a_column_takes_are_none() -> None:
    assert whole_number("1" * 19) is None
