"""What the claimant writes to our staff on the status page: it begins our turn, and a reply ends that."""

import re
from datetime import timedelta

from audit.tags import Tag
from recoverydesk.recovery import errors
from recoverydesk.recovery.models import Message, RecoveryTicket
from recoverydesk.recovery.permissions import Actor
from recoverydesk.recovery.workflow.locked_ticket import LockedTicket, save, take_turn, verb
from recoverydesk.recovery.workflow.table import Verb

LONGEST = 2_000  # characters
A_DAY = 20
MASK = "•••"
# A branch name, and the addresses our mails carry: nobody else needs either, and a row is kept for years.
SECRETS = re.compile(
    r"000-recovery-[a-z2-7]+|/recover/(?:status|stop|password)/\S+|[0-9]\.[A-Za-z0-9_-]{43}", re.I | re.A
)


def write(ticket_id: int, *, actor: Actor, text: str) -> RecoveryTicket:
    """Keep a message for our staff, its secrets left out. Raises MessageRefused, and TooOften for the 21st in a day."""
    with verb(Verb.WRITE, ticket_id, actor) as locked:
        plain = SECRETS.sub(MASK, text.strip())
        if not plain or len(text) > LONGEST or "\0" in text:
            raise errors.MessageRefused
        since = locked.now - timedelta(days=1)
        if Message.objects.filter(ticket=locked.ticket, written_at__gt=since).count() >= A_DAY:
            raise errors.TooOften
        Message.objects.create(ticket=locked.ticket, text=plain[:LONGEST])
        locked.ticket.claimant_wrote_at = locked.now
        return save(locked, Tag.ACCOUNT_RECOVERY_MESSAGE, "claimant_wrote_at", characters=len(plain))


def answered(ticket: RecoveryTicket, *, actor: Actor) -> list[str]:
    """Our staff wrote back: whose turn it is now. Call it under the ticket's lock; returns the fields to save."""
    if ticket.claimant_wrote_at is None:
        return []
    ticket.claimant_wrote_at = None
    return ["claimant_wrote_at", *take_turn(LockedTicket.of(Verb.WRITE, ticket, actor))]
