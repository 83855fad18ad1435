"""How strict each guard of a project can be, from none to the strictest. Knows no database: settings.py reads it."""

from collections.abc import Iterable

OFF, ON = "off", "on"
SECOND_FACTOR, PROJECT_TOKENS, TOKEN_DAYS = "second_factor", "project_tokens", "token_days"
TOKEN_FACTOR, NEWER_VERSIONS, ONLY_PUBLISHERS = "token_factor", "newer_versions", "only_publishers"
TWO_STEP, ANOTHER = "two_step", "another"  # for its owners alone to choose: no site asks it of a project
LEVELS: dict[str, tuple[str, ...]] = {
    SECOND_FACTOR: (OFF, "any", "key"),
    PROJECT_TOKENS: (OFF, ON),
    TOKEN_DAYS: (OFF, "365", "180", "90", "30", "7", "1"),
    TOKEN_FACTOR: (OFF, ON),
    NEWER_VERSIONS: (OFF, ON),
    TWO_STEP: (OFF, ON, ANOTHER),
    ONLY_PUBLISHERS: (OFF, ON),
}


def strictness(name: str, value: str) -> int:
    """0 is off. A value this version does not know is off, too: the invariants name it."""
    levels = LEVELS[name]
    return levels.index(value) if value in levels else 0


def strictest(name: str, values: Iterable[str]) -> str:
    """The strictest of these levels of one guard; OFF where there is none."""
    return LEVELS[name][max((strictness(name, value) for value in values), default=0)]
