"""Is a form still about the ticket its writer saw? What has changed since, in sentences, is in desk/stale_forms.py.

A page carries the ticket's version and its newest event; the verb compares them under its lock. A look at a
repository that brought no news raises the version and nothing else: that alone makes no form stale.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, QuerySet

from audit.models import Event
from audit.tags import Tag
from common.numbers import whole_number
from recoverydesk.recovery.models import RecoveryTicket

NO_NEWS = (Tag.ACCOUNT_EMAIL_SENT, Tag.ACCOUNT_RECOVERY_REFUSED)
Form = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """What a page showed of a ticket: its version, and its newest event (0: there was none). -1 is no such number."""

    version: int
    event: int = -1


def newest(ticket: RecoveryTicket) -> int:
    """The newest event of the ticket, which its page carries."""
    return Event.objects.filter(ticket=ticket.pk).aggregate(last=Max("id"))["last"] or 0


def seen_of_ticket(ticket: RecoveryTicket) -> Seen:
    """What a page made now shows."""
    return Seen(ticket.version, newest(ticket))


def seen_of_tickets(ticket_ids: Iterable[int]) -> dict[int, Seen]:
    """The same for several tickets at once, by their numbers. Two queries."""
    versions = dict(RecoveryTicket.objects.filter(pk__in=ticket_ids).values_list("pk", "version"))
    events = Event.objects.filter(ticket__in=versions).order_by().values_list("ticket").annotate(Max("id"))
    last = dict(events)
    return {pk: Seen(version, last.get(pk, 0)) for pk, version in versions.items()}


def seen_of_form(form: Form) -> Seen:
    """What the form's page showed. A number that is missing, huge or none at all is no ticket's."""
    version, event = number_in_form(form, "version"), number_in_form(form, "seen")
    return Seen(-1 if version is None else version, -1 if event is None else event)


def is_current(seen: Seen, ticket: RecoveryTicket) -> bool:
    """Whether nothing but looks without news happened to the (locked) ticket since its page was shown."""
    if seen.version == ticket.version:
        return True
    if not 0 <= seen.version < ticket.version or not _is_event_of(ticket, seen.event):
        return False
    return not events_since(ticket.pk, seen.event).exists()


def _is_event_of(ticket: RecoveryTicket, event: int) -> bool:
    return event == 0 or (event > 0 and Event.objects.filter(pk=event, ticket=ticket.pk).exists())


def number_in_form(form: Form, name: str) -> int | None:
    """A number of a form; None when it is not there, -1 for what is no such number."""
    text = str(form.get(name, ""))
    if not text:
        return None
    number = whole_number(text)
    return -1 if number is None else number


def events_since(ticket_id: int, event: int) -> QuerySet[Event]:
    return Event.objects.filter(ticket=ticket_id, id__gt=event).exclude(tag__in=NO_NEWS)
