"""Everybody who starts a worker starts the one that users run."""

import re
import subprocess
from pathlib import Path

import pytest

from recoverydesk.broker import worker_line
from recoverydesk.demo.management.commands import demo
from tests.helpers.files import ROOT
from tests.services import stack

WRITTEN = re.compile(r"celery\s+(?:-A|--app)[ =]\S+\s+worker\b[^`\n]*")  # as somebody types it, in a text or a unit
BUILT = re.compile(r"""["']worker["'],\s*["']-""")  # as a program builds it
TEXTS = ("*.md", "*.yml", "*.yaml", "*.service", "*.sh", "Makefile", "Dockerfile*", "Procfile*", ".ci/*")


def tracked(*patterns: str) -> list[Path]:
    """The files git knows, by pattern."""
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.splitlines()]


def written(path: Path) -> list[str]:
    """Every worker command a text names."""
    return [" ".join(found.split()) for found in WRITTEN.findall(path.read_text())]


def test_the_readme_names_the_worker() -> None:
    assert written(ROOT / "README.md")


def test_every_text_that_names_a_worker_names_this_one() -> None:
    lines = [(path.name, line) for path in tracked(*TEXTS) for line in written(path)]
    assert [line for line in lines if not line[1].startswith(worker_line.WORDS)] == []


def test_no_other_program_builds_a_worker_command() -> None:
    own = {ROOT / "recoverydesk" / "broker" / "worker_line.py"}
    assert [str(path) for path in tracked("*.py") if path not in own and BUILT.search(path.read_text())] == []


def test_the_demo_and_the_reliability_runs_start_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recoverydesk.demo.supervisor.binds", lambda *_args: [])
    workers = [demo.processes()["worker"], *stack.workers().values()]
    for command in workers:
        assert " ".join(command).replace(" --quiet", "").removeprefix(f"{command[0]} -m ").startswith(worker_line.WORDS)
