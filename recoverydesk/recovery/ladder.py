"""The ladder of docs/recovery-policy.md in words and in a site's own numbers, and its drawing."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from textwrap import wrap

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from recoverydesk.recovery import policy

NAMES: tuple[str | Promise, ...] = (
    gettext_lazy("The account has no project"),
    gettext_lazy("The mailbox and the repositories agree"),
    gettext_lazy("One of the two is missing"),
    gettext_lazy("Somebody objected, or staff accepted a missing proof"),
    gettext_lazy("The address is new, or somebody signed in"),
    gettext_lazy("Only a new address or an exception, and no other proof"),
)
HIGHEST = len(NAMES) - 1


def length(span: timedelta) -> str:
    """In the largest unit that leaves nothing over: never shorter or longer than it is."""
    seconds = round(span.total_seconds())
    if seconds % 86400 == 0:
        return ngettext("%d day", "%d days", seconds // 86400) % (seconds // 86400)
    if seconds % 3600 == 0:
        return ngettext("%d hour", "%d hours", seconds // 3600) % (seconds // 3600)
    if seconds % 60 == 0:
        return ngettext("%d minute", "%d minutes", seconds // 60) % (seconds // 60)
    return ngettext("%d second", "%d seconds", seconds) % seconds


@dataclass(frozen=True)
class Rung:
    """One rung: how long it waits, usually and for critical projects, and how many people must agree."""

    number: int
    wait: timedelta
    wait_critical: timedelta
    people: int

    @property
    def name(self) -> str:
        return str(NAMES[self.number])

    @property
    def wait_in_words(self) -> str:
        """Both waits where they differ."""
        usual = length(self.wait) if self.wait else _("no wait")
        if self.wait_critical == self.wait:
            return usual
        return _("%(wait)s, critical projects %(critical)s") % {"wait": usual, "critical": length(self.wait_critical)}

    @property
    def people_in_words(self) -> str:
        return ngettext("%d person", "%d people", self.people) % self.people


def rungs(numbers: policy.Numbers) -> list[Rung]:
    """The six rungs, the lowest first."""
    usual, critical = policy.waits(numbers, critical=False), policy.waits(numbers, critical=True)
    return [
        Rung(number, *both, policy.people_on(number, numbers))
        for number, both in enumerate(zip(usual, critical, strict=True))
    ]


# The drawing (templates/recovery/_ladder.svg), in units that are pixels on a small phone ------------------------------

WIDTH, RAIL, WORDS, LINE, GAP = 290, 40, 52, 18, 24
NAME, DETAIL = 28, 34  # characters in a line that no font draws wider than the picture


@dataclass(frozen=True)
class DrawnRung:
    """A rung with the lines of its words above it; `top` is where they begin."""

    rung: Rung
    top: int
    longest: timedelta

    @cached_property
    def lines(self) -> list[tuple[str, int]]:
        """Each line of the name with its base."""
        return self._placed(wrap(self.rung.name, NAME), self.top)

    @cached_property
    def details(self) -> list[tuple[str, int]]:
        said = f"{self.rung.wait_in_words} · {self.rung.people_in_words}"
        return self._placed(wrap(said, DETAIL), self.top + LINE * len(self.lines))

    def _placed(self, lines: list[str], top: int) -> list[tuple[str, int]]:
        return [(line, top + LINE * place - 4) for place, line in enumerate(lines, 1)]

    @property
    def y(self) -> int:
        """The bar lies beneath the words."""
        return self.top + LINE * (len(self.lines) + len(self.details)) + 6

    @property
    def number_base(self) -> int:
        return self.y - 12

    @property
    def end(self) -> int:
        return self._reach(self.rung.wait)

    @property
    def end_critical(self) -> int:
        return self._reach(self.rung.wait_critical)

    def _reach(self, wait: timedelta) -> int:
        return RAIL + round((WIDTH - RAIL - 4) * (wait / self.longest if self.longest else 0))


@dataclass(frozen=True)
class Drawing:
    """The whole ladder, the highest rung on top."""

    rungs: list[DrawnRung]
    width: int = WIDTH
    rail: int = RAIL
    words: int = WORDS

    @property
    def title(self) -> str:
        return _("The ladder of doubt")

    @property
    def description(self) -> str:
        """In the place of the drawing, for who does not see it."""
        return _(
            "Six steps of doubt, from 0 to 5. The higher the doubt, the longer the wait. The "
            "table says the same in words."
        )

    @property
    def height(self) -> int:
        return self.rungs[-1].y + GAP


def draw(numbers: policy.Numbers) -> Drawing:
    """Lay the rungs out from above; each bar is as long as its wait."""
    ladder = rungs(numbers)
    longest, top, drawn = max(rung.wait_critical for rung in ladder), 4, []
    for rung in reversed(ladder):
        drawn.append(DrawnRung(rung, top, longest))
        top = drawn[-1].y + GAP // 2
    return Drawing(drawn)
