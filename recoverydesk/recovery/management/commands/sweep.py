"""`manage.py sweep`: one round of all due work, for sites without a worker and for scripts."""

from typing import Any

from django.core.management.base import BaseCommand

from audit import chores
from recoverydesk.database.keys_match import refuse_foreign_keys
from recoverydesk.recovery.background import sweep


class Command(BaseCommand):
    help = "Do one round of all due work: requests, mails, probes, timers."

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_foreign_keys()
        done = sweep.sweep()
        done["sink"] = chores.deliver()  # last: it may take its time
        if options["verbosity"] > 1:
            self.stdout.write(", ".join(f"{name}: {count}" for name, count in done.items()))
