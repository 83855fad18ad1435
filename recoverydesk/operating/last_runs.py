"""Remembers how the commands ended that a site runs by timer: nobody reads what a timer prints."""

import logging

from django.apps import apps
from django.db import DatabaseError
from django.db.models.functions import Now

LASTING = ("verify_audit", "check_invariants", "backup")
HIGHEST = 255  # of an exit code
logger = logging.getLogger(__name__)


def note(name: str, code: int) -> None:
    """Write down that it ended so; where the database is away, the log says it."""
    rows = apps.get_model("operating", "LastRun")._default_manager
    try:
        rows.update_or_create(name=name, defaults={"at": Now(), "code": min(abs(code), HIGHEST)})
    except DatabaseError as error:
        logger.warning("%s ended with %s, which could not be written down: %s", name, code, type(error).__name__)
