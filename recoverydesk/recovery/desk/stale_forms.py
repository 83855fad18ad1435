"""A form of the desk came too late: was it done already by the same person, and what has changed since its page?"""

from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.recovery.models import RecoveryTicket
from recoverydesk.recovery.workflow.seen_pages import Form, events_since, number_in_form

SAME = {"duplicate": "reject"}  # buttons that are another verb with words of their own
# Verbs whose second call can only repeat the first.
ONCE = ("challenge", "approve", "send_back", "reject", "reset", "settle_objection")
SHOWN = 20


def was_done_by(ticket_id: int, verb: str, user: User) -> bool:
    """Whether this very person did it, and the ticket has stood there since."""
    verb = SAME.get(verb, verb)
    if verb not in ONCE:
        return False
    said = Event.objects.filter(ticket=ticket_id, data__has_key="verb").exclude(tag=Tag.ACCOUNT_RECOVERY_REFUSED)
    last = said.order_by("-id").values("actor_uid", "data").first()
    if last is None or (last["actor_uid"], last["data"]["verb"]) != (user.uid, verb):
        return False
    return RecoveryTicket.objects.filter(pk=ticket_id, status=last["data"]["status"]).exists()


@dataclass(frozen=True)
class Change:
    """One thing that happened since the page was shown."""

    at: datetime
    who: str
    sentence: str


def changes(ticket_id: int, form: Form) -> list[Change]:
    """What happened since the form's page was shown, oldest first; nothing when it does not say when that was."""
    since = number_in_form(form, "seen")
    if since is None:
        return []
    events = events_since(ticket_id, since).order_by("id")[:SHOWN]
    return [Change(event.time, event.actor_name, event.sentence) for event in events]
