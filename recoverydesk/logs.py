"""Log lines of web, worker, beat and commands: JSON in production, words at home. Secrets are masked in both.

Django, Celery (recoverydesk/celery.py) and gunicorn (recoverydesk/web_server.py) all write through the one handler that
settings.LOGGING describes.
"""

import logging
import logging.config
import re
import sys
import threading
from collections.abc import MutableMapping
from typing import Any

import structlog

from recoverydesk import log_ids

MASK = "•••"
# a mailed key (row id, dot, 43 characters), a branch token, an API token (prefix, dash, a v2 macaroon in base64), the
# password in a service's address
SECRETS = re.compile(
    r"\b\d+\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])|000-recovery-[a-z2-7]{6,}|[A-Za-z][A-Za-z0-9_]*-AgE[A-Za-z0-9_-]{40,}"
    r"|(?<=://)[^\s/@]*:[^\s/@]+(?=@)"
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


def whose(_logger: Any, _method: str, event: Event) -> Event:
    """A structlog processor: which part of the program says it, and at which request or task it worked."""
    task = getattr(event.get("_record"), "data", None)  # Celery's own lines about a task, from its main thread
    known = task.get("id") if isinstance(task, dict) else None
    event["part"], event["id"] = log_ids.part(), f"task-{known}" if known else log_ids.now()
    return event


SHARED: list[structlog.typing.Processor] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    whose,
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
    head += f"[{event.get('id', '')}] "
    line = head + str(event.get("event", "")).encode("unicode_escape").decode("ascii", "replace").replace("\\\\", "\\")
    return f"{line}\n{event['exception']}" if event.get("exception") else line


def configure(config: dict[str, Any]) -> None:
    """Set logging up from settings.LOGGING (it is named in LOGGING_CONFIG): warnings and last words are lines, too."""
    logging.config.dictConfig(config)
    logging.captureWarnings(True)
    if config["formatters"]["line"]["as_json"] and not sys.stderr.isatty():
        sys.excepthook = _last_words
        threading.excepthook = lambda last: _last_words(last.exc_type, last.exc_value, last.exc_traceback)


def _last_words(kind: Any, error: Any, traceback: Any) -> None:
    """An error nobody caught."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
    else:
        logging.getLogger("recoverydesk").critical("it ends with an error", exc_info=(kind, error, traceback))
