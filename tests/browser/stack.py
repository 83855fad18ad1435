"""The real thing for browser tests: `python -m recoverydesk.demo` with all its processes, and a real SMTP server."""

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from aiosmtpd.controller import Controller

from recoverydesk.operating.children import die_with_parent
from tests.cluster import other_database
from tests.helpers.files import ROOT
from tests.helpers.ports import free_port

START_WITHIN = 600  # seconds; a process that ends is noticed at once
T = TypeVar("T")


class Mailbox:
    """Every mail the SMTP server took, in order."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 taken"

    def find(self, recipient: str, word: str) -> str:
        """The text of the newest mail to `recipient` with this word in its subject; LookupError while there is none."""
        for message in reversed(self.messages):
            if recipient in str(message["To"]) and word in str(message["Subject"]):
                part = message.get_body(("plain",))
                assert part is not None
                return str(part.get_content()).replace("\r\n", "\n")
        raise LookupError(word)


class Stack:
    """A running demo. `url` is the site, `code_host` the local code host, `mailbox` what was mailed."""

    def __init__(self, folder: Path, mailbox: Mailbox, environment: dict[str, str]) -> None:
        self.folder, self.mailbox, self.environment = folder, mailbox, environment
        self.url = f"http://localhost:{environment['PORT']}"
        self.code_host = f"http://localhost:{environment['CODE_HOST_PORT']}"

    def said(self) -> str:
        """The end of what its processes wrote."""
        return (self.folder / "stack.log").read_text(errors="replace")[-6000:]

    def manage(self, *arguments: str) -> str:
        """Run a management command against the stack's database and return its output."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout

    def mail(self, recipient: str, word: str) -> str:
        """Wait for a mail and return its text."""
        return eventually(lambda: self.mailbox.find(recipient, word))


def eventually(look: Callable[[], T], *, within: float = 180) -> T:
    """Call `look` until it raises no LookupError or AssertionError; the last one is raised after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        try:
            return look()
        except (LookupError, AssertionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def path_in(text: str, part: str) -> str:
    """The mailed address that has this part."""
    found = re.search(rf"http\S*{re.escape(part)}\S+", text)
    assert found, f"no link {part} in the mail"
    return found[0]


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Stack]:
    """Start the demo in an empty folder (on PostgreSQL, in a database of its own, when the tests run there)."""
    mailbox = Mailbox()
    smtp = Controller(mailbox, hostname="127.0.0.1", port=free_port(), ready_timeout=120)
    smtp.start()
    with _database() as database:
        environment = {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")},
            **database,
            "VAR_DIR": str(folder / "var"),
            "PORT": str(free_port()),
            "CODE_HOST_PORT": str(free_port()),
            "EMAIL_URL": f"smtp://127.0.0.1:{smtp.port}",
            "DEMO": "1",
            "no_proxy": "localhost,127.0.0.1",
            **settings,
        }
        log = (folder / "stack.log").open("w+")
        command = [sys.executable, "-m", "recoverydesk.demo"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, preexec_fn=die_with_parent
        )
        try:
            _wait(process, folder / "stack.log")
            yield Stack(folder, mailbox, environment)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(120)
            log.close()
            smtp.stop()


def _wait(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN
    while "Ctrl-C stops everything" not in log.read_text():
        assert process.poll() is None, log.read_text()[-6000:]
        assert time.monotonic() < deadline, log.read_text()[-6000:]
        time.sleep(0.1)


@contextmanager
def _database() -> Iterator[dict[str, str]]:
    """A fresh PostgreSQL database when DATABASE_URL names that server; the embedded default otherwise."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield {}
        return
    name = f"story_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield {"DATABASE_URL": other_database(url, name)}
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
