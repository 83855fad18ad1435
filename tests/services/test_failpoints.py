"""Fail points: nothing without the setting; with it, one process obeys each order once."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from common import failpoints
from recoverydesk.recovery.workflow.table import Verb
from tests.helpers.files import ROOT
from tests.helpers.production import PRODUCTION, start

CALL = re.compile(r'failpoints\.reach\("([a-z]+)", (?:"([a-z]+)"|str\()')
GET_THERE = "from common import failpoints as f; f.reach('mail', 'accepted'); print('on')"


def go(folder: Path | str, var: Path) -> "subprocess.CompletedProcess[str]":
    """Reach one place in a process of its own."""
    program = f"import django; django.setup(); {GET_THERE}"
    environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(var), "FAIL_POINTS": str(folder)}
    environment["DJANGO_SETTINGS_MODULE"] = "recoverydesk.settings"
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)


def test_without_the_setting_a_place_does_nothing() -> None:
    assert failpoints.reach is failpoints._nothing


def test_production_refuses_the_setting_by_name(tmp_path: Path) -> None:
    done = start(tmp_path, {**PRODUCTION, "FAIL_POINTS": str(tmp_path)})
    assert done.returncode != 0
    assert "not safe for production (BASE_URL is https): FAIL_POINTS" in done.stderr


def test_an_order_is_obeyed_once(tmp_path: Path) -> None:
    orders = tmp_path / "orders"
    orders.mkdir()
    (orders / "mail.accepted").write_text("kill")
    assert go(orders, tmp_path).returncode == -signal.SIGKILL
    assert len(list(orders.glob("mail.accepted.*.taken"))) == 1
    assert go(orders, tmp_path).stdout == "on\n"


@pytest.mark.parametrize(("order", "words"), [("break", "Broken"), ("dance", "no such order")])
def test_other_orders_raise(tmp_path: Path, order: str, words: str) -> None:
    (tmp_path / "mail.accepted").write_text(order)
    done = go(tmp_path, tmp_path / "var")
    assert done.returncode == 1
    assert words in done.stderr


def test_every_place_in_the_code_is_listed_and_every_listed_one_is_there() -> None:
    text = "".join(
        path.read_text()
        for room in ("accounts", "common", "recoverydesk", "tokens")
        for path in (ROOT / room).rglob("*.py")
    )
    named = {f"{place}.{step}" for place, step in CALL.findall(text) if step}
    leased = {f"lease.{model}" for model in ("request", "mail", "boundary", "codehost", "recoveryticket", "chore")}
    assert named | leased == set(failpoints.PLACES)
    assert len(failpoints.PLACES) + len(failpoints.STEPS) * len(Verb) >= 15
    for step in failpoints.STEPS:
        assert f'failpoints.reach(name, "{step}")' in text
