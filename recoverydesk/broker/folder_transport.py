"""Celery's transport without a server, made safe: kombu's lets a worker read half a message and end on it.

A message is written beside its place and renamed into it; what is no message is thrown away.
"""

import logging
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

logger = logging.getLogger(__name__)
PARTS = {"body", "properties"}


class Channel(filesystem.Channel):
    """kombu's channel, with whole files only."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]  # kombu names it twice
        """Put a message into the queue; its name sorts by time, as kombu's does."""
        place = Path(self.data_folder_out, f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg")
        draft = place.with_suffix(".draft")
        try:
            draft.write_text(dumps(payload))
            draft.rename(place)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise ChannelError(f"cannot add {place.name} to the queue") from error

    def _get(self, queue: str, timeout: float | None = None) -> Any:  # noqa: ARG002  # kombu passes none
        """Return the oldest message; raises Empty for none, and for what is no message."""
        try:
            found = super()._get(queue)
        except ValueError:
            found = None
        if not isinstance(found, dict) or not found.keys() >= PARTS or not isinstance(found["properties"], dict):
            logger.error("what was no message was thrown away")
            raise Empty
        return found


class Transport(filesystem.Transport):
    """The transport behind filesystem:// in this program."""

    Channel = Channel


def install() -> None:
    """Let filesystem:// mean this transport."""
    TRANSPORT_ALIASES["filesystem"] = "recoverydesk.broker.folder_transport:Transport"
