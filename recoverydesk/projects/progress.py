"""Shows how an import goes: a bar on a terminal, elsewhere a line for every thousand documents, or for each of them
where the command is asked to say more; what was refused goes to stderr."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.console import Console
from rich.progress import Progress

from recoverydesk.projects.importing import Outcome, T

LONGEST_LINE = 500
IN_A_LINE = 1_000  # documents
COUNTS = {
    "projects": gettext_lazy("projects"),
    "releases": gettext_lazy("releases"),
    "files": gettext_lazy("files"),
    "improved": gettext_lazy("releases that we know from an upload"),
    "accounts": gettext_lazy("accounts"),
    "roles": gettext_lazy("roles"),
    "unplaced": gettext_lazy("releases left out because they have no files"),
}


def follow(
    command: BaseCommand, paths: list[Path], outcomes: Iterable[Outcome[T]], *, each: bool = False
) -> list[Outcome[T]]:
    """Run through the outcomes, showing how far it is, with `each` a line for every document, and return them all."""
    if each:
        return list(_with_lines(command, outcomes))
    if command.stdout.isatty():
        return list(_with_bar(paths, outcomes))
    return list(_with_counts(command, outcomes))


def _with_bar(paths: list[Path], outcomes: Iterable[Outcome[T]]) -> Iterator[Outcome[T]]:
    total = sum(path.stat().st_size for path in paths if path.is_file())
    with Progress(console=Console()) as progress:
        task = progress.add_task(_("Importing"), total=total)
        for outcome in outcomes:
            progress.advance(task, outcome.size)
            yield outcome
        progress.update(task, completed=total)


def _with_lines(command: BaseCommand, outcomes: Iterable[Outcome[T]]) -> Iterator[Outcome[T]]:
    for outcome in outcomes:
        if outcome.done is not None:
            command.stdout.write(_line(outcome.place, _changes(outcome.done)))
        yield outcome


def _with_counts(command: BaseCommand, outcomes: Iterable[Outcome[T]]) -> Iterator[Outcome[T]]:
    refused = 0
    for number, outcome in enumerate(outcomes, 1):
        refused += bool(outcome.problem)
        if not number % IN_A_LINE:
            counts = {"number": number, "refused": refused}
            command.stdout.write(_("%(number)d documents read, %(refused)d refused") % counts)
            command.stdout.flush()
        yield outcome


def _changes(done: object) -> str:
    """Say what one document changed: the counts that are not zero."""
    counts = [f"{count:d} {COUNTS[name]}" for name, count in vars(done).items() if name in COUNTS and count]
    said = ", ".join(counts) or _("nothing new")
    return f"{vars(done)['name']}: {said}"


def finish(command: BaseCommand, outcomes: list[Outcome[T]]) -> None:
    """Print the sums, then what was refused; raise CommandError (exit 1) if anything was."""
    done = [outcome.done for outcome in outcomes if outcome.done is not None]
    totals = {name: sum(vars(one).get(name, 0) for one in done) for name in COUNTS}
    if left_out := totals.pop("unplaced"):
        command.stdout.write(f"{left_out} {COUNTS['unplaced']}")
    sums = ", ".join(f"{total:d} {COUNTS[name]}" for name, total in totals.items() if total)
    command.stdout.write(
        _("%(number)s documents read. New: %(sums)s.") % {"number": len(done), "sums": sums or _("nothing")}
    )
    refused = [outcome for outcome in outcomes if outcome.problem]
    for outcome in refused:
        command.stderr.write(_line(outcome.place, outcome.problem))
    if refused:
        raise CommandError(_("%(number)s refused") % {"number": len(refused)}, returncode=1)


def _line(place: str, text: str) -> str:
    return printable(f"{place}: {text}")


def printable(text: str) -> str:
    """One line that cannot play tricks on a terminal, whatever a stranger's document holds."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:LONGEST_LINE])
