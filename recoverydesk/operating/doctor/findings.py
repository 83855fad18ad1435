"""What the doctor says of one part."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from recoverydesk.logs import masked
from recoverydesk.readiness import NotReady

LONGEST = 300  # characters of a library's own words


class State(StrEnum):
    """Warnings are for a person to weigh; what is wrong keeps something from working."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    NOT_ASKED = "not asked"


@dataclass(frozen=True)
class Finding:
    """One line: what was found, and what to do where it is not right."""

    part: str
    state: State
    found: str
    todo: str = ""


@dataclass(frozen=True)
class Check:
    """How one part is asked. `todo` is the advice where asking fails; `needs`: parts that must not be wrong."""

    part: str
    ask: Callable[[], Iterable[Finding]]
    todo: str
    needs: tuple[str, ...] = ()


def ok(part: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(part, State.OK, found)


def warning(part: str, found: str, todo: str) -> Finding:
    """It works; somebody should look."""
    return Finding(part, State.WARNING, found, todo)


def wrong(part: str, found: str, todo: str) -> Finding:
    """Something does not work."""
    return Finding(part, State.WRONG, found, todo)


def not_asked(part: str, why: str) -> Finding:
    """What cannot be asked says nothing."""
    return Finding(part, State.NOT_ASKED, why)


def run(checks: Iterable[Check]) -> list[Finding]:
    """Ask every part in order. Whatever a part raises is its finding, in plain words without secrets."""
    found: list[Finding] = []
    for check in checks:
        broken = {one.part for one in found if one.state is State.WRONG}
        first = next((part for part in check.needs if part in broken), "")
        found += [not_asked(check.part, f"{first} comes first")] if first else _asked(check)
    return found


def _asked(check: Check) -> list[Finding]:
    try:
        return list(check.ask())
    except NotReady as error:
        return [wrong(check.part, error.word, str(error) if str(error) != error.word else check.todo)]
    except Exception as error:  # a part that is broken in a way nobody thought of is a finding, too
        return [wrong(check.part, f"no answer ({type(error).__name__}: {words_of(error)})", check.todo)]


def words_of(error: Exception) -> str:
    """The first line of what it says, without addresses of people and passwords."""
    return masked(str(error).strip().partition("\n")[0])[:LONGEST]
