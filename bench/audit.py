"""What writing, sealing, verifying and reading the audit log cost, on PostgreSQL (DATABASE_URL or a throw-away)."""

import os
import subprocess
import sys
import tempfile

import psycopg

from tests import cluster


def main() -> None:
    """Make a database, run `bench/rig/audit.py` on it in a process of its own, drop it."""
    server = os.environ.get("DATABASE_URL", "")
    if not server.startswith("postgres"):
        server = cluster.start()
    name = f"recoverydesk_bench_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            _run(server, name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _run(server: str, name: str) -> None:
    base, _slash, rest = server.rpartition("/")
    _old, question, query = rest.partition("?")
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "DATABASE_URL": f"{base}/{name}{question}{query}",
            "VAR_DIR": folder,
            "CACHE_URL": "locmemcache://",
            "DJANGO_SETTINGS_MODULE": "recoverydesk.settings",
        }
        subprocess.run([sys.executable, "-m", "bench.rig.audit"], env=environment, check=True)
