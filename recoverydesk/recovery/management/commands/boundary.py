"""boundary: which repository and which security boundary a URL names."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from recoverydesk.recovery.code_hosts.described import rules_if_any
from recoverydesk.recovery.repository_urls.parser import Place, parse


class Command(BaseCommand):
    help = "Say for each URL which host, namespace and repository it names."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("urls", nargs="+", metavar="URL")
        parser.add_argument("--json", action="store_true", help="one line of JSON for each URL")

    def handle(self, *_args: Any, **options: Any) -> None:
        hosts = rules_if_any()
        show = _json if options["json"] else _line
        for url in options["urls"]:
            self.stdout.write(show(parse(url, hosts)))


def _json(place: Place) -> str:
    named = {"host": place.host, "namespace": place.namespace, "repository": place.repository}
    return json.dumps({"url": place.url} | {name: value or None for name, value in named.items()})


def _line(place: Place) -> str:
    return "\t".join((place.url, place.host or "-", place.namespace or "-", place.repository or "-"))
