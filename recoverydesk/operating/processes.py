"""`recoverydesk run web|worker|beat|all`: the processes of the program, started as a site needs them."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping
from types import FrameType
from typing import NoReturn

from recoverydesk.broker import worker_line
from recoverydesk.operating import children

GRACE = 60  # seconds to end what is begun: a request has 30, a look at a code host takes a few
LOOK_EVERY = 0.2  # seconds
PYTHON = (sys.executable, "-m")


def main(words: list[str]) -> int:
    """Become the process that is named, or look after all three; returns the exit code of `all`."""
    parser = argparse.ArgumentParser(prog="recoverydesk run", description=__doc__)
    parser.add_argument("part", choices=["web", "worker", "beat", "all"])
    help_text = "go to gunicorn (web, all) or Celery (worker, beat), such as --bind 127.0.0.1:8000"
    parser.add_argument("options", nargs=argparse.REMAINDER, help=help_text)
    asked = parser.parse_args(words)
    if asked.part == "all":
        return look_after({"web": web(*asked.options), "worker": worker_line.command(), "beat": beat()})
    return _become({"web": web, "worker": worker_line.command, "beat": beat}[asked.part](*asked.options))


def _become(command: list[str]) -> NoReturn:
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606  # no shell is what we want


def web(*options: str) -> list[str]:
    """gunicorn with our settings; `options` win."""
    return [*PYTHON, "gunicorn", "-c", "python:recoverydesk.web_server", *options, "recoverydesk.wsgi"]


def beat(*options: str) -> list[str]:
    """What wakes the workers; it keeps no file."""
    return [*PYTHON, "celery", "-A", "recoverydesk", "beat", "--pidfile=", *options]


class Stopped(Exception):
    """Somebody asked us to end."""


def look_after(commands: Mapping[str, list[str]]) -> int:
    """Run all of them until a signal asks to stop (0), or one ends (1): then none of the others goes on alone."""
    running: dict[str, children.Child] = {}
    _on_signals(_stop)
    try:
        for name, command in commands.items():
            running[name] = children.start(command)
        name, code = _first_to_end(running)
        print(f"{name} ended (exit {code}): stopping the others", file=sys.stderr, flush=True)
        return 1
    except Stopped:
        return 0
    finally:
        _on_signals(signal.SIG_IGN)
        children.stop(list(running.values()), grace=GRACE)


def _first_to_end(running: Mapping[str, children.Child]) -> tuple[str, int]:
    while True:
        for name, child in running.items():
            if (code := child.poll()) is not None:
                return name, code
        time.sleep(LOOK_EVERY)


def _stop(_number: int, _frame: FrameType | None) -> None:
    _on_signals(signal.SIG_IGN)
    raise Stopped


def _on_signals(handler: object) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, handler)  # type: ignore[arg-type]
