"""docs/benchmarks.md: each benchmark writes its own section, and leaves the others alone."""

import datetime
import re
from pathlib import Path

FILE = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"
TITLE = "# Benchmarks\n\nWritten by `make bench`; every number is measured, the ratios within one run.\n"
MISSED = "**missed**"


def write(title: str, body: str) -> None:
    """Replace (or add) the section of that title."""
    text = FILE.read_text() if FILE.exists() else TITLE
    section = f"## {title}\n\n_{datetime.date.today().isoformat()}_\n\n{body.strip()}\n"
    found = re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    text = text.replace(found[0], f"{section}\n") if found else f"{text.rstrip()}\n\n{section}"
    FILE.write_text(f"{text.rstrip()}\n")


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def bar(what: str, measured: float, limit: float, *, at_least: bool = False, unit: str = "") -> list[str]:
    """A row of the table of bars: what, measured, wanted, held or not."""
    held = measured >= limit if at_least else measured <= limit
    sign = "≥" if at_least else "≤"
    return [what, f"{measured:,.4g}{unit}", f"{sign} {limit:,g}{unit}", "held" if held else MISSED]
