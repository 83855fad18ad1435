"""How a request ended, on the page of its link: for ninety days. A GET reads, and there is no button left."""

from datetime import timedelta
from typing import Any

from django.conf import settings

from accounts.mail.models import Link
from common.clock import database_now
from recoverydesk.recovery.after_reset import choose_password
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status
from recoverydesk.recovery.public.mails_sent import mails_sent
from recoverydesk.recovery.workflow.closing import SUBJECT

SHOWN_FOR = timedelta(days=settings.STATUS_PAGES)


def is_shown(ticket: RecoveryTicket) -> bool:
    """Whether the ticket ended, not too long ago."""
    return ticket.closed_at is not None and database_now() < ticket.closed_at + SHOWN_FOR


def ended_page(ticket: RecoveryTicket, link: Link) -> dict[str, Any]:
    """What the page says of the end. Who never confirmed a new address learns neither account nor reason."""
    return {
        "ticket": ticket,
        "known": link.purpose == "status" or ticket.mailbox_confirmed_at is not None,
        "by_subject": ticket.stopped_by == SUBJECT,
        "another": ticket.status == Status.REJECTED and _another_was_first(ticket),
        "objected": ticket.objected_at is not None and ticket.objection_settled_at is None,
        "verified": ticket.claim == Claim.UNVERIFIED_EMAIL,
        "may_choose": ticket.status == Status.COMPLETED and choose_password.renewable(ticket),
        "mails": mails_sent(ticket),
    }


def _another_was_first(ticket: RecoveryTicket) -> bool:
    """Another request for the account was completed and closed this one in the same moment."""
    done = RecoveryTicket.objects.filter(subject=ticket.subject_id, status=Status.COMPLETED)
    return done.filter(completed_at=ticket.closed_at).exists()
