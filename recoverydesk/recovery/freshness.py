"""Is a form still about the ticket its writer saw? If not: what has changed since, in sentences.

A page carries the ticket's version and its newest event. A look at a repository that brought no news raises the
version and nothing else: that alone makes no form stale.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, QuerySet

from audit.models import Event
from audit.tags import Tag
from recoverydesk.recovery.models import RecoveryTicket

LONGEST_NUMBER = 18
SHOWN = 20
NO_NEWS = (Tag.ACCOUNT_EMAIL_SENT, Tag.ACCOUNT_RECOVERY_REFUSED)
Pressed = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """One thing that happened since the page was shown."""

    at: datetime
    who: str
    sentence: str


def newest(ticket: RecoveryTicket) -> int:
    """The newest event of the ticket, which its page carries."""
    return Event.objects.filter(ticket=ticket.pk).aggregate(last=Max("id"))["last"] or 0


def version(ticket_id: int, pressed: Pressed) -> int | None:
    """The version to hand to a verb: the form's, or the present one where nothing but looks happened since.

    None when the form names none; a text that is no number is not the present version.
    """
    said, seen = number(pressed, "version"), number(pressed, "seen")
    if said is None or seen is None:
        return said
    now = RecoveryTicket.objects.values_list("version", flat=True).get(pk=ticket_id)
    return said if _since(ticket_id, seen).exists() else max(said, now)


def changes(ticket_id: int, pressed: Pressed) -> list[Change]:
    """What happened since the form's page was shown, oldest first; nothing when it does not say when that was."""
    seen = number(pressed, "seen")
    if seen is None:
        return []
    events = _since(ticket_id, seen).order_by("id")[:SHOWN]
    return [Change(event.time, event.actor_name, event.sentence) for event in events]


def number(pressed: Pressed, name: str) -> int | None:
    """A number of a form; None when it is not there, -1 for what is no such number."""
    text = str(pressed.get(name, ""))
    if not text:
        return None
    return int(text) if text.isdecimal() and text.isascii() and len(text) < LONGEST_NUMBER else -1


def _since(ticket_id: int, seen: int) -> QuerySet[Event]:
    return Event.objects.filter(ticket=ticket_id, id__gt=seen).exclude(tag__in=NO_NEWS)
