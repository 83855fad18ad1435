"""A database of its own for one bench: of the server in DATABASE_URL, else of a throw-away one."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests import cluster


@contextmanager
def own_database() -> Iterator[dict[str, str]]:
    """The environment of a program on an empty database and an empty VAR_DIR; both are dropped afterwards."""
    server = os.environ.get("DATABASE_URL", "")
    server = server if server.startswith("postgres") else cluster.start()
    name = f"recoverydesk_bench_{os.getpid()}"
    address, mark, query = server.partition("?")
    url = f"{address.rpartition('/')[0]}/{name}{mark}{query}"
    own = {"DATABASE_URL": url, "CACHE_URL": "locmemcache://", "DJANGO_SETTINGS_MODULE": "recoverydesk.settings"}
    with psycopg.connect(server, autocommit=True) as connection, tempfile.TemporaryDirectory() as folder:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield os.environ | own | {"VAR_DIR": folder}
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
