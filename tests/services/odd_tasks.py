"""Tasks that only tests have: one that tells secrets, one that fails with them, one that breaks its worker's loop."""

import logging
import threading
from typing import Any

from celery import shared_task
from celery.signals import worker_ready

logger = logging.getLogger("odd")
_consumers: list[Any] = []


@worker_ready.connect(weak=False)
def _remember(sender: Any, **_: Any) -> None:
    _consumers.append(sender)


@shared_task
def tell(text: str) -> None:
    """Log what it is told, and warn of it."""
    logger.warning("told %s", text)
    logging.getLogger("another").info("printed %s", text)


@shared_task
def fail(text: str) -> None:
    """End in an error that carries what it is told."""
    raise ValueError(text)


@shared_task
def break_the_loop() -> None:
    """Make the worker's loop fail on what Celery does not expect, and go on for ever."""

    def broken() -> None:
        raise ZeroDivisionError

    _consumers[0].hub.call_soon(broken)
    threading.Event().wait()
