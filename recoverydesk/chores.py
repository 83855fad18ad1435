"""Due work of rooms that the ticket office may not import, named in settings.CHORES. Part of every sweep."""

import logging
from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)


def run() -> dict[str, int]:
    """Do each chore and return how much of it was done; one that fails does not hold up the others."""
    return {name: _do(name, path) for name, path in settings.CHORES.items()}


def _do(name: str, path: str) -> int:
    try:
        return cast(Callable[[], int], import_string(path))()
    except Exception:
        logger.exception("the chore %s failed", name)
        return 0
