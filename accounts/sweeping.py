"""One round of this room's due work that many workers share: typed requests, mail. The rest is in chores.py."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts import password_reset
from accounts.mail import outbox
from accounts.mail.models import Request
from common import leases
from common.clock import database_now

logger = logging.getLogger(__name__)

TRIED_FOR = timedelta(hours=24)


def sweep() -> int:
    """Do what is due now and return how much that was. Any number of workers may run it at once."""
    done = sum(_try(row) for row in leases.in_turn(due_requests(), order_by=("due_at", "id")))
    return done + outbox.send_due()


def due_requests() -> QuerySet[Request]:
    return Request.objects.filter(kind=password_reset.KIND, handled_at=None, due_at__lte=Now())


def _try(row: Request) -> int:
    """One that cannot be read (its key is gone) is given up at once; after any other fault it is tried again when its
    lease ends, for a day. Neither stops the others, and nothing of what was typed is logged."""
    try:
        return _handle(row)
    except Exception as fault:
        logger.error("request %s cannot be handled: %s", row.pk, type(fault).__name__)  # noqa: TRY400
        unreadable = isinstance(fault, ValueError | LookupError)
        if unreadable or database_now() - row.created_at > TRIED_FOR:
            leases.save_if_held(row, handled_at=Now())
        return 0


@transaction.atomic
def _handle(row: Request) -> int:
    """Handle the row and mark it handled in one transaction, if it is still leased to us."""
    if not leases.save_if_held(row, handled_at=Now()):
        return 0
    password_reset.handle(row)
    return 1
