"""The worker's ear for the broker: a message that makes no sense is thrown away, and the worker lives on.

Celery refuses most of them itself, but ends on some: a body that is a number, an id that is missing.
"""

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

logger = logging.getLogger(__name__)
Handler = Callable[[Any], Any]


class Consumer(CeleryConsumer):
    """Celery's consumer, named in CELERY_WORKER_CONSUMER."""

    connection_errors: tuple[type[Exception], ...]
    channel_errors: tuple[type[Exception], ...]

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
