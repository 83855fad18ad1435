"""`manage.py intake FILE|-`: the body of a filled-in issue form becomes a request, or a question."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from recoverydesk.channels import filing, issue_forms
from recoverydesk.channels.issue_forms import Reading
from recoverydesk.recovery.workflow import issue_tracker

MOST_BYTES = 4 * issue_forms.LONGEST + 1  # one character has four bytes at most


class Command(BaseCommand):
    help = "Read the body of a filled-in issue form. Exit 0: one request; 1: something has to be asked first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the body of the issue as it was opened; - for standard input")
        parser.add_argument("--link", default="", help="the issue's address, under the configured tracker")
        parser.add_argument("--author-id", type=int, help="the tracker's number of whoever opened the issue")
        parser.add_argument("--dry-run", action="store_true", help="read it, keep nothing")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        body, outcome = _body(options["file"]), ""
        if options["link"] and not issue_tracker.holds(options["link"]):
            raise CommandError("--link: give an address under RECOVERY_ISSUE_TRACKER")
        if options["dry_run"]:
            reading = issue_forms.read(body)
        else:
            reading, outcome = filing.file(body, url=options["link"], author_id=options["author_id"])
        self.stdout.write(json.dumps(_described(reading, outcome)) if options["json"] else _in_words(reading, outcome))
        if reading.problems:
            sys.exit(1)


def _body(name: str) -> str:
    """The text of the file. Raises CommandError for one that is not there, or is no text."""
    try:
        if name == "-":
            return _text(sys.stdin.buffer)
        with Path(name).open("rb") as file:
            return _text(file)
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}; give a file, or - for standard input") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{name}: it is no text in UTF-8") from error


def _text(file: BinaryIO) -> str:
    raw = file.read(MOST_BYTES)
    return raw.decode("utf-8-sig", "strict" if len(raw) < MOST_BYTES else "ignore")


def _described(reading: Reading, outcome: str) -> dict[str, Any]:
    return {
        "username": reading.username or None,
        "claim": reading.claim or None,
        "has_recovery_codes": reading.has_recovery_codes,
        "problems": list(reading.problems),
        "outcome": str(outcome) or None,
    }


def _in_words(reading: Reading, outcome: str) -> str:
    said = f"{reading.username or 'nobody'}: {reading.claim or 'no claim'}"
    return "\n".join([said, *(f"  to ask: {one}" for one in reading.problems), *([f"  {outcome}"] if outcome else [])])
