"""The files beside the program say nothing that is not there."""

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from accounts.mail.models import Mail
from accounts.models import User
from common.clock import database_now
from recoverydesk.operating.metrics import page
from recoverydesk.operating.models import LastRun
from recoverydesk.recovery.background import heartbeat
from recoverydesk.recovery.models import Boundary, CodeHost, Probe
from tests.helpers.files import ROOT
from tests.helpers.tickets import make_ticket

ALERTS, DASHBOARD = ROOT / "deploy/prometheus/alerts.yml", ROOT / "deploy/grafana/recoverydesk.json"
RUNBOOK = (ROOT / "docs/operating.md").read_text().split("\n## Runbook\n")[1]
NAME = re.compile(r"\brecoverydesk_\w+")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]] + [rule["expr"] for rule in rules()]


@pytest.fixture
def there(ada: User, client: Any) -> dict[str, set[tuple[str, str]]]:
    """Every name that /metrics shows, with the labels and values that it can have today."""
    ticket = make_ticket(ada)
    boundary = Boundary.objects.create(ticket=ticket, host="code.example", namespace="ada", kind="asked")
    Probe.objects.create(boundary=boundary, url="https://code.example/x", repository="x", verdict="missing")
    CodeHost.objects.create(host="code.example", origin="https://code.example", asked_on=database_now().date(), asked=1)
    Mail.objects.create(
        kind="x", recipient="x@example.org", language="en", dedupe_key="x", message_id="<x@x>", error="(451, b'')"
    )
    for name in ("verify_audit", "check_invariants", "backup"):
        LastRun.objects.create(name=name)
    heartbeat.beat(dict.fromkeys(heartbeat.PARTS, 0.1))
    client.get("/livez")
    found: dict[str, set[tuple[str, str]]] = {}
    for family in text_string_to_metric_families(page.text().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels.items())
    return found


def test_every_query_asks_for_a_metric_and_a_label_that_is_there(there: dict[str, set[tuple[str, str]]]) -> None:
    for query in queries():
        for name in NAME.findall(query):
            assert name in there, query
        for name, chosen in re.findall(r"\b(recoverydesk_\w+)\{(\w+)=\"(?:[^\"]+)\"", query):
            assert chosen in {label for label, _value in there[name]}, query


def test_every_value_that_an_alert_names_can_be_there(there: dict[str, set[tuple[str, str]]]) -> None:
    for rule in rules():
        for name, label, value in re.findall(r"\b(recoverydesk_\w+)\{(\w+)=\"([^\"]+)\"", rule["expr"]):
            assert label == "status" or (label, value) in there[name], rule["alert"]


def test_every_alert_has_its_page_in_the_runbook_and_no_page_is_of_another() -> None:
    headings = set(re.findall(r"^### (Desk\w+)$", RUNBOOK, re.MULTILINE))
    assert headings == {rule["alert"] for rule in rules()}
    assert {rule["labels"]["severity"] for rule in rules()} == {"page", "ticket"}


def test_every_metric_is_on_the_dashboard_or_in_an_alert(there: dict[str, set[tuple[str, str]]]) -> None:
    asked = {name for query in queries() for name in NAME.findall(query)}
    ours = {name for name in there if name.startswith("recoverydesk_")}
    assert ours - asked <= {"recoverydesk_http_seconds_sum", "recoverydesk_http_seconds_created"}


def promtool() -> str | None:
    return shutil.which("promtool")


@pytest.mark.skipif(promtool() is None, reason="needs promtool")
def test_promtool_takes_the_rules() -> None:
    done = subprocess.run([str(promtool()), "check", "rules", str(ALERTS)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
