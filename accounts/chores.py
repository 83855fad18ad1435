"""This room's part of the sweep that goes by time alone: one worker does it at a time."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts import checkups, first_address, known_browsers, lifecycle
from accounts.mail.models import Request
from accounts.models import Session

AT_ONCE = 1_000  # rows deleted in a transaction


def run() -> int:
    """End flags whose days are over, free unused names, send check-ups, delete what nobody needs; returns how many."""
    ended = sum(lifecycle.finish_never_reset(user) for user in lifecycle.due_never_resets())
    ended += first_address.free_unused()
    return ended + checkups.send_due() + purge()


def purge() -> int:
    """Delete some handled requests, sessions that ran out and browsers not seen for long; returns how many."""
    return delete_requests() + delete_sessions() + known_browsers.purge()


def old_requests() -> QuerySet[Request]:
    """Handled KEEP_REQUESTS_DAYS ago: only a trace of who asked."""
    return Request.objects.filter(handled_at__lt=Now() - settings.KEEP_REQUESTS)


def ended_sessions() -> QuerySet[Session]:
    """Those that ran out, by the program's clock: the cookie says the same."""
    return Session.objects.filter(expire_date__lt=timezone.now())


def delete_requests() -> int:
    """Delete a thousand of them at most; returns how many."""
    return _some(old_requests())


def delete_sessions() -> int:
    """Delete a thousand of them at most; returns how many."""
    return _some(ended_sessions())


def _some(rows: QuerySet[Any]) -> int:
    found = list(rows.values_list("pk", flat=True)[:AT_ONCE])
    return int(rows.model._base_manager.filter(pk__in=found).delete()[0]) if found else 0
