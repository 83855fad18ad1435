"""The real stack: gunicorn with two workers, two Celery workers, beat, PostgreSQL, a broker, SMTP, a code host.

Whatever of it ends is started again, as a service manager would.
"""

import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import django
import psycopg

from recoverydesk.broker import worker_line
from recoverydesk.demo import codehost
from tests.helpers.files import ROOT
from tests.helpers.hosts import serve
from tests.helpers.ports import free_port
from tests.services import postbox, processes, servers

T = TypeVar("T")
LEASED = (
    "accounts_mail", "accounts_request", "recovery_boundary", "recovery_codehost", "recovery_recoveryticket",
    "recovery_chore",
)  # fmt: skip
SOON = 8  # seconds that stand for the two minutes of a dead worker's lease


def workers() -> dict[str, list[str]]:
    """Two of the worker that users run, by name."""
    return {
        f"worker {number}": worker_line.command("--loglevel", "ERROR", "--hostname", f"{name}@%h")
        for number, name in enumerate(("one", "two"), 1)
    }


class Stack:
    """Everything that runs. `processes` are the program's own, by name."""

    def __init__(self, folder: Path, broker: str) -> None:
        self.folder = folder
        self.orders = folder / "orders"
        self.repositories = folder / "repositories"
        for one in (self.orders, self.repositories, folder / "var" / "queue" / "control"):
            one.mkdir(parents=True)
        self.postgres = servers.Postgres(folder)
        self.broker = servers.BROKERS[broker](folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, servers.Child] = {}
        self.places: dict[str, Path] = {}  # a process of another version runs in that one's folder
        self.restarts = 0
        self.over = threading.Event()
        self.hurries = True  # a dead worker's lease runs out in seconds
        self.wanted: set[str] = set()

    def environment(self, smtp: int, **settings: str) -> dict[str, str]:
        """What the program is told; settings beyond these are the defaults of a local start."""
        return {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")},
            "DJANGO_SETTINGS_MODULE": "recoverydesk.settings",
            "VAR_DIR": str(self.folder / "var"),
            "DATABASE_URL": self.postgres.url(),
            "EMAIL_URL": f"smtp://127.0.0.1:{smtp}",
            "PORT": str(self.port),
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            "TRUSTED_PROXY_COUNT": "1",
            "FAIL_POINTS": str(self.orders),
            "RECOVERY_OBJECTION_WINDOW": "1",
            "SWEEP_EVERY": "1",
            "no_proxy": "127.0.0.1,localhost",
            **({"BROKER_URL": self.broker.url} if self.broker.url else {}),
            **settings,
        }

    def commands(self) -> dict[str, list[str]]:
        """The program's processes."""
        web = processes.web_command("--log-level", "warning", "--bind", f"127.0.0.1:{self.port}")
        celery = [sys.executable, "-m", "celery", "--quiet", "--app", "recoverydesk"]
        return {
            "web": web,
            **workers(),
            "beat": [*celery, "beat", "--pidfile=", "--loglevel", "ERROR"],
        }

    def start(self, *names: str) -> None:
        """Start these processes (all, if none is named) and keep them running."""
        self.wanted |= set(names or self.commands())
        for name in self.wanted - self.processes.keys():
            command = self.commands()[name]
            log = self.folder / f"{name.split()[0]}.log"
            where = self.places.get(name, ROOT)
            self.processes[name] = servers.launch(command, dict(os.environ), log, cwd=where, start_new_session=True)

    def stop(self, *names: str) -> None:
        """End these processes (all, if none is named), hard."""
        for name in names or tuple(self.processes):
            self.wanted.discard(name)
            child = self.processes.pop(name)
            os.killpg(child.pid, signal.SIGKILL)
            child.wait(60)

    def look_after(self) -> None:
        """Start again what ended, and let a dead worker's lease run out in seconds; until `over`."""
        while not self.over.wait(0.5):
            for name, child in list(self.processes.items()):
                if child.poll() is not None and name in self.wanted:
                    self.restarts += 1
                    self.processes.pop(name, None)
                    self.start(name)
            if self.hurries:
                self._age_leases()

    def _age_leases(self) -> None:
        self.free_leases(time.time() - SOON)

    def free_leases(self, taken_before: float) -> None:
        """End every lease that was taken before this moment (Unix time; the database is on this machine)."""
        soon = f"to_timestamp({taken_before}) + interval '120 seconds'"
        try:
            for table in LEASED:
                self.postgres.execute(
                    f"UPDATE {table} SET leased_until = now() WHERE leased_until BETWEEN now() AND {soon}"
                )
        except psycopg.Error as error:  # a test has stopped it
            print(f"leases: {type(error).__name__}", file=sys.stderr)

    def said(self) -> str:
        """The last lines of every log."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}" for log in logs)


def eventually(look: Callable[[], T | None], what: str, within: float = 120, pause: float = 0.2) -> T:
    """Call `look` until it returns something true; LookupError and a database that is away count as not yet."""
    from django.db import Error, connection

    deadline, why = time.monotonic() + within, ""
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except (LookupError, Error) as error:
            why = f" ({type(error).__name__}: {error})"
            connection.close()
        time.sleep(pause)
    raise TimeoutError(what + why)


@contextmanager
def running(broker: str = "redis", **settings: str) -> Iterator[tuple[Stack, postbox.Postbox]]:
    """The whole stack in a folder of its own; Django in this process speaks to the same database."""
    folder = Path(tempfile.mkdtemp(prefix="recoverydesk-stack-"))
    with ExitStack() as rest:
        rest.callback(shutil.rmtree, folder, ignore_errors=True)
        stack = Stack(folder, broker)
        rest.callback(stack.postgres.stop, signal.SIGQUIT)
        if not isinstance(stack.broker, servers.Filesystem):
            rest.callback(stack.broker.stop)
        box = rest.enter_context(postbox.listening())
        host = rest.enter_context(serve(codehost.make_app(stack.repositories)))
        os.environ |= stack.environment(box.port, **settings)
        _prepare(host)
        rest.callback(stack.stop)
        stack.start()
        keeper = threading.Thread(target=stack.look_after, daemon=True)
        keeper.start()
        rest.callback(keeper.join, 20)
        rest.callback(stack.over.set)
        servers.wait_for(lambda: servers.listens(stack.port), "gunicorn")
        yield stack, box


def _prepare(host: str) -> None:
    """Tables, the cache and the code host's row; this process has no use for orders."""
    django.setup()
    from django.core.management import call_command

    from common import failpoints
    from recoverydesk.recovery.code_hosts import described

    failpoints.reach = failpoints._nothing

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    described.describe_host(host, private=True, plain_http=True)
    os.environ["CODE_HOST"] = host


def name() -> str:
    """A user name nobody has."""
    return f"u{secrets.token_hex(4)}"
