"""reread_links: after an update that reads links in another way, read all that are stored again."""

from typing import Any

from django.core.management.base import BaseCommand

from recoverydesk.projects import releases


class Command(BaseCommand):
    help = "Read the links of every project again. Open tickets keep the boundaries they were opened with."

    def handle(self, *_args: Any, **_options: Any) -> None:
        changed = projects = 0
        for differs in releases.reread_all():
            projects += 1
            changed += differs
        self.stdout.write(f"{projects} projects read, {changed} of them name something else than before")
