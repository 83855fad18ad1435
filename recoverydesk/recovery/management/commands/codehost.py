"""codehost: describe, list, pause and forget self-hosted code hosts."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils.translation import gettext as _

from recoverydesk.recovery.code_hosts import described, learned
from recoverydesk.recovery.code_hosts import limits as host_limits
from recoverydesk.recovery.errors import RecoveryError
from recoverydesk.recovery.models import CodeHost

VERBS = {"pause": described.pause, "resume": described.resume, "remove": described.remove}


class Command(BaseCommand):
    help = "Self-hosted code hosts. Public ones on https, port 443, need no description."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        new = actions.add_parser("add", help="describe a code host, or describe it anew")
        new.add_argument("origin", metavar="ORIGIN", help="scheme://host[:port]")
        new.add_argument("--style", choices=CodeHost.Style.values, default=CodeHost.Style.OWNER.value)
        new.add_argument("--private", action="store_true", help="it may live on a private or loopback address")
        new.add_argument("--plain-http", action="store_true", help="it speaks http without TLS")
        limits = actions.add_parser("limit", help="say how much a host is asked; what is left out is the usual")
        limits.add_argument(
            "host", metavar="ORIGIN", help="host[:port] or its origin; a public one needs no description"
        )
        limits.add_argument("--per-day", type=int, metavar="N", help="looks a day (UTC), 1 to 1,000,000")
        limits.add_argument("--per-second", type=float, metavar="N", help="checks a second, 0.01 to 20")
        limits.add_argument("--reason", required=True, help="why, in at least 10 characters; goes into the log")
        actions.add_parser("list", help="show them all")
        for name in VERBS:
            actions.add_parser(name).add_argument("host", metavar="HOST", help="host[:port] or its origin")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["action"] == "list":
            return self._list()
        try:
            if options["action"] == "limit":
                return self._limit(options)
            changed = self._change(options)
        except RecoveryError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            _("%(host)s: done. The rules now read links of %(count)d projects differently.")
            % {"host": changed.codehost.host, "count": changed.projects}
        )
        return None

    def _change(self, options: dict[str, Any]) -> described.Changed:
        if options["action"] != "add":
            return VERBS[options["action"]](options["host"])
        return described.describe_host(
            options["origin"],
            style=options["style"],
            private=options["private"],
            plain_http=options["plain_http"],
        )

    def _limit(self, options: dict[str, Any]) -> None:
        a_day, a_second = options["per_day"], options["per_second"]
        row = host_limits.limit(options["host"], a_day=a_day, a_second=a_second, reason=options["reason"])
        pace = learned.pace(row)
        said = {"host": row.host, "a_day": pace.a_day, "a_second": pace.a_second}
        self.stdout.write(_("%(host)s: at most %(a_day)d checks a day and %(a_second)g a second") % said)

    def _list(self) -> None:
        limited = Q(looks_a_day__isnull=False) | Q(looks_a_second__isnull=False)
        for row in CodeHost.objects.filter(Q(described=True) | limited).order_by("host"):
            marks = [
                *(["private"] if row.private else []),
                *(["plain-http"] if row.plain_http else []),
                *(["paused"] if row.paused_at else []),
                *([f"{row.looks_a_day} a day"] if row.looks_a_day is not None else []),
                *([f"{row.looks_a_second:g} a second"] if row.looks_a_second is not None else []),
            ]
            self.stdout.write("\t".join([row.host, row.origin, row.style, ",".join(marks) or "-"]))
