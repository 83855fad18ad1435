"""`manage.py demo`: everything on one machine, until Ctrl-C."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand
from rich.console import Console

from accounts.models import User
from recoverydesk.broker import worker_line
from recoverydesk.demo import codehost, supervisor
from recoverydesk.demo.logins import CLAIMANT, REPOSITORIES
from recoverydesk.recovery.code_hosts import described
from recoverydesk.recovery.models import CodeHost

ANNOUNCEMENT = """
{site_name} is running. The objection window is {window} seconds here, so that a story fits into a coffee.

  Site            {base}/
  Desk            {base}/admin/
  Logins          {base}/demo/          every login, its password and its current code
  Inbox           {base}/demo/inbox/    every mail the desk has sent
  Code host       {code_host}/

To play the claimant, ask for recovery of "{claimant}" at {base}/recover/, open the mail in the inbox, and
push the branch it names to these two repositories. BRANCH is the branch name in the mail:

{commands}

Ctrl-C stops everything; `make run` continues where it was.
"""
PUSH = "  git clone --depth 1 {url} {folder}\n  git -C {folder} push origin HEAD:refs/heads/BRANCH"


class Command(BaseCommand):
    help = "Serve the demo: web, worker, beat and a local code host, with sample data."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, prepare, run. A reason to stop is one line on standard error and exit 1."""
        try:
            keep = supervisor.lock(Path(settings.VAR_DIR) / "run.lock")
            commands = processes()
            prepare()
            health = f"http://localhost:{settings.PORT}/demo/"
            supervisor.become(commands, keep=keep, health=health, announcement=announcement())
        except (supervisor.DemoRefused, codehost.GitMissing) as refusal:
            sys.exit(str(refusal))


def repositories_folder() -> Path:
    """Return the folder the code host serves."""
    return Path(settings.VAR_DIR) / "repositories"


def code_host_origin() -> str:
    """Return the address of the code host as people and tickets name it."""
    return f"http://localhost:{settings.CODE_HOST_PORT}"


def processes() -> dict[str, list[str]]:
    """Return every child's name and command. Raises DemoRefused for a taken port, GitMissing without git."""
    codehost.http_backend()
    gunicorn = supervisor.python("gunicorn", "--graceful-timeout", "3", "--log-level", "warning")
    web = [
        *supervisor.binds(settings.PORT, "PORT"),
        "-c",
        "python:recoverydesk.web_server",
        "--workers",
        "1",
        "recoverydesk.wsgi",
    ]
    served = f"recoverydesk.demo.codehost:make_app({str(repositories_folder())!r})"
    host = [
        *supervisor.binds(settings.CODE_HOST_PORT, "CODE_HOST_PORT"),
        "--no-control-socket",
        "--threads",
        "8",
        served,
    ]
    celery = supervisor.python("celery", "--quiet", "--app", "recoverydesk")
    return {
        "web server": gunicorn + web,
        "code host": [*gunicorn, "--no-control-socket", *host],
        "worker": worker_line.command("--loglevel", "WARNING"),
        "beat": [*celery, "beat", "--pidfile=", "--loglevel", "WARNING"],
    }


def prepare() -> None:
    """Make folders, tables, the code host's row and, on the first start, the sample data."""
    repositories_folder().mkdir(parents=True, exist_ok=True)
    with Console().status("Making the tables and the static files ..."):
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
    if not CodeHost.objects.filter(origin=code_host_origin()).exists():
        described.describe_host(code_host_origin(), private=True, plain_http=True)
    if "sample_data" in get_commands() and not User.objects.exists():
        print("Making the sample registry ...", flush=True)
        call_command("sample_data")


def announcement() -> str:
    """Return what the person at the shell needs to know: addresses, logins, the claimant's commands."""
    commands = (PUSH.format(url=f"{code_host_origin()}/{name}", folder=name.split("/")[1]) for name in REPOSITORIES)
    return ANNOUNCEMENT.format(
        site_name=settings.SITE_NAME,
        window=round(settings.RECOVERY_OBJECTION_WINDOW.total_seconds()),
        base=settings.BASE_URL,
        code_host=code_host_origin(),
        claimant=CLAIMANT,
        commands="\n".join(commands),
    )
