"""Log lines: JSON in production, words at home; mailed keys, branch tokens and API tokens are masked in both."""

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

MASK = "•••"
# a mailed key (row id, dot, 43 characters), a branch token, an API token (prefix, dash, a v2 macaroon in base64)
SECRETS = re.compile(
    r"\b\d+\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])|000-recovery-[a-z2-7]{6,}|[a-z]+-AgE[A-Za-z0-9_-]{40,}"
)
ADDRESSES = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
Event = MutableMapping[str, Any]


def masked(text: str) -> str:
    """The text with every mailed key, branch token, API token and mail address replaced by dots."""
    return ADDRESSES.sub(MASK, SECRETS.sub(MASK, text))


def mask(_logger: Any, _method: str, event: Event) -> Event:
    """A structlog processor: mask every text of the line, its traceback included."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = masked(value)
    return event


SHARED: list[structlog.typing.Processor] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    mask,
]


def formatter(*, as_json: bool) -> logging.Formatter:
    """The one formatter of every handler."""
    renderer: Any = structlog.processors.JSONRenderer() if as_json else _words
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


def _words(_logger: Any, _method: str, event: Event) -> str:
    """One line for a person at a shell; control characters of a hostile request cannot start another one."""
    head = f"{event.get('timestamp', '')} {event.get('level', '').upper()} {event.get('logger', '')} "
    line = head + str(event.get("event", "")).encode("unicode_escape").decode("ascii", "replace").replace("\\\\", "\\")
    return f"{line}\n{event['exception']}" if event.get("exception") else line
