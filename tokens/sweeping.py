"""One round of this room's due work: reminders before a token ends, and the end of held tokens nobody confirmed."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from tokens import letters, services
from tokens.models import ApiToken

REMIND = (1, 7)  # days before the end, the nearest first: whoever hears of the last day needs no word of the week
BATCH = 100


def sweep() -> int:
    """Do what is due now and return how much that was. Any number of workers may run it at once."""
    return sum(_remind(days) for days in REMIND) + _revoke_unconfirmed()


def _remind(days: int) -> int:
    ids = list(_ending(days).order_by("expires_at").values_list("pk", flat=True)[:BATCH])
    return sum(_remind_of(pk, days) for pk in ids)


@transaction.atomic
def _remind_of(pk: UUID, days: int) -> int:
    """Mark and mail in one transaction; only one worker gets to mark."""
    if not _ending(days).filter(pk=pk).update(reminded_days=days):
        return 0
    letters.tell_of_expiry(ApiToken.objects.select_related("user").get(pk=pk), days)
    return 1


def _ending(days: int) -> QuerySet[ApiToken]:
    """Live tokens in their last `days` days that were made to last longer and were not told of this or less yet."""
    untold = Q(reminded_days=None) | Q(reminded_days__gt=days)
    within = timedelta(days=days)
    longer = Q(expires_at__lte=Now() + within, expires_at__gt=F("created_at") + within)
    return ApiToken.objects.live().filter(untold, longer, user__is_active=True)


def _revoke_unconfirmed() -> int:
    """Design rule 8: a held token nobody confirmed within 7 days is revoked."""
    old = ApiToken.objects.filter(held_at__lte=Now() - services.REVOKED_UNCONFIRMED, revoked_at=None)[:BATCH]
    return len(services.revoke(old, actor="system", reason="suspended and not confirmed within 7 days"))
