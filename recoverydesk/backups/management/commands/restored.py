"""`manage.py restored --reason R`: say that the database was restored from a backup, after `pg_restore`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from audit.chain.restoring import NotRestored
from recoverydesk.backups import restoring
from recoverydesk.recovery.errors import RecoveryError


class Command(BaseCommand):
    help = "Record a restore in the audit log: where it goes on from and what was lost. Every admin is mailed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True, help="at least 10 characters; it stays in the log")
        parser.add_argument(
            "--checkpoint",
            type=Path,
            action="append",
            metavar="FILE",
            help="a checkpoint mailed after the backup, saved to a file (again for several), beside this machine's own",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = restoring.record(reason=options["reason"], files=options["checkpoint"])
        except (NotRestored, RecoveryError, OSError) as refusal:
            raise CommandError(str(refusal)) from refusal
        self._say(done)

    def _say(self, done: restoring.Restored) -> None:
        data = {
            **done.event.data,
            **{name: restoring.minute(done.event.data[name]) for name in ("until", "lost_until")},
        }
        self.stdout.write(_("The log goes on after seal %(seal)s of %(until)s.") % data)
        if data["lost_to"]:
            self.stdout.write(_("The seals after that one, up to %(lost_to)s of %(lost_until)s, are lost.") % data)
        for name, text in (
            ("closed", _("Tickets closed in the lost part: %(numbers)s")),
            (
                "open",
                _("These tickets are open in this database. They may have been closed in the lost part: %(numbers)s"),
            ),
        ):
            if data[name]:
                self.stdout.write(text % {"numbers": ", ".join(map(str, data[name]))})
        if done.disputed:
            numbers = ", ".join(map(str, done.disputed))
            self.stdout.write(_("Tickets disputed, so that two people decide: %(numbers)s") % {"numbers": numbers})
        self.stdout.write(_("%(count)d admins are told by mail.") % {"count": done.told})
