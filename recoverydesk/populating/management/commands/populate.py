"""`manage.py populate`: a synthetic registry at any scale."""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from recoverydesk.populating import build, loading
from recoverydesk.populating.registry import Sizes

SIZES = ("users", "projects", "releases", "tickets", "events")


class Command(BaseCommand):
    help = "Fill the database with made-up accounts, projects, releases, tickets and events: fast and deterministic."

    def add_arguments(self, parser: CommandParser) -> None:
        for name in SIZES:
            parser.add_argument(f"--{name}", type=int, default=0, metavar="N")
        parser.add_argument("--seed", type=int, default=1, metavar="S")

    def handle(self, *args: Any, **options: Any) -> None:
        """Build, with a bar on a terminal and a line per table elsewhere."""
        if any(options[name] < 0 for name in SIZES):
            raise CommandError("no number may be negative")
        sizes, began = Sizes(**{name: options[name] for name in SIZES}), time.monotonic()
        try:
            with _bar() as bar:
                done = build.build(sizes, seed=options["seed"], started=lambda name: _started(bar, name))
        except build.NothingToOwn as error:
            raise CommandError("projects and events need users, tickets two of them, releases projects") from error
        seconds = time.monotonic() - began
        for name, rows in done.items():
            self.stdout.write(f"{name}: {rows}")
        total = sum(done.values())
        self.stdout.write(f"{total} rows in {seconds:.1f} s, {total / max(seconds, 0.001):.0f} rows/s")


def _bar() -> Progress:
    columns = (TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, disable=not sys.stderr.isatty())


def _started(bar: Progress, name: str) -> loading.Tell:
    task = bar.add_task(name, total=None)
    return lambda rows: bar.advance(task, rows)
