"""`manage.py export_audit`: the log, or what it says about one account, as JSON lines."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from audit import disclosure
from audit.chain import export, signing
from audit.log import record
from audit.models import Event
from audit.tags import Tag


class Command(BaseCommand):
    help = "Write the log with its proof (docs/verify_export.py checks it), or one account's part of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", type=Path, metavar="FILE", help="write here instead of standard output")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--since", type=int, default=1, metavar="SEAL", help="begin at this seal")
        what.add_argument("--account", metavar="USER", help="what the log says about this account (a name or a uid)")
        what.add_argument("--key", action="store_true", help="only print the public key")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["key"]:
            self.stdout.write(signing.public_text(signing.public_key()))
        elif options["account"]:
            uid, name = _account(options["account"])
            record(Tag.AUDIT_LOG_EXPORT, actor="system", subject=_Named(uid, name), how="shell")
            self._write(disclosure.about(uid), options["output"])
        else:
            record(Tag.AUDIT_LOG_EXPORT, actor="system", since=options["since"], how="shell")
            self._write(export.lines(options["since"]), options["output"])

    def _write(self, lines: Iterator[str], path: Path | None) -> None:
        if path is None:
            for line in lines:
                sys.stdout.write(line)
            return
        try:
            with path.open("w", encoding="utf-8") as file:
                file.writelines(lines)
        except OSError as error:
            raise CommandError(str(error)) from error


class _Named:
    """An account as the log knows it."""

    def __init__(self, uid: UUID, username: str) -> None:
        self.uid, self.username = uid, username


def _account(text: str) -> tuple[UUID, str]:
    """The account of a uid or of the newest event about that name; this room knows accounts by their events alone."""
    by_uid = {"subject_uid": text} if _is_uid(text) else {"subject_name__iexact": text}
    found = Event.objects.filter(**by_uid, subject_uid__isnull=False).order_by("-id")
    row = found.values_list("subject_uid", "subject_name").first()
    if row is None or row[0] is None:
        raise CommandError(_("The log names no account %(name)s.") % {"name": text})
    return row[0], row[1]


def _is_uid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
