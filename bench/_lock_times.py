"""Included in a worker (`-I bench._lock_times`): how long each statement that locks rows took, in `$LOCK_TIMES.<pid>`.

A line a statement, in milliseconds. A lock that was free costs one turn to the database and back.
"""

import os
import time
from typing import Any

from django.db.backends.signals import connection_created

LOCKING = ("FOR UPDATE", "FOR NO KEY UPDATE")


def _timed(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    begun = time.monotonic()
    try:
        return execute(sql, params, many, context)
    finally:
        if any(word in str(sql) for word in LOCKING):
            _file.write(f"{(time.monotonic() - begun) * 1000:.2f}\n")


def _listen(connection: Any, **_more: Any) -> None:
    if _timed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_timed)


_file = open(f"{os.environ['LOCK_TIMES']}.{os.getpid()}", "a", buffering=1)  # noqa: SIM115 - as long as the worker
connection_created.connect(_listen)
