"""`manage.py verify_audit`: is the log what it was? Exit 0 intact, 3 tampered with, 1 when it cannot be checked."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rich.console import Console
from rich.progress import Progress

from audit.chain.findings import Report
from audit.chain.forks import Fork
from audit.chain.verifying import verify

TAMPERED = 3


class Command(BaseCommand):
    help = "Check every event, detail and seal, the checkpoints and the triggers; name the first bad row."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--since", type=int, default=1, metavar="SEAL", help="begin at this seal")
        parser.add_argument(
            "--checkpoint",
            type=Path,
            action="append",
            metavar="FILE",
            help="compare with this checkpoint file beside VAR_DIR/checkpoints.log (again for several)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["since"] < 1:
            raise CommandError("--since: the first seal is number 1")
        report = self._verify(options["since"], options["checkpoint"])
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json()))
        else:
            self._say(report)
        if not report.intact:
            sys.exit(TAMPERED)

    def _verify(self, since: int, files: list[Path] | None) -> Report:
        try:
            if not sys.stderr.isatty():
                return verify(since=since, files=files)
            with Progress(console=Console(stderr=True), transient=True) as progress:
                task = progress.add_task(_("Verifying"), total=None)
                return verify(
                    since=since,
                    files=files,
                    follow=lambda done, total: progress.update(task, completed=done, total=total),
                )
        except OSError as error:
            raise CommandError(str(error)) from error

    def _say(self, report: Report) -> None:
        for note in report.notes:
            self.stdout.write(_("note: %(note)s") % {"note": note})
        counts = {name: value for name, value in report.as_json().items() if isinstance(value, int)}
        said = _("%(events)d events in %(seals)d seals, %(unsealed)d not sealed yet, %(erased)d details erased, ")
        said += _("%(checkpoints)d checkpoints")
        self.stdout.write(said % counts)
        for fork in report.restores:
            self.stdout.write(_restore(fork))
        if report.intact:
            self.stdout.write(_verdict(report.restores))
            return
        if report.contradicting or report.gone:
            self.stdout.write(_("note: after a restore from a backup, run `manage.py restored` once"))
        self.stderr.write(_("Somebody changed the log: %(found)d findings. The first:") % counts)
        for finding in report.findings:
            self.stderr.write(str(finding))


def _restore(fork: Fork) -> str:
    said = _("restored on %(day)s: after seal %(from)d the log goes on with seal %(seal)d; reason: %(reason)s")
    return said % {**fork.as_json(), "day": f"{fork.time:%Y-%m-%d}"}


def _verdict(restores: list[Fork]) -> str:
    days = ", ".join(f"{fork.time:%Y-%m-%d}" for fork in restores)
    if not restores:
        return _("intact")
    return ngettext(
        "intact, with one restore on %(days)s", "intact, with %(count)d restores on %(days)s", len(restores)
    ) % {
        "count": len(restores),
        "days": days,
    }
