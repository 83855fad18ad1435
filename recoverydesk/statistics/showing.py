"""The tables in words, and their bars. The drawing itself is `templates/admin/statistics_chart.svg`."""

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from recoverydesk.recovery.models import Status

LABEL, BAR, VALUE, LINE = 260, 360, 70, 26  # widths and height in the drawing's units


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
        (_("Status"), _("Tickets"), _("Hours in it, median"), _("Hours in it, 90th percentile")),
        1,
    ),
    "outcomes": Heading(_("Closed tickets"), (_("Outcome"), _("Tickets"), _("Per cent")), 2, per_cent=True),
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
    ("outcomes", "automatic"): _("Completed, proved by branch"),
    ("outcomes", "completed"): _("Completed, all of them"),
    ("outcomes", "stopped"): _("Stopped by their owners"),
    ("tokens", "project"): _("One project"),
    ("tokens", "user"): _("The whole account"),
    ("enrolment", "accounts"): _("Open accounts"),
    ("enrolment", "totp"): _("Authenticator app"),
    ("enrolment", "webauthn"): _("Security key"),
    ("enrolment", "recovery_code"): _("Recovery codes"),
    ("enrolment", "none"): _("No app and no key"),
    ("critical", "critical"): _("Any"),
    ("critical", "protected"): _("All have a second factor"),
}


@dataclass(frozen=True)
class Bar:
    """One bar of a drawing."""

    label: str
    value: Any
    width: float
    top: int

    @property
    def base(self) -> int:
        return self.top + 17

    @property
    def end(self) -> float:
        return LABEL + self.width + 6


@dataclass(frozen=True)
class Table:
    """One table as the page shows it."""

    name: str
    heading: Heading
    rows: list[list[Any]]
    bars: list[Bar]

    @property
    def height(self) -> int:
        return LINE * len(self.bars) + 6

    @property
    def width(self) -> int:
        return LABEL + BAR + VALUE


def tables(figures: dict[str, list[list[Any]]]) -> list[Table]:
    """Every table in words, in the order of the headings."""
    return [_table(name, heading, figures.get(name, [])) for name, heading in HEADINGS.items()]


def _table(name: str, heading: Heading, rows: list[list[Any]]) -> Table:
    worded = [[str(WORDS.get((name, row[0]), row[0])), *row[1:]] for row in rows]
    most = 100 if heading.per_cent else max([row[heading.drawn] for row in rows], default=0)
    bars = [
        Bar(row[0], row[heading.drawn], round(BAR * row[heading.drawn] / most, 1) if most else 0, LINE * place + 3)
        for place, row in enumerate(worded)
    ]
    return Table(name, heading, worded, bars)
