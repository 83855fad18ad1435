"""check_branch: one look at one repository."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from recoverydesk.recovery.branch_token import BadBranchName
from recoverydesk.recovery.code_hosts import learned
from recoverydesk.recovery.code_hosts.described import rules_if_any
from recoverydesk.recovery.probing import show_how
from recoverydesk.recovery.probing.probe import Limits, Result, Verdict, origin_of, probe
from recoverydesk.recovery.repository_urls.parser import parse

CODES = {Verdict.FOUND: 0, Verdict.MISSING: 1}
OTHER = 2
SHOWN = (
    *("verdict", "host", "namespace", "repository", "protocol", "requests"),
    *("bytes_sent", "bytes_received", "elapsed_ms", "peer", "detail"),
)


class Command(BaseCommand):
    help = "Look once whether a repository has a branch. Exit 0: found, 1: missing, 2: anything else."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", metavar="URL")
        parser.add_argument("branch", metavar="BRANCH")
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            result = _look(options["url"], options["branch"])
        except BadBranchName as error:
            raise CommandError(str(error), returncode=OTHER) from error
        self.stdout.write(_json(result) if options["json"] else _line(result, options["branch"]))
        if code := CODES.get(result.verdict, OTHER):
            sys.exit(code)


def _look(url: str, branch: str) -> Result:
    """One look, shorter where the host is known; what it shows is remembered."""
    hosts = rules_if_any()
    place = parse(url, hosts)
    origin = origin_of(place, hosts)
    limits = Limits(user_agent=f"git/2.0 (RecoveryDesk; +{settings.RECOVERY_CONTACT_URL})")
    spoken = learned.spoken_at(origin) if origin else ""
    result = probe(place, branch, hosts=hosts, limits=limits, spoken=spoken)
    if origin:
        learned.note(origin, result)
    return result


def _json(result: Result) -> str:
    found = asdict(result)
    return json.dumps({name: None if found[name] == "" else found[name] for name in SHOWN})


def _line(result: Result, branch: str) -> str:
    """The verdict, and how to see the same: whoever typed the name may read it."""
    place = "/".join(part for part in (result.host, result.namespace, result.repository) if part)
    seen = " · ".join(part for part in (result.verdict.value, place, result.detail, result.object_id) if part)
    command = show_how.with_name(result.show_how, branch)
    return "\n".join(line for line in (seen, command) if line)
