"""import_projects: take projects, releases and links from documents of the PyPI JSON API, or from real files."""

from argparse import ArgumentParser
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import typed_names
from accounts.models import User
from recoverydesk.projects import importing, progress
from recoverydesk.projects.documents import parse_time
from recoverydesk.projects.published import InvalidFact


class Command(BaseCommand):
    help = (
        "Import projects from documents of the PyPI JSON API, JSON lines of them, or wheels and sdists. "
        "A second run changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--owner", metavar="USER", help="make this user an owner of every project")
        parser.add_argument("--uploaded-at", metavar="TIME", help="ISO 8601; overrides the documents' times")
        parser.add_argument("--dry-run", action="store_true", help="say what would change, change nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
        given: dict[str, Any] = {"owner": _owner(options["owner"]), "uploaded_at": _time(options["uploaded_at"])}
        take = partial(importing.import_document, **given)
        take_many = partial(importing.import_documents, **given)
        take_file = partial(importing.import_file, keep=not options["dry_run"], **given)
        with transaction.atomic() if options["dry_run"] else nullcontext():
            each = importing.outcomes(options["files"], take, take_file, take_many)
            said = options["dry_run"] or options["verbosity"] > 1
            outcomes = progress.follow(self, options["files"], each, each=said)
            if options["dry_run"]:
                transaction.set_rollback(True)
        progress.finish(self, outcomes)


def _owner(username: str | None) -> User | None:
    if username is None:
        return None
    user = typed_names.find(username)
    if user is None:
        raise CommandError(_("There is no user %(username)s.") % {"username": username})
    return user


def _time(text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_time(text)
    except InvalidFact as error:
        raise CommandError(f"--uploaded-at: {error}") from error
