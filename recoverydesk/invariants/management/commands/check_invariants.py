"""`manage.py check_invariants`: do the rules hold in the data? Exit 0 when all do, 4 when a row breaks one."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import Progress

from recoverydesk.invariants import rules as invariant_rules

BROKEN = 4


class Command(BaseCommand):
    help = "Ask the rules of recovery of the data; name every rule that is broken and the row that breaks it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        found = self._check()
        if options["json"]:
            rules = [rule.__name__ for rule in invariant_rules.RULES]
            self.stdout.write(json.dumps({"rules": rules, "broken": [one.as_json() for one in found]}))
        else:
            self._say(found)
        if found:
            sys.exit(BROKEN)

    def _check(self) -> list[invariant_rules.Broken]:
        if not sys.stderr.isatty():
            return list(invariant_rules.check_rules())
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(_("Asking"), total=None)
            return list(
                invariant_rules.check_rules(lambda done, total: progress.update(task, completed=done, total=total))
            )

    def _say(self, found: list[invariant_rules.Broken]) -> None:
        for one in found:
            self.stderr.write(str(one))
        said = _("%(rules)d rules checked, %(broken)d rows break a rule")
        self.stdout.write(said % {"rules": len(invariant_rules.RULES), "broken": len(found)})
