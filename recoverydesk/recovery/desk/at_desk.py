"""What staff do to a ticket outside its workflow: the lock, the checks, the refusal that is written down."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from audit.tags import Tag
from recoverydesk.recovery import errors
from recoverydesk.recovery.models import RecoveryTicket
from recoverydesk.recovery.permissions import Actor, Who
from recoverydesk.recovery.workflow.checks import check_not_co_owner, check_not_own
from recoverydesk.recovery.workflow.locked_ticket import record
from recoverydesk.recovery.workflow.seen_pages import Seen, is_current

CO_OWNERS_MAY = frozenset({"note"})  # design rule 11


@contextmanager
def at_desk(what: str, ticket_id: int, actor: Actor, seen: Seen | None = None) -> Iterator[RecoveryTicket]:
    """Lock a ticket for staff and check who asks; a refusal changes nothing and is an event."""
    try:
        with transaction.atomic():
            ticket = RecoveryTicket.objects.select_for_update(of=("self",)).select_related("subject").get(pk=ticket_id)
            if not actor.parts & {Who.MODERATOR, Who.ADMIN}:
                raise errors.NotAllowed
            check_not_own(ticket.subject, actor)
            if what not in CO_OWNERS_MAY:
                check_not_co_owner(ticket.subject, actor)
            if seen is not None and not is_current(seen, ticket):
                raise errors.StaleTicket
            yield ticket
    except errors.RecoveryError as refusal:
        write_refusal(what, ticket_id, actor, refusal)
        raise


def write_refusal(what: str, ticket_id: int, actor: Actor, refusal: errors.RecoveryError) -> None:
    """One event: what was asked of this ticket, and by which name it was refused."""
    refused = RecoveryTicket.objects.select_related("subject").get(pk=ticket_id)
    data = {"verb": what, "status": refused.status, "error": type(refusal).__name__}
    record(Tag.ACCOUNT_RECOVERY_REFUSED, refused, actor, **data)


def save_and_record(ticket: RecoveryTicket, tag: Tag, actor: Actor, *fields: str, **data: str) -> RecoveryTicket:
    ticket.version += 1
    ticket.save(update_fields=["version", *fields])
    record(tag, ticket, actor, **data)
    return ticket
