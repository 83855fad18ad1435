"""How long sessions wait for each other's row locks, as PostgreSQL itself counts (`pg_locks.waitstart`)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg

EVERY = 0.005  # seconds between two looks: a wait that is shorter may go unseen, and counts as none
WAITING = """SELECT pid, waitstart, extract(epoch FROM clock_timestamp() - waitstart)
FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE datname = current_database()
AND NOT granted AND waitstart IS NOT NULL AND locktype IN ('transactionid', 'tuple')"""


@contextmanager
def watched(url: str) -> Iterator[dict[tuple[int, datetime], float]]:
    """Watch while the block runs; the dictionary fills with each wait that was seen and its seconds so far."""
    seen: dict[tuple[int, datetime], float] = {}
    over = threading.Event()

    def watch() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not over.wait(EVERY):
                for pid, since, seconds in connection.execute(WAITING).fetchall():
                    seen[pid, since] = float(seconds)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
