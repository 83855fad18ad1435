"""Wakes the workers. The row is the truth; a message is only a wake-up, so losing one loses nothing."""

import functools
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import current_app
from django.db import connection, transaction

from common import failpoints

TASKS = "recoverydesk.recovery.tasks"
EXPIRES = 60  # seconds: an old wake-up is worth nothing
PATIENCE = {  # seconds and tries a request may spend on a broker that does not answer
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    "socket_connect_timeout": 1,
    "socket_timeout": 1,
}

logger = logging.getLogger(__name__)
_round = threading.local()  # `asked`: the names asked for inside this thread's round; there only inside one
_HELP = "sweep"


@contextmanager
def one_round() -> Iterator[None]:
    """A worker's round of due work: what it asks for inside is sent once, at its end.

    Otherwise each of 600 tickets would bring a message of its own, and each message a round that finds nothing.
    """
    _round.asked, _round.helped = set(), False
    try:
        yield
    finally:
        asked = _round.asked
        del _round.asked
        for name in asked:
            _send(name)


def call_for_help() -> None:
    """There is more due than this round takes: wake another worker at once; once a round, and only in one."""
    if getattr(_round, "asked", None) is not None and not _round.helped:
        _round.helped = True
        _deliver(f"{TASKS}.{_HELP}")


def wake(task_name: str = "sweep") -> None:
    """Ask a worker to look for due work once the current transaction commits (at once outside one).

    Asked several times in one transaction, it sends one message. A broker that is down costs about a second and a
    line in the log; the work waits for the next round.
    """
    send = _sender(task_name)
    if not any(waiting[1] is send for waiting in connection.run_on_commit):
        transaction.on_commit(send)


@functools.cache
def _sender(task_name: str) -> functools.partial[None]:
    return functools.partial(_send, f"{TASKS}.{task_name}")


def _send(name: str) -> None:
    asked = getattr(_round, "asked", None)
    if asked is None:
        _deliver(name)
    else:
        asked.add(name)


def _deliver(name: str) -> None:
    failpoints.reach("wake", "before")
    try:
        with impatient_connection() as broker:
            current_app.send_task(name, connection=broker, retry=False, ignore_result=True, expires=EXPIRES)
    except Exception as error:  # whatever a transport raises: the caller's work is done and committed
        logger.warning("no worker woken for %s: %s", name, error)
    failpoints.reach("wake", "sent")


def impatient_connection() -> Any:
    """A connection to the broker that gives up within a second or two."""
    options = {**current_app.conf.broker_transport_options, **PATIENCE}
    return current_app.connection_for_write(connect_timeout=1, transport_options=options)
