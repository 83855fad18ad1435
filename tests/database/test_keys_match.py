"""A start with other keys than those the database was written with ends before anything is written."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.core import checks

from accounts import key_rotation
from audit.chain import signing
from audit.chain.sealing import seal
from audit.log import record
from audit.tags import Tag
from common import keys
from recoverydesk.database import keys_match
from recoverydesk.environment import WrongSetting
from tests.helpers.files import ROOT

FOREIGN = bytes(range(32, 64))


def problem() -> str:
    """What a start says, and the same from the system check."""
    said = keys_match.problem()
    found = [one.msg for one in checks.run_checks(tags=[checks.Tags.database], databases=["default"])]
    assert found == ([said] if said else [])
    return said


@pytest.fixture
def written(db: None) -> str:
    """Rows sealed with today's keys; returns the id of the field key."""
    keys_match.refuse_foreign_keys()
    record(Tag.AUDIT_LOG_EXPORT, actor="system")
    seal()
    return keys.current_key_id()


def test_the_right_keys_start(written: str) -> None:
    assert problem() == ""


def test_a_missing_field_key_is_named(written: str, settings: Any) -> None:
    settings.FIELD_KEYS = [FOREIGN]
    assert f"FIELD_KEYS: rows are sealed with key {written}, which FIELD_KEYS lacks" in problem()
    with pytest.raises(WrongSetting):
        keys_match.refuse_foreign_keys()
    assert list(key_rotation.lacking()) == [written]  # nothing was noted for the wrong key


def test_a_new_field_key_before_the_old_one_starts(written: str, settings: Any) -> None:
    settings.FIELD_KEYS = [FOREIGN, *site.FIELD_KEYS]
    assert problem() == ""


def test_another_audit_key_is_noticed_unless_the_old_public_key_is_named(written: str, settings: Any) -> None:
    old = signing.public_key()
    settings.AUDIT_KEY = FOREIGN
    assert f"AUDIT_KEY: the audit log is sealed with key {signing.key_id(old)}" in problem()
    settings.AUDIT_OLD_PUBLIC_KEYS = [old]
    assert problem() == ""


def run(command: str, var: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    known = {"PATH": os.environ["PATH"], "VAR_DIR": str(var), **environment}
    return subprocess.run(
        [sys.executable, *command.split()], cwd=ROOT, env=known, capture_output=True, text=True, timeout=120
    )


PROGRAMS = {
    "FIELD_KEYS": [
        "manage.py check --database default",
        "-m gunicorn --no-control-socket --bind 127.0.0.1:0 recoverydesk.wsgi",
        "-m celery -A recoverydesk worker -P threads -c 4",
        "-m celery -A recoverydesk beat --pidfile=",
    ],
    "AUDIT_KEY": ["manage.py sweep"],
}


@pytest.mark.thorough
@pytest.mark.parametrize("lost", PROGRAMS)
def test_no_program_starts_with_a_key_that_is_not_the_databases(lost: str, tmp_path: Path) -> None:
    assert run("manage.py migrate", tmp_path).returncode == 0
    made = "from recoverydesk.database import keys_match as k; k.refuse_foreign_keys(); from audit.log import record;"
    made += "from audit.tags import Tag; record(Tag.AUDIT_LOG_EXPORT, actor='system'); from audit.chain import sealing;"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", made + "sealing.seal()"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    kept = (tmp_path / "secrets.env").read_text().splitlines()
    other = f"{lost}=nXq3kD9zT0aWcE5uLrYb8VfGh2JmPs7QiKo1xRvC4dA"
    (tmp_path / "secrets.env").write_text("\n".join(other if one.startswith(lost) else one for one in kept) + "\n")
    for command in PROGRAMS[lost]:
        done = run(command, tmp_path)
        assert done.returncode in (1, 3), command
        assert f"{lost}: " in done.stderr + done.stdout, command
        assert "Traceback" not in done.stderr, command
