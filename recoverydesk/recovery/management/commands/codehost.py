"""codehost: describe, list, pause and forget self-hosted code hosts."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from recoverydesk.recovery import codehosts
from recoverydesk.recovery.errors import RecoveryError
from recoverydesk.recovery.models import CodeHost

VERBS = {"pause": codehosts.pause, "resume": codehosts.resume, "remove": codehosts.remove}


class Command(BaseCommand):
    help = "Self-hosted code hosts. Public ones on https, port 443, need no description."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        new = actions.add_parser("add", help="describe a code host, or describe it anew")
        new.add_argument("origin", metavar="ORIGIN", help="scheme://host[:port]")
        new.add_argument("--style", choices=CodeHost.Style.values, default=CodeHost.Style.OWNER.value)
        new.add_argument("--private", action="store_true", help="it may live on a private or loopback address")
        new.add_argument("--plain-http", action="store_true", help="it speaks http without TLS")
        actions.add_parser("list", help="show them all")
        for name in VERBS:
            actions.add_parser(name).add_argument("host", metavar="HOST", help="host[:port] or its origin")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["action"] == "list":
            return self._list()
        try:
            changed = self._change(options)
        except RecoveryError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            _("%(host)s: done. Links read differently in projects: %(count)d")
            % {"host": changed.codehost.host, "count": changed.projects}
        )
        return None

    def _change(self, options: dict[str, Any]) -> codehosts.Changed:
        if options["action"] != "add":
            return VERBS[options["action"]](options["host"])
        return codehosts.add(
            options["origin"],
            style=options["style"],
            private=options["private"],
            plain_http=options["plain_http"],
        )

    def _list(self) -> None:
        for row in CodeHost.objects.filter(described=True).order_by("host"):
            marks = [
                *(["private"] if row.private else []),
                *(["plain-http"] if row.plain_http else []),
                *(["paused"] if row.paused_at else []),
            ]
            self.stdout.write("\t".join([row.host, row.origin, row.style, ",".join(marks) or "-"]))
