"""The database as one file, as it is in the view that is open: `pg_dump` on PostgreSQL, SQLite's own backup there."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from django.db import connection
from django.utils.translation import gettext as _
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo

if TYPE_CHECKING:
    import psycopg

MODE = 0o600
PAGES = 2000
POLL = 0.5  # seconds
Follow = Callable[[int, int], None]


class DumpFailed(OSError):
    """The database's own tool did not do it; the text is what it said."""


def write(folder: Path, follow: Follow) -> str:
    """Write the file into the folder and return its name. Call it inside `audit.chain.snapshot.one_view`.

    `follow` is told (bytes done, bytes in all or 0). Raises DumpFailed and OSError.
    """
    name = "database.dump" if connection.vendor == "postgresql" else "database.sqlite3"
    descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    try:
        if connection.vendor == "postgresql":
            _pg_dump(descriptor, follow)
        else:
            _sqlite(folder / name, follow)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return name


def pg_program(name: str) -> str:
    """The path of one of PostgreSQL's programs: the one that is called by its name, else the newest Debian has."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    path = shutil.which(name) or (str(found[-1]) if found else "")
    if not path:
        raise DumpFailed(_("There is no %(name)s: install PostgreSQL's client programs.") % {"name": name})
    return path


def _pg_dump(descriptor: int, follow: Follow) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT pg_export_snapshot()")
        (snapshot,) = cursor.fetchone()
    where, password = _where()
    command = [pg_program("pg_dump"), "--format=custom", "--no-password", f"--snapshot={snapshot}", f"--dbname={where}"]
    variables = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PGPASSWORD": password}  # and none of our secrets
    with subprocess.Popen(command, stdout=descriptor, stderr=subprocess.PIPE, env=variables, text=True) as running:
        _watch(running, descriptor, follow)


def _where() -> tuple[str, str]:
    """The database this process is connected to, for libpq, and apart from that the password."""
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    asked = {name: value for name, value in connection.get_connection_params().items() if name in known}
    info = cast("psycopg.Connection[Any]", connection.connection).info
    asked |= {"host": info.host, "port": info.port, "user": info.user, "dbname": info.dbname}
    asked.pop("password", None)
    return make_conninfo(**{name: str(value) for name, value in asked.items()}), info.password


def _watch(running: "subprocess.Popen[str]", descriptor: int, follow: Follow) -> None:
    """Tell how large the file is until the program ends."""
    while True:
        try:
            _nothing, said = running.communicate(timeout=POLL)
        except subprocess.TimeoutExpired:
            follow(os.fstat(descriptor).st_size, 0)
            continue
        except BaseException:
            running.kill()
            raise
        if running.returncode:
            raise DumpFailed(said.strip() or f"pg_dump: {running.returncode}")
        return


def _sqlite(path: Path, follow: Follow) -> None:
    """SQLite's online backup on our own connection, whose open view it copies."""
    source = cast(sqlite3.Connection, connection.connection)
    with closing(sqlite3.connect(path)) as target:
        source.backup(
            target, pages=PAGES, progress=lambda _status, left, pages: follow((pages - left) * 4096, pages * 4096)
        )
