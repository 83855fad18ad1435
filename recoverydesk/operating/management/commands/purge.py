"""`recoverydesk purge`: deletes everything older than KEEP_…_DAYS, in batches; it can be stopped and run again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.progress import Progress

from recoverydesk.housekeeping import retention


class Command(BaseCommand):
    help = (
        "Delete mails, links, looks at repositories, requests and sessions that are older than KEEP_…_DAYS say. "
        "The sweep does a part of it every hour; this does all of it, and can be stopped and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say how many rows are old enough, delete none")

    def handle(self, *args: Any, **options: Any) -> None:
        with Progress(console=Console(stderr=True), disable=not self.stdout.isatty()) as progress:
            for kind in retention.KINDS:
                found = kind.old().count()
                if options["dry_run"]:
                    self.stdout.write(f"{kind.name}: {found} old enough")
                    continue
                task, done = progress.add_task(kind.name, total=found), 0
                for count in kind.delete():
                    done += count
                    progress.advance(task, count)
                self.stdout.write(f"{kind.name}: {done} deleted")
