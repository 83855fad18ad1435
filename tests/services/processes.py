"""One process of the program for a test: started as users start it, its lines read, ended with the test."""

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from celery import Celery

from recoverydesk.broker import worker_line
from tests.helpers.files import ROOT
from tests.services import servers

TASKS = "tests.services.odd_tasks"
DJANGO = {"DJANGO_SETTINGS_MODULE": "recoverydesk.settings"}


class Process:
    """A child with a log of its own."""

    def __init__(self, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        known = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
        self.environment, self.log = {**known, **environment}, log
        self.child = servers.launch(command, self.environment, log, cwd=ROOT, start_new_session=True)

    def said(self) -> str:
        """All it has written so far."""
        return self.log.read_text(errors="replace")

    def lines(self) -> list[str]:
        """What it has written, without a last line that is not whole yet."""
        return self.said().rpartition("\n")[0].splitlines()

    def wait_for(self, words: str, within: float = 60) -> None:
        """Wait until it has written these words; TimeoutError tells what it wrote instead."""
        try:
            servers.wait_for(lambda: words in self.said() or self.child.poll() is not None, words, within)
        except TimeoutError as error:
            raise TimeoutError(f"{words}\n{self.said()}") from error
        assert words in self.said(), self.said()

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it and all it started."""
        if self.child.poll() is None:
            os.killpg(self.child.pid, how)
        self.child.wait(60)


@contextmanager
def running(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[Process]:
    """Run the command until the test is over."""
    process = Process(command, environment, log)
    try:
        yield process
    finally:
        process.end()


@contextmanager
def worker(folder: Path, broker: str, **environment: str) -> Iterator[Process]:
    """The README's worker with the odd tasks added, ready for work, on a broker of the test's own."""
    command = worker_line.command("--loglevel", "INFO", "--include", TASKS)
    given = {"VAR_DIR": str(folder / "var"), "BROKER_URL": broker, "LOG_LEVEL": "INFO", **environment}
    with running(command, given, folder / "worker.log") as process:
        process.wait_for(" ready")
        yield process


@contextmanager
def client(broker: str) -> Iterator[Celery]:
    """Celery as another program has it that can write to the broker."""
    with Celery(broker=broker, set_as_current=False) as app:
        yield app


def send(broker: str, task: str, *arguments: str) -> str:
    """Send one of the odd tasks; returns its id."""
    with client(broker) as app:
        return str(app.send_task(f"{TASKS}.{task}", arguments, ignore_result=True).id)


def beat_command() -> list[str]:
    """The README's beat."""
    return [sys.executable, "-m", "celery", "-A", "recoverydesk", "beat", "--pidfile="]


def web_command(*options: str) -> list[str]:
    """The README's gunicorn."""
    return [sys.executable, "-m", "gunicorn", "-c", "python:recoverydesk.web_server", *options, "recoverydesk.wsgi"]
