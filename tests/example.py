"""The environment names that `.env.example` documents."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def names_in_example() -> set[str]:
    """Return every documented name, commented out or not."""
    text = (ROOT / ".env.example").read_text()
    return set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE))
