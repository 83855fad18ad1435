"""Are two project names the same, or do they look it? (PEP 503; the allowed characters are those of PEP 508)"""

import re

from packaging.utils import canonicalize_name

MAX_LENGTH = 100
CONFUSABLE = {"-": "", "l": "1", "i": "1", "o": "0"}  # PyPI's rule ("ultranormalised"), of a normalised name
_VALID = re.compile(r"[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?", re.IGNORECASE | re.ASCII)


def normalize(name: str) -> str:
    """Return the form two names of one project share: lower case, runs of ".", "-" and "_" as one "-"."""
    return canonicalize_name(name)


def look_alike(name: str) -> str:
    """Return the form that names share which a reader takes for one another: no separators, l and i as 1, o as 0."""
    return normalize(name).translate({ord(letter): shown for letter, shown in CONFUSABLE.items()})


def is_valid(name: str) -> bool:
    """True for 1 to 100 ASCII letters, digits, dots, hyphens and underscores, with a letter or digit at both ends."""
    return len(name) <= MAX_LENGTH and _VALID.fullmatch(name) is not None
