"""`tests/data/names.tsv`: what people type for an account's name, and what is meant."""

import re
from ast import literal_eval

from tests.helpers.files import ROOT

REFUSED = None


def _typed(text: str) -> str:
    """A Python literal, perhaps repeated: "x" * 51."""
    found = re.fullmatch(r"(.+?)(?: \* ([0-9]+))?", text)
    assert found
    return str(literal_eval(found[1])) * int(found[2] or 1)


def _cases() -> list[tuple[str, str | None]]:
    lines = (ROOT / "tests" / "data" / "names.tsv").read_text().splitlines()[1:]
    rows = [line.split("\t") for line in lines if line]
    return [(_typed(typed), REFUSED if meant.startswith("refused") else meant) for typed, meant, *_why in rows]


CASES = _cases()
ACCOUNT = "ada"  # whom every understood case means; her verified address is one of them
