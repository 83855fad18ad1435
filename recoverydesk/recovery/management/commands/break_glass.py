"""`manage.py break_glass USER --reason R`: reset without evidence, for sites with one admin. Shell only."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from recoverydesk.recovery import errors, workflow
from recoverydesk.recovery.background import intake


class Command(BaseCommand):
    help = "Reset an account's second factors without evidence. Everybody of the account is mailed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user")
        parser.add_argument("--reason", required=True, help="at least 10 characters; it stays in the log")

    def handle(self, *args: Any, **options: Any) -> None:
        subject = intake.find_subject(options["user"])
        if subject is None:
            raise CommandError(f"UnknownSubject: {errors.UnknownSubject()}")
        try:
            done = workflow.break_glass(subject, reason=options["reason"])
        except errors.RecoveryError as refusal:
            raise CommandError(f"{type(refusal).__name__}: {refusal}") from refusal
        self.stdout.write(f"Done: ticket {done.ticket.pk}. A link to choose a password goes to {done.ticket.contact}.")
        self.stdout.write(f"Return code, for the owner and nobody else: {done.return_code}")
