"""`manage.py rotate_keys`: everything encrypted is encrypted again with the newest of FIELD_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from accounts import key_rotation
from common import keys


class Command(BaseCommand):
    help = (
        "Encrypt everything again with the first of FIELD_KEYS, so that the others can be retired. Put the new key "
        "first, keep the old ones behind it, restart every process, then run this. It can be stopped and run again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if gone := key_rotation.lacking():
            raise CommandError(f"Rows are sealed with key {gone[0]}, which FIELD_KEYS lacks: add it behind the newest.")
        key_rotation.note_current()
        with Progress(console=Console(), disable=not self.stdout.isatty()) as progress:
            for column in key_rotation.columns():
                self._rotate(column, progress)
        for key_id in key_rotation.retire():
            self.stdout.write(f"Nothing needs key {key_id} any more: it can leave FIELD_KEYS.")
        for key_id, counts in key_rotation.still_needed().items():
            if key_id != keys.current_key_id():
                rows = ", ".join(f"{count} {name}" for name, count in counts.items())
                self.stdout.write(f"Key {key_id} must stay: {rows} were made from it. Run this again later.")

    def _rotate(self, column: key_rotation.Column, progress: Progress) -> None:
        task = progress.add_task(column.name, total=column.rows().count())
        changed = 0
        for read, written in column.rotate():
            changed += written
            progress.advance(task, read)
        self.stdout.write(f"{column.name}: {changed} sealed again")
