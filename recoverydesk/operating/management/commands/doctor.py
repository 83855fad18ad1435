"""`recoverydesk doctor`: asks every part, and says of each ok or what to do."""

import json
import socket
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recoverydesk.operating.doctor import inside, mail, outside
from recoverydesk.operating.doctor.findings import Finding, State, run

WITHIN = 10  # seconds for a server that says nothing


class Command(BaseCommand):
    help = (
        "Ask every part of the site whether it is right: settings, database, keys, broker, worker, files, mail, DNS, "
        "and the web through BASE_URL. Exit code 0: nothing is wrong (warnings may be there); 1: something is."
    )
    requires_system_checks: list[str] = []  # they are asked as a part, and stop none of the others

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one object for programs")
        parser.add_argument("--send-to", default="", metavar="ADDRESS", help="send one mail to this address")
        parser.add_argument("--dkim-selector", default="", metavar="NAME", help="the DKIM key to look for")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["send_to"] and "@" not in options["send_to"]:
            raise CommandError("--send-to: give a mail address")
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(WITHIN)
        try:
            found = run(
                [
                    *inside.CHECKS,
                    inside.WORKERS,
                    outside.WEB,
                    *mail.checks(options["send_to"], options["dkim_selector"]),
                ]
            )
        finally:
            socket.setdefaulttimeout(before)
        good = all(one.state is not State.WRONG for one in found)
        self.stdout.write(
            json.dumps({"ok": good, "parts": [asdict(one) for one in found]}) if options["json"] else words(found)
        )
        if not good:
            raise SystemExit(1)


def words(found: list[Finding]) -> str:
    """A line for each, and one below it with what to do."""
    lines = []
    for one in found:
        lines.append(f"{one.state:<10}{one.part:<12}{one.found}")
        lines += [f"{'':<22}→ {one.todo}"] if one.todo else []
    return "\n".join(lines)
