"""After a restore: the event that names the fork, a mail to every admin, and a doubt about what was closed since."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.db import transaction

from accounts import addresses
from accounts.mail import outbox
from audit.chain import checkpoints, restoring
from audit.models import Event
from recoverydesk.recovery import errors
from recoverydesk.recovery.models import RecoveryTicket
from recoverydesk.recovery.permissions import SYSTEM, admins
from recoverydesk.recovery.reasons import check_reason
from recoverydesk.recovery.workflow import disputes

KIND = "audit_restored"
MOST_NAMED = 1000  # tickets in the event and the mail
DOUBT = "closed once, in the time that was lost when the database was restored"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Restored:
    """The event, whom it was mailed to, and the tickets that were closed, are open again and are disputed now."""

    event: Event
    told: int
    disputed: list[int]


def record(*, reason: str, files: Sequence[Path] | None = None) -> Restored:
    """Record that the database was restored from a backup. Raises restoring.NotRestored and ReasonTooShort."""
    reason = check_reason(reason)
    loss = restoring.find_loss(files)
    with transaction.atomic():
        event = restoring.record_restore(loss, reason=reason, open_tickets=_still_open(loss.closed))
        told = _tell(event)
    checkpoints.write()
    return Restored(event, told, _dispute(loss.closed))


def _still_open(closed: Sequence[int]) -> list[int]:
    """Tickets that are open here, apart from those known to be closed: each may have been closed in what was lost."""
    numbers = RecoveryTicket._default_manager.filter(closed_at=None).exclude(pk__in=closed)
    return list(numbers.order_by("pk").values_list("pk", flat=True)[:MOST_NAMED])


def _tell(event: Event) -> int:
    """Queue the mail to every admin with a verified primary address; returns how many."""
    there = [(user, address) for user in admins() if (address := addresses.primary(user))]
    context = {name: event.data[name] for name in ("seal", "lost_to", "reason")}
    context |= {name: minute(event.data[name]) for name in ("until", "lost_until")}
    context |= {name: ", ".join(f"#{number}" for number in event.data[name]) for name in ("closed", "open")}
    for user, address in there:
        outbox.queue(KIND, address, user=user, context=context, dedupe=f"{KIND}:{event.pk}:{user.pk}")
    return len(there)


def minute(text: str) -> str:
    """A time as ISO 8601, to the minute; nothing for nothing."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC" if text else ""


def _dispute(closed: Sequence[int]) -> list[int]:
    """What was closed and is open again needs two people and a week: somebody may have said no to it."""
    again = RecoveryTicket._default_manager.filter(closed_at=None, pk__in=closed).order_by("pk")
    return [number for number in again.values_list("pk", flat=True) if _disputed(number)]


def _disputed(number: int) -> bool:
    try:
        disputes.dispute(number, actor=SYSTEM, reason=DOUBT)
    except errors.RecoveryError as refusal:
        logger.warning("ticket %s was closed in what was lost and cannot be disputed: %s", number, refusal)
        return False
    return True
