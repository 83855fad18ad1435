"""What we mailed to the contact of a ticket and what became of it. Mails to other addresses are not its business."""

from dataclasses import dataclass

from accounts.mail import rendering
from accounts.mail.models import Mail
from recoverydesk.recovery.models import RecoveryTicket

LISTED = 20


@dataclass(frozen=True)
class Sent:
    """One mail as its reader knows it: by its subject."""

    subject: str
    mail: Mail


def mails_sent(ticket: RecoveryTicket) -> list[Sent]:
    """The contact's mails about this ticket, the newest first."""
    mails = Mail.objects.filter(reference=ticket.reference, recipient=ticket.contact).exclude(recipient="")
    return [Sent(rendering.subject_of(mail), mail) for mail in mails.order_by("-id")[:LISTED]]
