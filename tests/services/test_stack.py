"""The real stack, in short: what `make reliability` does at length (docs/reliability.md)."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests import cluster
from tests.helpers.files import ROOT

PLACES = "request.noted,open.written,mail.accepted,probe.seen,confirm_mailbox.written,reset.written,reset.committed"
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.thorough,
    pytest.mark.skipif(cluster.installed() is None, reason="needs the programs of PostgreSQL: initdb, postgres"),
]


def run(*arguments: str) -> dict[str, Any]:
    """One run in a process of its own, which brings its own database, broker and mail server."""
    command = [sys.executable, "-m", "tests.services", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200)
    assert done.stdout, done.stderr[-3000:]
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def test_killed_at_seven_places_every_story_ends_well_and_no_rule_is_broken() -> None:
    figures = run("kills", "broker=filesystem", "each=1", f"only={PLACES}")
    assert figures["faults"] == []
    assert figures["kills"] >= 7


def test_ten_admins_reset_at_once_and_ten_requests_open_at_once() -> None:
    figures = run("crowds", "broker=filesystem", "people_at_once=10", "rounds=1")
    assert figures["faults"] == []
    assert (figures["resets"], figures["refusals"], figures["tickets"]) == (1, 9, 1)
