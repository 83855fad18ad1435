"""A button pressed twice by the same hand: the second press leads to the page the first one led to."""

from accounts.mail.models import Link
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.recovery.models import RecoveryTicket, Status

ONCE = ("challenge", "approve", "send_back", "reject", "reset")  # verbs whose second press can only repeat the first


def was_done_by(ticket_id: int, verb: str, user: User) -> bool:
    """Whether this very person did it, and the ticket has stood there since."""
    if verb not in ONCE:
        return False
    said = Event.objects.filter(ticket=ticket_id, data__has_key="verb").exclude(tag=Tag.ACCOUNT_RECOVERY_REFUSED)
    last = said.order_by("-id").values("actor_uid", "data").first()
    if last is None or (last["actor_uid"], last["data"]["verb"]) != (user.uid, verb):
        return False
    return RecoveryTicket.objects.filter(pk=ticket_id, status=last["data"]["status"]).exists()


def was_stopped_with(link: Link, ticket: RecoveryTicket, *, lock: bool) -> bool:
    """Whether this link stopped the ticket; with `lock`, whether the account is frozen since."""
    same = ticket.status == Status.STOPPED and ticket.stopped_by == link.recipient.lower()
    return same and (not lock or ticket.subject.frozen_at is not None)
