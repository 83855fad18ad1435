"""The registry the desk is measured on: built once in a database of its own on PostgreSQL, and kept."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
from django.conf import settings

from tests import cluster

ROOT = Path(__file__).resolve().parent.parent.parent
FULL = {"users": 200_000, "projects": 150_000, "releases": 1_000_000, "tickets": 100_000, "events": 2_000_000}
SMALL = {"users": 20_000, "projects": 15_000, "releases": 100_000, "tickets": 10_000, "events": 200_000}


def server() -> str:
    """The PostgreSQL to use: BENCH_DATABASE_URL, DATABASE_URL, or a throw-away cluster."""
    given = os.environ.get("BENCH_DATABASE_URL") or os.environ.get("DATABASE_URL", "")
    return given if given.startswith("postgres") else cluster.start()


def ready(name: str, sizes: dict[str, int]) -> str:
    """The URL of the database of this name, built with `manage.py populate` when it is not there yet."""
    base = server()
    url = f"{base.rpartition('/')[0]}/{name}"
    with psycopg.connect(base, autocommit=True) as connection:
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if not there:
            connection.execute(f'CREATE DATABASE "{name}"')
        connection.execute(f'ALTER DATABASE "{name}" SET random_page_cost = 1.1')  # as the README advises for SSDs
    manage(url, "migrate", "-v0")
    manage(url, "createcachetable")
    if not _filled(url):
        print(manage(url, "populate", "--seed", "1", *(part for size, number in sizes.items()
                                                       for part in (f"--{size}", str(number)))).strip())  # fmt: skip
    return url


def _filled(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return bool(connection.execute("SELECT 1 FROM recovery_recoveryticket LIMIT 1").fetchone())


def manage(url: str, *arguments: str) -> str:
    """Run a management command against that database."""
    environment = {**os.environ, "DATABASE_URL": url, "VAR_DIR": str(settings.VAR_DIR), "DEBUG": ""}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
