"""Notes of staff on a ticket, and reading those that name one."""

from audit.tags import Tag
from recoverydesk.recovery import errors
from recoverydesk.recovery.desk import mentions
from recoverydesk.recovery.desk.at_desk import at_desk, save_and_record
from recoverydesk.recovery.models import Entry
from recoverydesk.recovery.permissions import VIEW, Actor
from recoverydesk.recovery.workflow.seen_pages import Seen

NOTE_LENGTH = 20_000


def add_note(ticket_id: int, *, actor: Actor, text: str, seen: Seen | None = None) -> list[str]:
    """Write a note only staff see, and return who was told of it because it names them (`@name`).

    Raises NotAllowed, OwnTicket, StaleTicket and NoteEmpty.
    """
    with at_desk("note", ticket_id, actor, seen) as ticket:
        if not text.strip() or len(text) > NOTE_LENGTH or actor.user is None:
            raise errors.NoteEmpty
        told = mentions.note(Entry.objects.create(ticket=ticket, author=actor.user, text=text.strip()))
        save_and_record(ticket, Tag.ACCOUNT_RECOVERY_NOTE, actor, told=", ".join(told))
        return told


def read_mentions(ticket_id: int, *, actor: Actor) -> None:
    """The actor has read every note of this ticket that names them. Raises NotAllowed for who may not see tickets."""
    if actor.user is None or VIEW not in actor.rights:
        raise errors.NotAllowed
    mentions.mark_mentions_read(ticket_id, actor.user)
