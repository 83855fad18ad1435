"""purge: delete at once what the sweep deletes little by little. Safe to interrupt, to repeat and to run beside it."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.progress import Progress

from recoverydesk.housekeeping import retention


class Command(BaseCommand):
    help = "Delete what is past the days of KEEP_…_DAYS, in short transactions. --dry-run only counts it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count, delete nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        counts = retention.rows()
        for name, count in counts.items():
            self.stdout.write(f"{name}: {count}")
        if options["dry_run"]:
            self.stdout.write("Nothing was deleted.")
        elif any(counts.values()):
            self.stdout.write(f"{_delete_all()} tickets and rows of no ticket worked.")
        else:
            _delete_all()  # tickets that have nothing are marked, so that nobody looks at them again
            self.stdout.write("Nothing is past its time.")


def _delete_all() -> int:
    if not sys.stderr.isatty():
        return sum(_until_none(part, lambda done: None) for part in retention.PARTS)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Deleting", total=sum(part.due().count() for part in retention.PARTS))
        return sum(_until_none(part, lambda done: progress.advance(task, done)) for part in retention.PARTS)


def _until_none(part: retention.Part, follow: Callable[[int], object]) -> int:
    """Bit by bit, each in its transaction; how many it was."""
    whole = 0
    while done := part.delete():
        whole += done
        follow(done)
    return whole
