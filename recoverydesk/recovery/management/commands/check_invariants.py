"""`manage.py check_invariants`: do the rules hold in the data? Exit 0 when all do, 4 when a row breaks one."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from recoverydesk.recovery import invariants

BROKEN = 4


class Command(BaseCommand):
    help = "Ask the rules of recovery of the data; name every rule that is broken and the row that breaks it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(invariants.check())
        if options["json"]:
            rules = [rule.__name__ for rule in invariants.RULES]
            self.stdout.write(json.dumps({"rules": rules, "broken": [one.as_json() for one in found]}))
        else:
            self._say(found)
        if found:
            sys.exit(BROKEN)

    def _say(self, found: list[invariants.Broken]) -> None:
        for one in found:
            self.stderr.write(str(one))
        said = _("%(rules)d rules asked, %(broken)d rows break one")
        self.stdout.write(said % {"rules": len(invariants.RULES), "broken": len(found)})
