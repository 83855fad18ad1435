"""The worker's ear for the broker: a message that makes no sense is thrown away, and the worker lives on.

Celery refuses most of them itself, but ends on some: a body that is a number, an id that is missing. What cannot be
gone on from ends the process at once, so that whatever looks after it starts it again (ADR 0110).
"""

import logging
import os
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

logger = logging.getLogger(__name__)
Handler = Callable[[Any], Any]
EX_SOFTWARE = 70  # sysexits.h
DEAF = {"without_mingle": True, "without_gossip": True, "without_heartbeat": True}


class Consumer(CeleryConsumer):
    """Celery's consumer, named in CELERY_WORKER_CONSUMER. It hears tasks and nothing else."""

    connection_errors: tuple[type[Exception], ...]
    channel_errors: tuple[type[Exception], ...]

    def __init__(self, on_task_request: Handler, **options: Any) -> None:
        """Celery's, but workers do not talk to each other: a broadcast is one more way to end them all."""
        options["worker_options"] = {**(options.get("worker_options") or {}), **DEAF}
        super().__init__(on_task_request, **options)

    def start(self) -> None:
        """Celery's; an error that Celery has no answer to ends the process now, whatever its tasks are doing.

        Celery would wait for them first, with nobody listening: a worker that lives and does nothing.
        """
        try:
            super().start()
        except Exception:
            logger.critical("the worker cannot go on and ends", exc_info=True)
            logging.shutdown()
            os._exit(EX_SOFTWARE)

    def create_task_handler(self, *args: Any, **options: Any) -> Handler:
        """Celery's handler, with an end for what it does not expect; trouble with the connection stays trouble."""
        handle: Handler = super().create_task_handler(*args, **options)

        def handle_or_reject(message: Any) -> Any:
            try:
                return handle(message)
            except Exception as error:
                if isinstance(error, (*self.connection_errors, *self.channel_errors)) and type(error) is not KeyError:
                    raise  # for Redis a KeyError passes for a broken connection, too
                logger.exception("a message from the broker was thrown away")
                message.reject_log_error(logger, self.connection_errors)
                return None

        return handle_or_reject
