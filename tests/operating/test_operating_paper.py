"""Plays the operator: every command block of docs/operating.md, in order, in one shell and an empty folder."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from django.core.management import get_commands

from tests.cluster import installed
from tests.helpers.files import ROOT
from tests.helpers.ports import free_port
from tests.services import servers

PAPER = (ROOT / "docs" / "operating.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAPER, re.DOTALL | re.MULTILINE)
PORT = "8000"
LIBRARIES = Path(django.__file__).parent.parent
FILL = r"""
import os, re
text, told = open("recoverydesk.env").read(), lambda found: f"{found[1]}={os.environ['FILL_' + found[1]]}"
open("recoverydesk.env", "w").write(re.sub(r"^(\w+)=$", told, text, flags=re.MULTILINE))
"""


@pytest.fixture
def machine(wheel: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """An empty folder with the wheel, and what the shell is told: PostgreSQL, Redis, and what the operator fills in."""
    if installed() is None or shutil.which("redis-server") is None or shutil.which("pg_dump") is None:
        pytest.skip("needs PostgreSQL and redis-server")
    folder = Path(tempfile.mkdtemp(prefix="recoverydesk-operator-"))
    postgres, redis = servers.Postgres(folder), servers.Redis(folder)
    site = folder / "site"
    site.mkdir()
    shutil.copy(wheel, site)
    told = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
        "PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PGUSER": "postgres", "NEW": "again",
        "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "FILL_DATABASE_URL": postgres.url(), "FILL_BROKER_URL": redis.url,
        "FILL_CACHE_URL": redis.url.replace("redis:", "rediscache:").replace("/0", "/1"),
        "FILL_EMAIL_URL": f"smtp://127.0.0.1:{free_port()}", "FILL_DEFAULT_FROM_EMAIL": "desk@example.org",
        "DJANGO_SUPERUSER_PASSWORD": "correct horse battery staple",
    }  # fmt: skip
    yield site, told
    redis.stop()
    postgres.stop(signal.SIGQUIT)
    shutil.rmtree(folder, ignore_errors=True)


def script(port: int) -> str:
    """The blocks, and what an operator does between two of them: fills in settings, makes the first admin."""
    between = {
        "pip install": f'echo {LIBRARIES} > "$(echo venv/lib/python3*/site-packages)/libraries.pth"',
        "recoverydesk init": f"python3 -c {shlex.quote(FILL)}",
        "collectstatic": "recoverydesk --env-file recoverydesk.env createsuperuser --no-input --username grace "
        "--email grace@example.org",
        "run all": f"for _ in $(seq 200); do curl -s -o /dev/null localhost:{port}/livez && break; sleep 0.1; done; "
        "sleep 8",
    }
    lines = ["set -euxo pipefail", "trap 'kill %1; wait %1' EXIT"]
    for block in BLOCKS:
        lines += [block.replace(PORT, str(port)), *(more for words, more in between.items() if words in block)]
    return "\n".join(lines)


@pytest.mark.thorough
def test_an_operator_with_only_the_paper_has_a_site_and_a_backup_that_verifies(
    machine: tuple[Path, dict[str, str]],
) -> None:
    site, told = machine
    done = subprocess.run(
        ["bash", "-c", script(free_port())],
        cwd=site,
        env=told,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    states = {
        part: state for state, part in re.findall(r"^(ok|warning|wrong|not asked) +(\S+)", done.stdout, re.MULTILINE)
    }
    inside = (
        "settings",
        "database",
        "migrations",
        "clock",
        "keys",
        "log",
        "cache",
        "static",
        "files",
        "broker",
        "worker",
    )
    assert [part for part in inside if states.get(part) != "ok"] == [], done.stdout
    _second_site_verifies(site, told)


def _second_site_verifies(site: Path, told: dict[str, str]) -> None:
    """From the restore and the backup's checkpoints alone: the log is whole, and the rules hold."""
    var = site / "second"
    var.mkdir()
    shutil.copy(site / "backup-1" / "checkpoints.log", var)
    other = {**told, "VAR_DIR": str(var), "DATABASE_URL": told["FILL_DATABASE_URL"].replace("/desk", "/again")}
    for command in ("verify_audit", "check_invariants"):
        done = subprocess.run(
            [str(site / "venv/bin/recoverydesk"), "--env-file", "recoverydesk.env", command],
            cwd=site, env=other, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_command_that_the_paper_names_is_there() -> None:
    named = set(re.findall(r"`(?:recoverydesk )(?:--env-file \S+ )?([a-z_]+)", PAPER))
    named |= set(re.findall(r"--env-file recoverydesk\.env ([a-z_]+)", PAPER))
    assert named - {*get_commands(), "init", "run"} == set()
    assert {"doctor", "backup", "verify_audit", "import_accounts"} <= named
