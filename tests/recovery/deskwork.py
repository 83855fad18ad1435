"""What staff do in their browser: click a button of the page as it is now, and show a second factor where asked."""

from typing import Any

from django.test import Client

from recoverydesk.recovery.models import RecoveryTicket
from recoverydesk.recovery.workflow import seen_pages
from tests.accounts.deciding import asks_for_factor, decide, fresh_code

QUEUE = "/admin/recovery/recoveryticket/"

__all__ = ["asks_for_factor", "decide", "fresh_code", "hidden", "push"]


def hidden(ticket: RecoveryTicket) -> dict[str, str]:
    """The hidden fields of every form on a page of the ticket that is shown now."""
    seen = seen_pages.seen_of_ticket(RecoveryTicket.objects.get(pk=ticket.pk))
    return {"version": str(seen.version), "seen": str(seen.event)}


def push(client: Client, ticket: RecoveryTicket, verb: str, typed: dict[str, Any] | None = None, **how: Any) -> Any:
    """Click a button of the ticket page; where it decides, show the second factor too. `typed` wins over the page."""
    path = f"{QUEUE}{ticket.pk}/press/{verb}/"
    return decide(client, path, hidden(ticket) | (typed or {}), **how)
