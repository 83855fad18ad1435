"""What somebody should notice at once about a ticket: one list for the queue, its filter and the ticket page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from recoverydesk.recovery.desk.assignment import AWAKE
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import OPEN_STATUSES, RecoveryTicket, Status, Turn


@dataclass(frozen=True)
class Flag:
    """A word, when it stands, and how the queue finds the tickets it stands on."""

    word: str | Promise
    stands: Callable[[RecoveryTicket, datetime], object]
    condition: Q
    calm: bool = False


FLAGS: dict[str, Flag] = {
    "disputed": Flag(_("disputed"), lambda ticket, now: ticket.disputed_at, Q(disputed_at__isnull=False)),
    "owner": Flag(
        _("somebody signed in"),
        lambda ticket, now: ticket.signed_in_at and ticket.is_open,
        Q(signed_in_at__isnull=False, status__in=OPEN_STATUSES),
    ),
    "bounced": Flag(
        _("mail bounced"), lambda ticket, now: ticket.contact_bounced_at, Q(contact_bounced_at__isnull=False)
    ),
    "wrote": Flag(
        _("the claimant wrote"),
        lambda ticket, now: ticket.claimant_wrote_at and ticket.is_open,
        Q(claimant_wrote_at__isnull=False, status__in=OPEN_STATUSES),
    ),
    "objected": Flag(
        _("objected after the reset"),
        lambda ticket, now: cases.objected(ticket) and ticket.objected_at,
        Q(objected_at__isnull=False, turn=Turn.OURS),
    ),
    "mismatch": Flag(
        _("mismatch"),
        lambda ticket, now: ticket.status == Status.NEW and not ticket.challenges_itself,
        Q(status=Status.NEW, challenges_itself=False),
    ),
    "snoozed": Flag(_("snoozed"), lambda ticket, now: snoozed(ticket, now), ~AWAKE, calm=True),
}  # fmt: skip


def flags_of_ticket(ticket: RecoveryTicket, now: datetime) -> list[Flag]:
    """The flags that stand on this ticket; `now` is the database's."""
    return [flag for flag in FLAGS.values() if flag.stands(ticket, now)]


def snoozed(ticket: RecoveryTicket, now: datetime) -> bool:
    """Put off until later, and nothing has changed whose turn it is since."""
    if ticket.snoozed_until is None or ticket.snoozed_at is None:
        return False
    return ticket.snoozed_until > now and ticket.snoozed_at >= ticket.turn_since
