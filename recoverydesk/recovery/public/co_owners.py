"""What co-owners see: open requests of people they share a project with."""

from dataclasses import dataclass

from accounts.models import User
from recoverydesk.projects import people
from recoverydesk.recovery import errors
from recoverydesk.recovery.models import RecoveryTicket, Status
from recoverydesk.recovery.workflow import other_proofs


@dataclass(frozen=True)
class CoOwnersTicket:
    """An open ticket of somebody this user owns a project with, and why their word for them does not count, if so."""

    ticket: RecoveryTicket
    no_word: str


def open_tickets_of_co_owners(owner: User) -> list[CoOwnersTicket]:
    """Open tickets, mailed about already, of others with whom this user owns a project."""
    tickets = (
        RecoveryTicket.objects.open().exclude(status=Status.NEW).filter(subject__in=people.people_sharing_with(owner))
    )
    found = list(tickets.select_related("subject").order_by("id"))
    return [CoOwnersTicket(ticket, _no_word(owner, ticket.subject)) for ticket in found]


def _no_word(owner: User, subject: User) -> str:
    try:
        other_proofs.check_word(owner, subject)
    except errors.RecoveryError as refusal:
        return str(refusal)
    return ""
