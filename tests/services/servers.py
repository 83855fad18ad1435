"""The machines around the program, each our own child: PostgreSQL that can be stopped hard, Redis, RabbitMQ."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psycopg

from recoverydesk.operating.children import die_with_parent
from tests.cluster import installed, unprivileged
from tests.helpers.ports import free_port

READY_WITHIN = 180  # seconds
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
Child = subprocess.Popen[bytes]


def launch(command: Sequence[str], environment: Mapping[str, str], log: Path, **options: object) -> Child:
    """Start a child that ends with us and writes to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
            command, env=environment, stdout=output, stderr=output, preexec_fn=die_with_parent, **options
        )


def wait_for(ready: Callable[[], bool], what: str, within: float = READY_WITHIN) -> None:
    """Ask until it is so; TimeoutError names what did not come."""
    deadline = time.monotonic() + within
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Whether something takes connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Postgres:
    """A cluster of our own. What it said was committed is on disk (but for a power cut: fsync is off)."""

    OPTIONS = ("fsync=off", "synchronous_commit=on", "listen_addresses=127.0.0.1", "max_connections=150")

    def __init__(self, folder: Path) -> None:
        found = installed()
        if found is None:
            raise FileNotFoundError("no PostgreSQL installed")
        self.binaries, self.folder, self.port, user = found, folder / "postgres", free_port(), unprivileged()
        self.folder.mkdir()
        self.as_user: dict[str, object] = {"cwd": self.folder}
        if user:
            os.chmod(folder, 0o755)  # the server's own user must get to its folder
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.as_user |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}
        self.environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        self._initialize()
        self.start()
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE desk")

    def _initialize(self) -> None:
        command = [str(self.binaries / "initdb"), "-D", "data", "-U", "postgres", "--auth=trust", "--encoding=UTF8"]
        environment, options = self.environment, self.as_user
        subprocess.run([*command, "--no-sync"], env=environment, check=True, capture_output=True, **options)  # type: ignore[call-overload]

    def url(self, database: str = "desk") -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = [part for one in (*self.OPTIONS, f"port={self.port}") for part in ("-c", one)]
        command = [str(self.binaries / "postgres"), "-D", "data", "-k", str(self.folder), *options]
        self.server = launch(command, self.environment, self.folder.parent / "postgres.log", **self.as_user)
        wait_for(self._answers, "PostgreSQL")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=1).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: fast. SIGQUIT: `pg_ctl stop -m immediate`, as in a crash."""
        self.server.send_signal(how)
        self.server.wait(120)

    def execute(self, sql: str) -> list[tuple[object, ...]]:
        """Run one statement on the desk's database as its superuser."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []


class Filesystem:
    """No server at all: Celery's files under VAR_DIR. Stopping it makes the folder unusable."""

    url = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "var" / "queue"

    def start(self) -> None:
        """Give the folder back."""
        if not self.folder.is_dir():
            self.folder.unlink()
            self.folder.with_name("queue.away").rename(self.folder)

    def stop(self) -> None:
        """A file lies where the folder was: nothing can be written or read."""
        self.folder.rename(self.folder.with_name("queue.away"))
        self.folder.write_text("")


class Redis:
    """A Redis that keeps nothing on disk: stopping it loses every message."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.server = launch(command, dict(os.environ), self.folder / "redis.log", cwd=self.folder)
        wait_for(lambda: listens(self.port), "Redis")

    def stop(self) -> None:
        self.server.kill()
        self.server.wait(60)


class RabbitMQ:
    """A RabbitMQ node of our own, its name and cookie in our folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder / "rabbitmq", free_port()
        self.folder.mkdir()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self.environment = {
            **os.environ,
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"desk{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "environment"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "ERL_EPMD_PORT": str(free_port()),
        }
        (self.folder / "plugins").write_text("[].\n")
        (self.folder / "environment").write_text("")
        (self.folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        self.start()

    def start(self) -> None:
        self.server = launch([str(RABBITMQ)], self.environment, self.folder / "out.log", start_new_session=True)
        wait_for(lambda: listens(self.port), "RabbitMQ", within=300)

    def stop(self) -> None:
        os.killpg(self.server.pid, signal.SIGKILL)
        self.server.wait(60)
        subprocess.run(["epmd", "-kill"], env=self.environment, capture_output=True)


BROKERS: dict[str, Callable[[Path], Filesystem | Redis | RabbitMQ]] = {
    "filesystem": Filesystem,
    "redis": Redis,
    "rabbitmq": RabbitMQ,
}
