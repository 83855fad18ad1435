"""`manage.py receive_mail`: one mail on standard input, as a mail server pipes it."""

import logging
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from recoverydesk.channels.mail import reading
from recoverydesk.channels.mail.receiving import Envelope, receive

logger = logging.getLogger(__name__)
NONSENSE, AGAIN = 65, 75  # EX_DATAERR, EX_TEMPFAIL of sysexits.h: the server returns the mail, or tries again


class Command(BaseCommand):
    help = "Take in one mail from standard input. Exit 0: taken; 65: no mail; 75: try again."
    requires_system_checks = ()  # each mail is a process

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--sender", help="the sender of the envelope; empty for a report")
        parser.add_argument("--recipient", action="append", default=[], help="a recipient of the envelope")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            raw = sys.stdin.buffer.read(reading.MOST_BYTES + 1)
            receive(raw, Envelope(options["sender"], tuple(options["recipient"])))
        except reading.Nonsense as why:
            self.stderr.write(f"this is no mail that can be taken in: {why}")
            sys.exit(NONSENSE)
        except Exception:  # whatever is wrong here, the mail server keeps the mail
            logger.exception("a mail could not be taken in")
            sys.exit(AGAIN)
