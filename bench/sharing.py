"""Three workers of four threads, started with the line of the README, against one worker of one thread.

Once the work is a processor's (new tickets are challenged), once it is waiting (looks at 200 hosts that think for eight
seconds). Rates are counted between the first and the last row that says it was done. The single thread works
before and after the twelve, on fewer tickets; it counts with the mean of the two. A ticket's wait for a lock is what
PostgreSQL says of it (`pg_locks`, every 5 ms); most tickets wait for none, and shorter waits count as none.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.rig import desk_data, lock_waits, report
from recoverydesk.broker import worker_line

ROOT = Path(__file__).resolve().parent.parent
TICKETS = int(os.environ.get("SHARED_TICKETS", "600"))
ALONE = min(64, TICKETS)
HOSTS, THINKS = 200, 8.0  # code hosts, seconds each takes for an answer
GIVE_UP = 900  # seconds
KINDS = {
    "challenges": "SELECT count(*), extract(epoch FROM max(time) - min(time)) FROM audit_event"
    " WHERE tag = 'account:recovery:challenge'",
    "looks": "SELECT count(*), extract(epoch FROM max(probed_at) - min(probed_at)) FROM recovery_probe",
}
REFUSED = "SELECT count(*) FROM audit_event WHERE tag = 'account:recovery:refused'"


@dataclass(frozen=True)
class Seen:
    """What one crowd of workers did with one kind of work."""

    rate: float
    refused: int
    waits: list[float]


def measure(kind: str, tickets: int, *, workers: int, threads: int) -> Seen:
    """Make the work in a fresh database, let the workers do it, and count."""
    base = desk_data.server()
    name = "bench_sharing"
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    url = f"{base.rpartition('/')[0]}/{name}"
    with tempfile.TemporaryDirectory() as folder, ExitStack() as rest:
        environment = _environment(url, Path(folder))
        for command in ("migrate", "createcachetable"):
            _run(environment, "manage.py", command, "-v0")
        ports = _hosts(rest, environment) if kind == "looks" else []
        _run(environment, "-m", "bench.rig.sharing", kind, str(tickets), *ports)
        for number in range(workers):
            _start(rest, environment, _worker(threads, number))
        _start(rest, environment, [sys.executable, "-m", "celery", "-A", "recoverydesk", "-q", "beat", "--pidfile="])
        with lock_waits.watched(url) as waits:
            count, seconds = _wait(url, kind, tickets)
        with psycopg.connect(url) as connection:
            refused = _first(connection, REFUSED)
    began = THINKS if kind == "looks" else 0  # the first answer came so long after its question
    return Seen(count / (seconds + began), refused, [*waits.values(), *[0.0] * (tickets - len(waits))])


def _environment(url: str, folder: Path) -> dict[str, str]:
    queue = folder / "queue" / "control"
    queue.mkdir(parents=True)
    own = {"DATABASE_URL": url, "VAR_DIR": str(folder), "PORT": "8000"}
    return {**os.environ, **own, "DJANGO_SETTINGS_MODULE": "recoverydesk.settings", "DEBUG": ""}


def _worker(threads: int, number: int) -> list[str]:
    """The README's line; for the single thread with another number behind it, which wins."""
    more = ["-c", str(threads)] if threads != worker_line.THREADS else []
    return worker_line.command(*more, "-n", f"w{number}@%h", "--loglevel", "CRITICAL")


def _run(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


def _start(rest: ExitStack, environment: dict[str, str], command: list[str]) -> "subprocess.Popen[str]":
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    rest.callback(process.wait, 60)
    rest.callback(process.kill)
    return process


def _hosts(rest: ExitStack, environment: dict[str, str]) -> list[str]:
    """The ports of the slow code hosts."""
    process = _start(rest, environment, [sys.executable, "-m", "bench.rig.slow_hosts", str(THINKS), str(HOSTS)])
    assert process.stdout is not None
    return process.stdout.readline().split()


def _wait(url: str, kind: str, tickets: int) -> tuple[int, float]:
    deadline = time.monotonic() + GIVE_UP
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < deadline:
            count, seconds = connection.execute(KINDS[kind]).fetchone() or (0, 0)
            if count >= tickets:
                return int(count), float(seconds)
            time.sleep(0.5)
    raise TimeoutError(f"{kind}: {count} of {tickets}")


def _first(connection: "psycopg.Connection[Any]", query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def main() -> None:
    """Measure, print, write the section."""
    rows, table = [], []
    for kind, wanted in (("looks", 3), ("challenges", 1)):
        before = measure(kind, ALONE, workers=1, threads=1)
        crowd = measure(kind, TICKETS, workers=3, threads=worker_line.THREADS)
        after = measure(kind, ALONE, workers=1, threads=1)
        alone, median = (before.rate + after.rate) / 2, 1000 * statistics.median(crowd.waits)
        print(f"{kind}: alone {before.rate:.1f} and {after.rate:.1f}/s, twelve {crowd.rate:.1f}/s,"
              f" {crowd.refused} refused, a lock {median:.1f} ms", flush=True)  # fmt: skip
        rows += [
            report.bar(f"{kind}: twelve threads / one", crowd.rate / alone, wanted, at_least=True),
            report.bar(f"{kind}: false events", crowd.refused, 0),
            report.bar(f"{kind}: median wait for a lock", median, 5, unit=" ms"),
        ]
        waited = sum(wait > 0 for wait in crowd.waits)
        table.append([kind, f"{before.rate:.1f} and {after.rate:.1f}", f"{crowd.rate:.1f}", f"{waited} of {TICKETS}"])
    load = f"{TICKETS} tickets, 2 cores that others used as well, load {os.getloadavg()[0]:.1f} at the end"
    body = f"{(__doc__ or '').strip()}\n\n`SHARED_TICKETS=600 python -m bench sharing`; {load}.\n\n"
    body += report.table(["Bar", "measured", "wanted", ""], rows)
    body += "\n" + report.table(["work", "one thread, a second", "twelve, a second", "waited for a lock"], table)
    report.write("Sweeps share the work", body)


if __name__ == "__main__":
    main()
