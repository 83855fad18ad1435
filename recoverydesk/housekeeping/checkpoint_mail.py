"""The newest seal goes to every superuser by mail, as a checkpoint no one machine holds.

See docs/design.md, "The audit log". After each reset, and at most once an hour when something else was sealed.
"""

import json
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from accounts import addresses
from accounts.mail import outbox
from accounts.mail.models import Mail
from accounts.models import User
from audit.chain import checkpoints, outlets
from audit.models import Outlet, Seal
from audit.tags import Tag
from common.clock import database_now

KIND = "audit_checkpoint"
EVERY = timedelta(hours=1)
AT_ONCE = (Tag.ACCOUNT_RECOVERY_RESET, Tag.ACCOUNT_RECOVERY_BREAK_GLASS, Tag.AUDIT_LOG_RESTORE)


def send_checkpoint() -> int:
    """Queue what is due to the verified primary address of each active superuser; returns how many mails are new."""
    outlet = outlets.named(outlets.MAIL)
    _note_what_left(outlet)
    head, before = outlets.unsent(outlet), outlets.seal_of(outlet.seal)
    if head is None or not _is_due(outlet, before, head):
        return 0
    with transaction.atomic():
        return _queue(head, before) if outlets.mark_handed(outlet, head) else 0


def _is_due(outlet: Outlet, before: Seal | None, head: Seal) -> bool:
    if before is None or outlet.handed_at is None:
        return True
    news = outlets.news(before, head)
    an_hour_ago = outlet.handed_at <= database_now() - EVERY
    return news.filter(tag__in=AT_ONCE).exists() or (an_hour_ago and news.exists())


def _queue(head: Seal, before: Seal | None) -> int:
    line = json.dumps(checkpoints.line_of(head, before))
    context = {"line": line, "seal": head.number, "site": settings.BASE_URL}
    operators = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
    there = [(user, address) for user in operators if (address := addresses.primary(user))]
    for user, address in there:
        dedupe = f"{_reference(head.number)}:{user.pk}"
        outbox.queue(KIND, address, user=user, reference=_reference(head.number), context=context, dedupe=dedupe)
    return len(there)


def _note_what_left(outlet: Outlet) -> None:
    """A mail has left when a mail server took it."""
    if outlet.left != outlet.seal:
        taken = Mail.objects.filter(
            reference=_reference(outlet.seal), state__in=(Mail.State.SENT, Mail.State.DELIVERED)
        )
        if taken.exists():
            outlets.note_left(outlet, outlet.seal)


def _reference(seal: int) -> str:
    return f"{KIND}:{seal}"
