"""Due work of rooms that the ticket office may not import, named in settings.CHORES. Part of every sweep.

Of several workers one does a chore, by a lease of its row; the others pass by and neither wait nor do it twice.
"""

import logging
from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from common import leases
from recoverydesk.recovery.models import Chore

logger = logging.getLogger(__name__)


def run_chores() -> dict[str, int]:
    """Do each chore that is free and return how much of it was done; one that fails does not hold up the others."""
    done = dict.fromkeys(settings.CHORES, 0)
    for row in _mine():
        try:
            done[row.name] = _do(row.name)
        finally:
            leases.save_if_held(row)
    return done


def _mine() -> list[Chore]:
    """The rows no other worker holds, leased, in the order of the setting. Two queries; one more for new chores."""
    names = list(settings.CHORES)
    known = Chore.objects.filter(name__in=names)
    missing = set(names) - set(known.values_list("name", flat=True))
    if missing:
        Chore.objects.bulk_create([Chore(name=name) for name in sorted(missing)], ignore_conflicts=True)
    rows = leases.claim(known, limit=len(names))
    return sorted(rows, key=lambda row: names.index(row.name))


def _do(name: str) -> int:
    try:
        return cast(Callable[[], int], import_string(settings.CHORES[name]))()
    except Exception:
        logger.exception("the chore %s failed", name)
        return 0
