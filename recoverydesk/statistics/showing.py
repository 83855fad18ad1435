"""The tables in words, each row with its bar, which stands in the table beside its number."""

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from recoverydesk.recovery import ladder
from recoverydesk.recovery.models import Status

BAR = 100  # how long the longest bar is, in the drawing's units


@dataclass(frozen=True)
class Heading:
    """What stands over a table: title, columns, and which column is drawn."""

    title: str | Promise
    columns: tuple[str | Promise, ...]
    drawn: int
    per_cent: bool = False


HEADINGS = {
    "tickets": Heading(
        _("Tickets by status"),
        (_("Status"), _("Tickets"), _("Hours in this status, median"), _("Hours in this status, 90th percentile")),
        1,
    ),
    "outcomes": Heading(_("Closed tickets"), (_("Outcome"), _("Tickets"), _("Per cent")), 2, per_cent=True),
    "doubts": Heading(_("Tickets by doubt"), (_("Doubt"), _("Open"), _("Reset"), _("Closed without a reset")), 1),
    "sign_ins": Heading(
        _("Sign-ins with a second factor"),
        (_("Month"), _("Sign-ins"), _("Per cent"), _("App, %"), _("Security key, %"), _("Recovery code, %")),
        2,
        per_cent=True,
    ),
    "tokens": Heading(_("Live API tokens"), (_("Scope"), _("Tokens"), _("Per cent")), 1),
    "enrolment": Heading(_("Accounts by factor"), (_("Factor"), _("Accounts"), _("Per cent")), 2, per_cent=True),
    "critical": Heading(_("Critical projects"), (_("Owners"), _("Projects"), _("Per cent")), 2, per_cent=True),
}
WORDS: dict[tuple[str, str], str | Promise] = {
    **{("tickets", status.value): status.label for status in Status},
    ("outcomes", "automatic"): _("Completed automatically, with a branch as proof"),
    ("outcomes", "completed"): _("Completed, all"),
    ("outcomes", "stopped"): _("Stopped by their owners"),
    **{("doubts", str(number)): format_lazy("{}: {}", number, name) for number, name in enumerate(ladder.NAMES)},
    ("doubts", "none"): _("The waiting period has not begun"),
    ("tokens", "project"): _("One project"),
    ("tokens", "user"): _("The whole account"),
    ("enrolment", "accounts"): _("Open accounts"),
    ("enrolment", "totp"): _("Authenticator app"),
    ("enrolment", "webauthn"): _("Security key"),
    ("enrolment", "recovery_code"): _("Recovery codes"),
    ("enrolment", "none"): _("Neither authenticator app nor security key"),
    ("critical", "critical"): _("All critical projects"),
    ("critical", "protected"): _("All owners have a second factor"),
}


@dataclass(frozen=True)
class Table:
    """One table as the page shows it: rows, and how long each one's bar is (0 to BAR)."""

    name: str
    heading: Heading
    rows: list[list[Any]]
    bars: list[float]

    @property
    def drawn(self) -> list[tuple[list[Any], float]]:
        return list(zip(self.rows, self.bars, strict=True))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw: no row, or not one bar."""
        return not any(self.bars)


def tables(figures: dict[str, list[list[Any]]]) -> list[Table]:
    """Every table in words, in the order of the headings."""
    return [_table(name, heading, figures.get(name, [])) for name, heading in HEADINGS.items()]


def _table(name: str, heading: Heading, rows: list[list[Any]]) -> Table:
    worded = [[str(WORDS.get((name, row[0]), row[0])), *row[1:]] for row in rows]
    most = 100 if heading.per_cent else max([row[heading.drawn] for row in rows], default=0)
    bars = [round(BAR * row[heading.drawn] / most, 1) if most else 0.0 for row in worded]
    return Table(name, heading, worded, bars)
