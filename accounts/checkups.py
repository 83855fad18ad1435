"""Twice a year: can you still get in? One mail that counts the ways in, and says which a single loss would close."""

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from accounts import addresses
from accounts.factors import summary
from accounts.mail import outbox
from accounts.models import User

KIND = "account_checkup"
BATCH = 50


def send_due() -> int:
    """Mail those whose last check-up is CHECKUP_EVERY ago (database clock); many workers may do so at once."""
    due = User.objects.filter(
        checkup_at__lte=Now() - settings.CHECKUP_EVERY, is_active=True, frozen_at=None
    ).order_by("checkup_at")  # fmt: skip
    return sum(_check(user) for user in due[:BATCH])


@transaction.atomic
def _check(user: User) -> int:
    mine = User.objects.filter(pk=user.pk, checkup_at=user.checkup_at).update(checkup_at=Now())
    if not mine:
        return 0
    verified = addresses.verified(user)
    if not verified:
        return 1
    found = summary(user)
    outbox.queue(
        KIND, verified[0], user=user, reference=f"account:{user.uid}", language=user.language,
        context={
            "username": user.username,
            "factors": found.totp + found.webauthn,
            "codes_left": found.codes_left,
            "addresses": len(verified),
        },
        dedupe=f"checkup:{user.uid}:{user.checkup_at.isoformat()}",
    )  # fmt: skip
    return 1
