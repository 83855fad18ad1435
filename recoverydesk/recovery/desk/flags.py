"""What somebody should notice at once about a ticket: one list for the queue, its filter and the ticket page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from recoverydesk.recovery.desk.assignment import AWAKE
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import OPEN_STATUSES, Boundary, RecoveryTicket, Status, Turn
from recoverydesk.recovery.policy import NEW_CONTACT

ASKED = Boundary.objects.filter(ticket=OuterRef("pk"), kind=Boundary.Kind.ASKED)


@dataclass(frozen=True)
class Flag:
    """A word, when it stands (`asked`: how many boundaries are), and how the queue finds the tickets it stands on."""

    word: str | Promise
    stands: Callable[[RecoveryTicket, datetime, int], object]
    condition: Q
    calm: bool = False


FLAGS: dict[str, Flag] = {
    "disputed": Flag(_("disputed"), lambda ticket, now, asked: ticket.disputed_at, Q(disputed_at__isnull=False)),
    "owner": Flag(
        _("somebody signed in"),
        lambda ticket, now, asked: ticket.signed_in_at and ticket.is_open,
        Q(signed_in_at__isnull=False, status__in=OPEN_STATUSES),
    ),
    "bounced": Flag(
        _("mail bounced"), lambda ticket, now, asked: ticket.contact_bounced_at, Q(contact_bounced_at__isnull=False)
    ),
    "wrote": Flag(
        _("the claimant wrote"),
        lambda ticket, now, asked: ticket.claimant_wrote_at and ticket.is_open,
        Q(claimant_wrote_at__isnull=False, status__in=OPEN_STATUSES),
    ),
    "objected": Flag(
        _("objected after the reset"),
        lambda ticket, now, asked: cases.objected(ticket) and ticket.objected_at,
        Q(objected_at__isnull=False, turn=Turn.OURS),
    ),
    "mismatch": Flag(
        _("mismatch"),
        lambda ticket, now, asked: ticket.status == Status.NEW and not ticket.challenges_itself,
        Q(status=Status.NEW, challenges_itself=False),
    ),
    "out_of_reach": Flag(
        _("out of reach"),
        lambda ticket, now, asked: ticket.claim in NEW_CONTACT and ticket.is_open and not asked,  # policy.out_of_reach
        Q(~Exists(ASKED), claim__in=sorted(NEW_CONTACT), status__in=OPEN_STATUSES),
    ),
    "snoozed": Flag(_("snoozed"), lambda ticket, now, asked: snoozed(ticket, now), ~AWAKE, calm=True),
}  # fmt: skip


def flags_of_ticket(ticket: RecoveryTicket, now: datetime, *, asked: int) -> list[Flag]:
    """The flags that stand on this ticket; `now` is the database's, `asked` how many boundaries are asked for."""
    return [flag for flag in FLAGS.values() if flag.stands(ticket, now, asked)]


def snoozed(ticket: RecoveryTicket, now: datetime) -> bool:
    """Put off until later, and nothing has changed whose turn it is since."""
    if ticket.snoozed_until is None or ticket.snoozed_at is None:
        return False
    return ticket.snoozed_until > now and ticket.snoozed_at >= ticket.turn_since
