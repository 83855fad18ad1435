"""gunicorn with real workers on the test database, for what only processes can show: races, kills, memory."""

import base64
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from django.conf import settings
from django.db import connection

from tests.helpers.files import ROOT
from tests.helpers.ports import free_port


@dataclass
class Server:
    """A running gunicorn."""

    url: str
    process: "subprocess.Popen[bytes]"
    trust: str | bool = True  # what requests' `verify` takes

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]


def database_url() -> str:
    """The address of the database this test run is on."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    host = values["HOST"]
    name = f"/{values['NAME']}" + (f"?host={host}" if host.startswith("/") else "")
    place = "" if host.startswith("/") else f"{host}:{values['PORT'] or 5432}"
    return f"postgres://{values['USER']}:{values['PASSWORD']}@{place}{name}"


@contextmanager
def gunicorn(
    folder: Path,
    *,
    workers: int = 2,
    module: str = "recoverydesk.wsgi",
    certificate: Path | None = None,
    trust: Path | None = None,
    more: dict[str, str] | None = None,
) -> Iterator[Server]:
    """Serve the site with `workers` processes on the run's database, over TLS with this certificate, signed by `trust`.

    MEDIA_ROOT is `folder`/files; `more` are variables of the environment.
    """
    port = free_port()
    command = [str(ROOT / ".venv" / "bin" / "gunicorn"), "--workers", str(workers), "--bind", f"127.0.0.1:{port}"]
    command += ["--no-control-socket", "--timeout", "300"]
    if certificate:
        command += ["--certfile", str(certificate), "--keyfile", str(certificate)]
    field_keys, audit_key = (
        ",".join(base64.urlsafe_b64encode(key).decode() for key in keys)
        for keys in (settings.FIELD_KEYS, [settings.AUDIT_KEY])
    )
    variables = {
        "DATABASE_URL": database_url(), "VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "recoverydesk.settings",
        "PORT": str(port), "BASE_URL": f"http://localhost:{port}", "FIELD_KEYS": field_keys, "AUDIT_KEY": audit_key,
        "ALLOWED_HOSTS": "127.0.0.1,localhost", "CACHE_URL": "locmemcache://", "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    log = (folder / "gunicorn.log").open("wb")
    process = subprocess.Popen(
        [*command, f"{module}:application"], cwd=ROOT, env=os.environ | variables | (more or {}), stdout=log, stderr=log
    )
    url = f"https://localhost:{port}" if certificate else f"http://127.0.0.1:{port}"
    server = Server(url, process, str(trust) if trust else True)
    try:
        _wait(server, folder)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)
        log.close()


def _wait(server: Server, folder: Path) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            if requests.get(f"{server.url}/livez", timeout=10, verify=server.trust).ok:
                return
        except requests.RequestException:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((folder / "gunicorn.log").read_text()) from None
        time.sleep(0.1)


def upload(server: Server, token: str, filename: str, content: bytes, fields: dict[str, object]) -> requests.Response:
    """Send one upload as a client would."""
    return requests.post(
        f"{server.url}/legacy/",
        data=fields,
        files={"content": (filename, content)},
        auth=("__token__", token),
        timeout=300,
    )
