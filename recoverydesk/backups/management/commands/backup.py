"""`manage.py backup DIR`: a consistent pair of database and files, while the site works."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from recoverydesk.backups import backup


class Command(BaseCommand):
    help = "Write the database and what goes with it into an empty folder; the audit log in it verifies."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="an empty folder, or one to make")
        parser.add_argument("--without-files", action="store_true", help="leave VAR_DIR/files to another backup")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = self._take(options["folder"].absolute(), files=not options["without_files"])
        except (backup.NotBackedUp, OSError) as refusal:
            raise CommandError(str(refusal)) from refusal
        for name in made.missing:
            self.stderr.write(
                _("The database names the file %(name)s, but the storage does not have it.") % {"name": name}
            )
        self.stdout.write(_("Backed up to %(folder)s, up to seal %(seal)d.") % vars(made))
        self.stdout.write(_("SECRET_KEY, FIELD_KEYS and AUDIT_KEY are not in it: keep them elsewhere."))

    def _take(self, folder: Path, *, files: bool) -> backup.Backup:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
            tasks = {name: progress.add_task(name, total=None) for name in ("database", "files")}
            return backup.take_backup(
                folder,
                files=files,
                follow=lambda what, done, total: progress.update(tasks[what], completed=done, total=total or None),
            )
