"""import_accounts: take users, their addresses and their roles from JSON lines."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from recoverydesk.projects import importing, importing_accounts, progress


class Command(BaseCommand):
    help = "Import accounts from JSON lines: username, email, verified, emails, is_active, roles, joined."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *_args: Any, **options: Any) -> None:
        paths = [options["file"]]
        outcomes = importing.outcomes(paths, importing_accounts.import_account)
        progress.finish(self, progress.follow(self, paths, outcomes))
