"""Every change of a ticket's status is one event, and every reset exactly one."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import Count

from audit.models import Event
from audit.tags import Tag
from recoverydesk.invariants.broken import Broken
from recoverydesk.recovery.models import RecoveryTicket, Status

RESETS = (Tag.ACCOUNT_RECOVERY_RESET, Tag.ACCOUNT_RECOVERY_BREAK_GLASS)
EventValues = tuple[int, str, dict[str, Any]]


def status_without_event() -> Iterator[Broken]:
    """The events of a ticket, in order, lead from its opening to the status it has."""
    known = dict(RecoveryTicket.objects.values_list("pk", "status"))
    seen = set()
    for number, rows in groupby(_moves(), key=itemgetter(0)):
        seen.add(number)
        reached, fault = _follow(list(rows))
        if number in known and (fault or reached != known[number]):
            detail = fault or f"its events end at {reached}, it is {known[number]}"
            yield Broken("status_without_event", f"ticket:{number}", detail)
    for number in sorted(known.keys() - seen):
        yield Broken("status_without_event", f"ticket:{number}", "no event says how it came to be")


def _moves() -> Iterator[EventValues]:
    """Openings and moves; a move says what the status was."""
    events = Event.objects.filter(ticket__isnull=False, tag__startswith="account:recovery:")
    rows = events.order_by("ticket", "id").values_list("ticket", "tag", "data").iterator()
    moves = ((ticket, tag, data) for ticket, tag, data in rows if tag == Tag.ACCOUNT_RECOVERY_OPEN or "was" in data)
    return ((ticket, tag, data) for ticket, tag, data in moves if ticket is not None)


def _follow(rows: list[EventValues]) -> tuple[str, str]:
    """The status the moves lead to, and the first step that does not fit."""
    status: str = Status.NEW
    for place, (_ticket, tag, data) in enumerate(rows):
        if tag == Tag.ACCOUNT_RECOVERY_OPEN:
            if place:
                return status, "it was opened twice"
        elif data["was"] != status:
            return status, f"{tag} moved it from {data['was']}, it was {status}"
        else:
            status = data["status"]
    return status, ""


def not_one_reset() -> Iterator[Broken]:
    """A completed ticket has one reset, by who is named on it; any other has none."""
    resets = Event.objects.filter(tag__in=RESETS, ticket__isnull=False).values_list("ticket")
    counts = dict(resets.annotate(many=Count("id")))
    completed = RecoveryTicket.objects.filter(status=Status.COMPLETED).select_related("reset_by")
    reset_by = {ticket.pk: ticket.reset_by.uid if ticket.reset_by else None for ticket in completed.iterator()}
    for number in sorted(reset_by.keys() | counts.keys()):
        many, wanted = counts.get(number, 0), 1 if number in reset_by else 0
        if many != wanted:
            yield Broken("not_one_reset", f"ticket:{number}", f"{many} resets, {wanted} expected")
    for number, uid in Event.objects.filter(tag__in=RESETS, ticket__in=reset_by).values_list("ticket", "actor_uid"):
        if number is not None and uid != reset_by[number]:
            yield Broken("not_one_reset", f"ticket:{number}", "somebody else is named on it than in its event")
