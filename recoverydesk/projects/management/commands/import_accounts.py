"""import_accounts: take users, their addresses and their roles from JSON lines."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from recoverydesk.projects import importing, importing_accounts, progress, syncing_accounts

MOST_REMOVED = 5.0  # percent


class Command(BaseCommand):
    help = (
        "Import accounts from JSON lines: username, email, verified, since, emails, former, is_active, "
        "roles, joined. "
        "With --sync the file is the full list: roles and addresses that it lacks are removed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--sync", action="store_true", help="FILE is the full list; show what goes, then ask")
        parser.add_argument("--dry-run", action="store_true", help="with --sync: show what would go, change nothing")
        parser.add_argument(
            "--most-removed", type=float, default=MOST_REMOVED, metavar="PERCENT",
            help="with --sync: refuse a list that lacks more of the roles or addresses (%(default)g)",
        )  # fmt: skip
        parser.add_argument("--no-input", action="store_false", dest="ask", help="with --sync: remove without asking")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["dry_run"] and not options["sync"]:
            raise CommandError(_("--dry-run shows what --sync would remove. Give both options."))
        paths, each = [options["file"]], options["verbosity"] > 1
        if not options["sync"]:
            outcomes = importing.outcomes(paths, importing_accounts.import_account)
            return progress.finish(self, progress.follow(self, paths, outcomes, each=each))
        difference = self._compare(options["file"], options["most_removed"])
        if options["dry_run"] or (options["ask"] and not self._is_meant()):
            self.stdout.write(_("Nothing was changed."))
            return None
        outcomes = importing.outcomes(paths, syncing_accounts.sync_account)
        followed = progress.follow(self, paths, outcomes, each=each)
        if any(outcome.problem for outcome in followed):
            self.stderr.write(_("No role was removed, because lines were refused. Correct these lines and sync again."))
        else:
            for line in syncing_accounts.take_roles(difference.roles):
                self.stdout.write(progress.printable(line))
        return progress.finish(self, followed)

    def _compare(self, path: Path, most_removed: float) -> syncing_accounts.Difference:
        """Show what the list takes away. Raises CommandError for one that cannot be followed."""
        try:
            difference = syncing_accounts.compare(path)
            for line in difference.lines():
                self.stdout.write(progress.printable(line))
            self.stdout.write(
                _("To be removed: %(roles)d of %(of_roles)d roles, %(addresses)d of %(of_addresses)d addresses.")
                % difference.counts()
            )
            difference.refuse_more_than(most_removed)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}") from error
        except syncing_accounts.SyncRefused as error:
            raise CommandError(progress.printable(str(error))) from error
        return difference

    def _is_meant(self) -> bool:
        return input(_("Make the accounts match this list? [y/N] ")).strip().lower() in {"y", "yes"}
