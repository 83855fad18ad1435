"""A backlog: 400 requests with two boundaries each; facts, mails and first looks by one worker.

The code host of the demo answers on forty loopback ports, so that the desk's own patience with one host (a look a
second) is kept and not measured: on a single host the 800 looks would take over 13 minutes, whoever asks.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from bench.rig import desk_data, report

ROOT = Path(__file__).resolve().parent.parent
TICKETS = int(os.environ.get("BACKLOG", "400"))
PORTS = 40


def main() -> None:
    """Measure, print, write the section."""
    base = desk_data.server()
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bench_backlog WITH (FORCE)")
        connection.execute("CREATE DATABASE bench_backlog")
    url = f"{base.rpartition('/')[0]}/bench_backlog"
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "DATABASE_URL": url, "VAR_DIR": folder, "PORT": "8000"}
        environment["DJANGO_SETTINGS_MODULE"] = "recoverydesk.settings"
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
        subprocess.run([sys.executable, "manage.py", "createcachetable"], cwd=ROOT, env=environment, check=True)
        command = [sys.executable, "-m", "bench.rig.backlog", str(TICKETS), str(PORTS)]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    seen = json.loads(done.stdout.splitlines()[-1])
    print(f"{seen['tickets']} tickets, {seen['mails']} mails, {seen['looks']} first looks: {seen['seconds']:.1f} s")
    rows = [report.bar(f"{seen['tickets']} tickets: facts, mails, first looks", seen["seconds"], 120, unit=" s")]
    load = os.getloadavg()[0]
    body = f"{(__doc__ or '').strip()}\n\n2 cores, load {load:.1f} at the end.\n\n"
    body += report.table(["Bar", "measured", "wanted", ""], rows)
    parts = [[name, f"{seen[name]:.1f} s"] for name in ("opened", "challenged", "mailed", "looked")]
    report.write("A backlog of 400 tickets", body + "\n" + report.table(["all", "after"], parts))
