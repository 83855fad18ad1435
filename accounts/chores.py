"""This room's part of the sweep that goes by time alone: one worker does it at a time."""

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone

from accounts import checkups, first_address, known_browsers, lifecycle
from accounts.mail.models import Request
from accounts.models import Session


def run() -> int:
    """End flags whose days are over, free unused names, send check-ups, delete what nobody needs; returns how many."""
    ended = sum(lifecycle.finish_never_reset(user) for user in lifecycle.due_never_resets())
    ended += first_address.free_unused()
    return ended + checkups.send_due() + purge()


def purge() -> int:
    """Delete handled requests, sessions that ran out (app clock), browsers not seen for a year."""
    old = Request.objects.filter(handled_at__lt=Now() - settings.KEEP_REQUESTS)
    ended = Session.objects.filter(expire_date__lt=timezone.now() - settings.KEEP_SESSIONS)
    return sum(rows.delete()[0] for rows in (old, ended) if rows.exists()) + known_browsers.purge()
