"""One worker against a backlog: `python -m bench.rig.backlog TICKETS PORTS`. Prints JSON."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

django.setup()

from allauth.account.models import EmailAddress  # noqa: E402
from django.conf import settings  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.mail.models import Mail, Request  # noqa: E402
from accounts.models import User  # noqa: E402
from recoverydesk.demo import codehost  # noqa: E402
from recoverydesk.projects import services  # noqa: E402
from recoverydesk.projects.models import Role  # noqa: E402
from recoverydesk.recovery.background import intake, sweep  # noqa: E402
from recoverydesk.recovery.code_hosts import described  # noqa: E402
from recoverydesk.recovery.models import Boundary, RecoveryTicket, Status  # noqa: E402
from tests.helpers import factories  # noqa: E402

GIVE_UP = 900  # seconds


def free_ports(number: int) -> list[int]:
    """Loopback ports nobody listens on."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def serve(root: Path, ports: list[int]) -> "subprocess.Popen[bytes]":
    """The demo's code host on all these ports."""
    binds = [part for port in ports for part in ("--bind", f"127.0.0.1:{port}")]
    app = f"recoverydesk.demo.codehost:make_app({str(root)!r})"
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "-k", "gthread", "--threads", "8"]
    process = subprocess.Popen([*command, "--log-level", "error", *binds, app])
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{ports[-1]}/", timeout=2).close()
            return process
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the code host does not answer")


def repository(root: Path, seed: Path, name: str) -> None:
    """A repository that is another name for the first one: the host asks git for each all the same."""
    path = codehost.folder_of(root, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(seed)


def make(tickets: int, ports: list[int], root: Path) -> None:
    """The accounts, each with an app, two projects and two repositories of two owners."""
    seed = codehost.create_repository(root, "seed/seed")
    for port in ports:
        described.describe_host(f"http://127.0.0.1:{port}", private=True, plain_http=True)
    since = timezone.now() - timedelta(days=700)
    for number in range(tickets):
        user = User.objects.create(username=f"user{number}", email=f"user{number}@example.org")
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
        factories.add_totp(user)
        for half in "ab":
            port = ports[(2 * number + (half == "b")) % len(ports)]
            repository(root, seed, f"owner{number}{half}/tool")
            project, _created = services.ensure_project(f"tool-{number}-{half}", actor="system")
            urls = [("Source", f"http://127.0.0.1:{port}/owner{number}{half}/tool")]
            services.record_release(project, version="1.0", uploaded_at=since, urls=urls)
            Role.objects.create(project=project, user=user, kind="owner", created_at=since, accepted_at=since)
    for number in range(tickets):
        intake.note_request(username=f"user{number}", claim="second_factor", says_codes_lost=True, network="192.0.2.1")
    Request.objects.update(due_at=timezone.now() - timedelta(minutes=1))


def work(tickets: int) -> dict[str, Any]:
    """Sweep, round after round, until every ticket has had everything; when each part was done, in seconds."""
    began, after = time.monotonic(), dict[str, float]()
    while len(after) < 4 and time.monotonic() - began < GIVE_UP:
        sweep.sweep()
        for part, done in _parts(tickets).items():
            if done and part not in after:
                after[part] = time.monotonic() - began
    return {**after, "seconds": max(after.values()), "tickets": tickets, "mails": Mail.objects.count(),
            "looks": Boundary.objects.exclude(last_probed_at=None).count()}  # fmt: skip


def _parts(tickets: int) -> dict[str, bool]:
    return {
        "opened": RecoveryTicket.objects.count() == tickets,
        "challenged": RecoveryTicket.objects.filter(status=Status.CHALLENGED).count() == tickets,
        "mailed": Mail.objects.exists() and not Mail.objects.filter(state=Mail.State.QUEUED).exists(),
        "looked": Boundary.objects.exclude(last_probed_at=None).count() == 2 * tickets,
    }


if __name__ == "__main__":
    wanted, many = int(sys.argv[1]), free_ports(int(sys.argv[2]))
    folder = Path(settings.VAR_DIR) / "repositories"
    folder.mkdir(parents=True, exist_ok=True)
    make(wanted, many, folder)
    host = serve(folder, many)
    try:
        print(json.dumps(work(wanted)))
    finally:
        host.terminate()
        host.wait()
