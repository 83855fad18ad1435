"""`manage.py` where the database is not ready: one sentence that says what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.files import ROOT


def manage(*arguments: str, var: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    known = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    command = [sys.executable, "manage.py", *arguments]
    given = known | {"VAR_DIR": str(var)} | environment
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", ["sweep", "ticket list", "check_invariants", "verify_audit"])
def test_before_migrate_every_command_says_to_migrate(command: str, tmp_path: Path) -> None:
    done = manage(*command.split(), var=tmp_path)
    assert done.returncode == 1
    assert "run `.venv/bin/python manage.py migrate`" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    url = "postgres://clerk:the-secret-word@127.0.0.1:1/desk"
    done = manage("ticket", "list", var=tmp_path, DATABASE_URL=url)
    assert done.returncode == 1
    assert "The database does not answer. Look at DATABASE_URL" in done.stderr
    assert "the-secret-word" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_the_whole_traceback_is_shown_to_whoever_asks_for_it(tmp_path: Path) -> None:
    assert "Traceback" in manage("check_invariants", "--traceback", var=tmp_path).stderr
