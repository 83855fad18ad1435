"""`recoverydesk`, the command of the installed program: `init` and `run` are its own, all others are Django's."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import environ
from django.apps import apps
from django.core.management import execute_from_command_line
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from recoverydesk.environment import WrongSetting
from recoverydesk.operating import first_settings, last_runs, processes

USAGE = """\
recoverydesk [--env-file FILE] COMMAND …

  init     make a settings file with fresh keys
  run      start a process: web, worker, beat or all

FILE holds one NAME=value a line; what the environment has already wins. Every other command is one of these:
"""
OWN: dict[str, Callable[[list[str]], int]] = {"init": first_settings.main, "run": processes.main}
LINE = re.compile(r"\s*(#.*)?|(export )?[A-Za-z_][A-Za-z0-9_]*=.*")


def main() -> None:
    """What the console script calls."""
    words = _without_file(sys.argv[1:])
    if words and words[0] in OWN:
        sys.exit(OWN[words[0]](words[1:]))
    if words in ([], ["help"], ["--help"], ["-h"]):
        print(USAGE)
    manage([sys.argv[0], *words])


def _without_file(words: list[str]) -> list[str]:
    """Read the file of `--env-file` into the environment; return the other words."""
    option, equals, name = words[0].partition("=") if words else ("", "", "")
    if option != "--env-file":
        return words
    rest = words[1:]
    if not equals and rest:
        name = rest.pop(0)
    if not name:
        raise WrongSetting("--env-file: give the name of a file, then the command")
    read_settings(Path(name))
    return rest


def read_settings(path: Path) -> None:
    """Put the file's settings into the environment, behind what is there. Ends the program where it cannot be read."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSetting(f"--env-file {path}: it cannot be read ({error.__class__.__name__})") from error
    for number, line in enumerate(lines, 1):
        if not LINE.fullmatch(line):
            raise WrongSetting(f"{path}, line {number}: write NAME=value, or begin the line with #")
    environ.Env.read_env(path)


def manage(words: list[str]) -> None:
    """Run a management command; a database that is not there, or not set up, is one sentence (exit 1)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recoverydesk.settings")
    try:
        _execute(words)
    except DatabaseError as error:
        sentence = "" if "--traceback" in words else _what_is_wrong(words[0])
        if not sentence:
            raise
        sys.exit(f"{sentence} ({str(error).splitlines()[0]})")


def _execute(words: list[str]) -> None:
    """How a command of the site's timers ended is kept for /metrics."""
    name, code = next(iter(words[1:]), ""), 1
    try:
        execute_from_command_line(words)
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
        raise
    finally:
        if name in last_runs.LASTING and apps.ready:
            last_runs.note(name, code)


def _what_is_wrong(program: str) -> str:
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "The database does not answer. Look at DATABASE_URL, and whether its server runs."
    called = "recoverydesk" if Path(program).name == "recoverydesk" else ".venv/bin/python manage.py"
    return f"The database is not set up for this version: run `{called} migrate`." if pending else ""
