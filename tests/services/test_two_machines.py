"""Two machines, each with a beat and a worker, do the work of one: nothing twice, and the log stays one chain."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from recoverydesk import settings_rules
from recoverydesk.broker import worker_line
from tests import cluster
from tests.helpers.files import ROOT
from tests.helpers.ports import free_port
from tests.services import postbox, processes, servers

TICKETS = 12
WAKE_UPS = 5  # of each beat, after the first work is done
MACHINES = ("one", "two")
COUNTED = """
CREATE TABLE computed (at timestamptz);
CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO computed VALUES (NEW.made_at); RETURN NULL; END $$;
CREATE TRIGGER note_it AFTER UPDATE OF made_at ON statistics_figures FOR EACH ROW EXECUTE FUNCTION note_it();
"""
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(cluster.installed() is None, reason="needs the programs of PostgreSQL: initdb, postgres"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server"),
]


class Site:
    """One database, broker, cache and mail server; keys in common, and a VAR_DIR for each machine."""

    def __init__(self, folder: Path, mails: postbox.Postbox) -> None:
        self.folder, self.mails = folder, mails
        self.postgres, self.redis = servers.Postgres(folder), servers.Redis(folder)
        self.common = {
            "BASE_URL": f"http://localhost:{free_port()}",
            "DATABASE_URL": self.postgres.url(),
            "BROKER_URL": self.redis.url,
            "CACHE_URL": self.redis.url.replace("redis:", "rediscache:").replace("/0", "/1"),
            "EMAIL_URL": f"smtp://127.0.0.1:{mails.port}",
            "SECRET_KEY": settings_rules.new_key() * 2,
            "FIELD_KEYS": settings_rules.new_key(),
            "AUDIT_KEY": settings_rules.new_key(),
            "SWEEP_EVERY": "1",
            "LOG_LEVEL": "INFO",
            "DJANGO_SETTINGS_MODULE": "recoverydesk.settings",
        }

    def of(self, machine: str) -> dict[str, str]:
        return {**self.common, "VAR_DIR": str(self.folder / machine)}

    def run(self, machine: str, *words: str) -> "subprocess.CompletedProcess[str]":
        known: Mapping[str, str] = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.run(
            [sys.executable, *words], cwd=ROOT, env={**known, **self.of(machine)}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    def number(self, sql: str) -> int:
        ((found,),) = self.postgres.execute(f"SELECT {sql}")
        return int(str(found))


@pytest.fixture
def site() -> Iterator[Site]:
    folder, mails = Path(tempfile.mkdtemp(prefix="recoverydesk-two-")), postbox.Postbox()
    mails.open()
    made = Site(folder, mails)
    root = "from tests.helpers.tickets import make_root; make_root()"
    for words in (
        ["manage.py", "migrate", "-v0"],
        ["-m", "bench.rig.sharing", "challenges", str(TICKETS)],
        ["manage.py", "shell", "--no-imports", "-c", root],
    ):
        done = made.run("one", *words)
        assert done.returncode == 0, done.stderr
    made.postgres.execute(COUNTED)
    yield made
    made.redis.stop()
    made.postgres.stop(signal.SIGQUIT)
    mails.close()
    shutil.rmtree(folder, ignore_errors=True)


def start(site: Site, machine: str, rest: ExitStack) -> tuple[processes.Process, processes.Process]:
    """A machine's beat and worker."""
    beat = [*processes.beat_command(), "--loglevel", "INFO"]
    worker = worker_line.command("--loglevel", "INFO", "--hostname", f"{machine}@%h")
    return (
        rest.enter_context(processes.running(beat, site.of(machine), site.folder / f"{machine}-beat.log")),
        rest.enter_context(processes.running(worker, site.of(machine), site.folder / f"{machine}-worker.log")),
    )


def sent(beat: processes.Process) -> int:
    return beat.said().count("Sending due task sweep")


def test_two_beats_and_two_workers_do_nothing_twice(site: Site) -> None:
    challenged = "count(*) FROM audit_event WHERE tag = 'account:recovery:challenge'"
    waiting = "count(*) FROM accounts_mail WHERE state = 'queued'"
    with ExitStack() as rest:
        parts = [start(site, machine, rest) for machine in MACHINES]
        servers.wait_for(lambda: site.number(challenged) >= TICKETS, "challenges")
        servers.wait_for(lambda: site.number("count(*) FROM computed") >= 1, "figures")
        servers.wait_for(lambda: site.number(waiting) == 0, "mails")
        before = [sent(beat) for beat, _worker in parts]
        enough = [number + WAKE_UPS for number in before]
        servers.wait_for(
            lambda: all(sent(beat) >= number for (beat, _), number in zip(parts, enough, strict=True)), "wake-ups"
        )
        for process in (one for machine in parts for one in machine):
            process.child.send_signal(signal.SIGTERM)
        for process in (one for machine in parts for one in machine):
            assert process.child.wait(120) == 0, process.said()
        said = "".join(worker.said() for _beat, worker in parts)
    _nothing_twice(site)
    assert "Traceback" not in said
    for machine in MACHINES:
        for command in ("verify_audit", "check_invariants"):
            done = site.run(machine, "manage.py", command)
            assert done.returncode == 0, done.stdout + done.stderr


def _nothing_twice(site: Site) -> None:
    assert site.number("count(*) FROM audit_event WHERE tag = 'account:recovery:challenge'") == TICKETS
    assert site.number("count(*) FROM audit_event WHERE tag = 'account:recovery:refused'") == 0
    assert site.number("count(*) FROM computed") == 1  # once an hour
    assert site.number("count(*) FROM accounts_mail WHERE kind = 'audit_checkpoint'") == 1  # the same
    assert site.number("count(*) FROM accounts_mail WHERE attempts <> 1") == 0
    assert set(site.mails.tries.values()) == {1}
    assert len(site.mails.taken) == site.number("count(*) FROM accounts_mail")
    assert site.number("count(*) - count(DISTINCT last_id) FROM audit_seal WHERE count > 0") == 0
    assert site.number("count(*) FROM recovery_chore WHERE lease IS NOT NULL AND leased_until > now()") == 0
