"""After an account was deleted and its last mails have left: its addresses leave every row; the recovery history stays.

Deleting (accounts/lifecycle.py) empties the account itself. What mails, links and tickets still know of its addresses
has to outlive that moment, because the notice of the deletion goes there; a later sweep ends it here.
"""

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat, Now

from accounts.lifecycle import EMPTIED_PREFIX
from accounts.mail.models import Link, Mail
from accounts.models import User
from audit import erasure
from recoverydesk.recovery.models import Entry, RecoveryTicket

BATCH = 20
GONE = "…"  # what stands where a note of staff's named an address


def run() -> int:
    """Forget the addresses of deleted accounts that have no mail in the queue; returns how many accounts."""
    return sum(forget(user) for user in due()[:BATCH])


def due() -> QuerySet[User]:
    """Deleted accounts whose addresses are still known somewhere, and wanted nowhere."""
    mails = Mail.objects.filter(user=OuterRef("pk"))
    links = Link.objects.filter(user=OuterRef("pk")).exclude(recipient="")
    tickets = RecoveryTicket.objects.filter(subject=OuterRef("pk")).exclude(contact="")
    known = Exists(mails.exclude(recipient="")) | Exists(links) | Exists(tickets)
    deleted = User.objects.filter(known, is_active=False, username__startswith=EMPTIED_PREFIX)
    return deleted.exclude(Exists(mails.filter(state=Mail.State.QUEUED))).order_by("pk")


@transaction.atomic
def forget(user: User) -> int:
    """Empty mails, links, contacts and the log's details of one deleted account; the audit chain stays whole."""
    addresses = _addresses(user)
    theirs = Q(user=user) | Q(user=None, recipient__in=addresses)
    Mail.objects.filter(theirs).update(
        recipient="", context={}, links={}, payload=None, error="", counted_as="", dedupe_key=_nothing()
    )  # fmt: skip
    Link.objects.filter(theirs).update(recipient="", dead_at=Now())
    tickets = RecoveryTicket.objects.filter(subject=user)
    tickets.update(contact="", issue_url="")
    _clean_notes(tickets, addresses)
    erasure.erase_account(user.uid, actor="system")
    return 1


def _nothing() -> Concat:
    """A dedupe key that names no address, and no other row."""
    return Concat(Value("forgotten:"), Cast("pk", CharField()))


def _addresses(user: User) -> set[str]:
    mails = Mail.objects.filter(user=user).exclude(recipient="").values_list("recipient", flat=True)
    links = Link.objects.filter(user=user).exclude(recipient="").values_list("recipient", flat=True)
    contacts = RecoveryTicket.objects.filter(subject=user).exclude(contact="").values_list("contact", flat=True)
    return {*mails, *links, *contacts}


def _clean_notes(tickets: QuerySet[RecoveryTicket], addresses: set[str]) -> None:
    """Staff may have written an address into a note or a reason."""
    for address in sorted(addresses, key=len, reverse=True):
        for entry in Entry.objects.filter(ticket__in=tickets, text__icontains=address):
            entry.text = _without(entry.text, address)
            entry.save(update_fields=["text"])
        for ticket in tickets.filter(closing_reason__icontains=address):
            ticket.closing_reason = _without(ticket.closing_reason, address)
            ticket.save(update_fields=["closing_reason"])


def _without(text: str, address: str) -> str:
    lower = text.lower()
    while (place := lower.find(address.lower())) >= 0:
        text = text[:place] + GONE + text[place + len(address) :]
        lower = text.lower()
    return text
