"""Once a day the newest seal goes to every operator by mail: a checkpoint no one machine holds (design, Audit)."""

import json

from django.conf import settings

from accounts import addresses
from accounts.clock import database_now
from accounts.mail import outbox
from accounts.mail.models import Mail
from accounts.models import User
from audit import checkpoints, sealing

KIND = "audit_checkpoint"


def send() -> int:
    """Queue today's mail to the verified primary address of each active superuser; returns how many are new."""
    today = f"{database_now():%Y-%m-%d}"
    head = sealing.last_seal()
    if head is None or Mail.objects.filter(kind=KIND, reference=f"{KIND}:{today}").exists():
        return 0
    context = {"line": json.dumps(checkpoints.line_of(head)), "seal": head.number, "site": settings.BASE_URL}
    operators = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
    there = [(user, address) for user in operators if (address := addresses.primary(user))]
    for user, address in there:
        outbox.queue(
            KIND, address, user=user, reference=f"{KIND}:{today}", context=context, dedupe=f"{KIND}:{today}:{user.pk}"
        )
    return len(there)
