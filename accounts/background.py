"""Wakes the workers. The row is the truth; a message is only a wake-up, so losing one loses nothing."""

import functools
import logging
from typing import Any

from celery import current_app
from django.db import connection, transaction

from accounts import failpoints

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
    failpoints.reach("wake", "before")
    try:
        with _impatient_connection() as broker:
            current_app.send_task(name, connection=broker, retry=False, ignore_result=True, expires=EXPIRES)
    except Exception as error:  # whatever a transport raises: the caller's work is done and committed
        logger.warning("no worker woken for %s: %s", name, error)
    failpoints.reach("wake", "sent")


def _impatient_connection() -> Any:
    options = {**current_app.conf.broker_transport_options, **PATIENCE}
    return current_app.connection_for_write(connect_timeout=1, transport_options=options)
