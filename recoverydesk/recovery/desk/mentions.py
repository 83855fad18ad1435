"""`@name` in a staff note: that member of staff gets one mail, and their desk shows it until they have read it.

Only who may work tickets can be told, never the account the ticket is about, and the mail carries no word of the note.
"""

import re

from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts import addresses
from accounts.mail import outbox
from accounts.models import User
from recoverydesk.recovery.models import Entry, Mention, RecoveryTicket
from recoverydesk.recovery.permissions import can_work

KIND = "recovery_mention"
MOST = 10  # names in one note
SHOWN = 10
NAME = re.compile(r"(?<![\w.@/+-])@([A-Z0-9](?:[A-Z0-9._-]{0,48}[A-Z0-9])?)(?![\w@/-])", re.ASCII | re.IGNORECASE)


def note(entry: Entry) -> list[str]:
    """Tell everybody the note names; returns their usernames. Part of the transaction that writes the note."""
    told = _named(entry)
    Mention.objects.bulk_create(Mention(entry=entry, user=user) for user in told)
    for user in told:
        if recipient := addresses.primary(user):
            _mail(entry, user, recipient)
    return [user.username for user in told]


def _named(entry: Entry) -> list[User]:
    """Who the note names and may work this ticket, in the order of the text; the writer needs no telling."""
    names = list(dict.fromkeys(found.lower() for found in NAME.findall(entry.text)))[:MOST]
    people = [user for name in names for user in User.objects.with_username(name)]
    nobody = {entry.author_id, entry.ticket.subject_id}
    return [user for user in people if user.pk not in nobody and can_work(user)]


def _mail(entry: Entry, user: User, recipient: str) -> None:
    outbox.queue(
        KIND,
        recipient,
        user=user,
        reference=entry.ticket.reference,
        context={"who": entry.author.username, "entry": entry.pk},
        dedupe=f"{entry.ticket.reference}:{KIND}:{entry.pk}:{user.pk}",
    )


def unread(user: User, ticket: RecoveryTicket | None = None) -> QuerySet[Mention]:
    """What this member of staff has not read yet, on one ticket or on all, oldest first; with notes and writers."""
    found = Mention.objects.filter(user=user, read_at=None).order_by("entry_id")
    if ticket is not None:
        found = found.filter(entry__ticket=ticket)
    return found.select_related("entry__author", "entry__ticket__subject").defer("entry__ticket__facts")


def mark_mentions_read(ticket_id: int, user: User) -> int:
    """Nothing of this ticket waits to be read by this person any more; returns how much did."""
    return Mention.objects.filter(user=user, read_at=None, entry__ticket=ticket_id).update(read_at=Now())
