"""Everybody who must hear heard once, and no secret went to an address nobody had confirmed."""

from collections.abc import Iterator

from allauth.account.models import EmailAddress
from django.db.models import Count

from accounts.mail.models import Mail
from accounts.models import FormerAddress
from audit.models import Event
from recoverydesk.recovery.invariants.broken import Broken
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status

STAGES = {"challenged_at": ("recovery_notice",), "completed_at": ("recovery_reset", "recovery_verified")}
ONCE = ("recovery_notice", "recovery_reset", "recovery_verified")
SECRETS = ("recovery_challenge", "recovery_choose_password")


def notice_missing() -> Iterator[Broken]:
    """At each stage every verified address has a notice. Accounts whose addresses changed since are not judged."""
    for field, kinds in STAGES.items():
        tickets = RecoveryTicket.objects.filter(**{f"{field}__isnull": False}, subject__is_active=True)
        for ticket in tickets.select_related("subject").iterator(chunk_size=500):
            told = Mail.objects.filter(reference=ticket.reference, kind__in=kinds).values_list("recipient", flat=True)
            asked = EmailAddress.objects.filter(user=ticket.subject_id, verified=True).values_list("email", flat=True)
            untold = {address.lower() for address in asked} - {address.lower() for address in told}
            if untold and not _addresses_changed(ticket, getattr(ticket, field)):
                yield Broken("notice_missing", f"ticket:{ticket.pk}", f"{len(untold)} addresses without {kinds[0]}")


def _addresses_changed(ticket: RecoveryTicket, since: object) -> bool:
    tags = [f"account:email:{action}" for action in ("add", "remove", "verified", "primary:change")]
    return Event.objects.filter(subject_uid=ticket.subject.uid, tag__in=tags, time__gte=since).exists()


def notice_twice() -> Iterator[Broken]:
    """One notice per address and stage."""
    rows = Mail.objects.filter(kind__in=ONCE, reference__startswith="ticket:").values("reference", "kind", "recipient")
    for row in rows.annotate(many=Count("id")).filter(many__gt=1):
        yield Broken("notice_twice", row["reference"], f"{row['many']} times {row['kind']} to one address")


def secret_to_a_stranger() -> Iterator[Broken]:
    """The branch token and the links that act for the claimant go to the ticket's contact, once it is confirmed.

    A lost second factor is answered to an address the account has verified, now or until it was removed.
    """
    mails = Mail.objects.filter(reference__startswith="ticket:", kind__regex=rf"^({'|'.join(SECRETS)})")
    tickets = RecoveryTicket.objects.in_bulk({mail.ticket for mail in mails.iterator() if mail.ticket})
    for mail in mails.iterator():
        ticket = tickets.get(mail.ticket or 0)
        if ticket is None or mail.recipient != ticket.contact:
            yield Broken("secret_to_a_stranger", f"mail:{mail.pk}", f"{mail.kind} went past the contact")
        elif not _confirmed(ticket, mail):
            yield Broken("secret_to_a_stranger", f"mail:{mail.pk}", f"{mail.kind} to an unconfirmed address")


def _confirmed(ticket: RecoveryTicket, mail: Mail) -> bool:
    if mail.kind == "recovery_choose_password" and ticket.status != Status.COMPLETED:
        return False
    if ticket.claim != Claim.SECOND_FACTOR:
        return ticket.mailbox_confirmed_at is not None and ticket.mailbox_confirmed_at <= mail.queued_at
    if not ticket.subject.is_active:  # emptied since: nothing is left to compare with
        return True
    own = EmailAddress.objects.filter(user=ticket.subject_id, email__iexact=mail.recipient, verified=True)
    return own.exists() or FormerAddress.objects.filter(user=ticket.subject_id, email__iexact=mail.recipient).exists()


def words_kept() -> Iterator[Broken]:
    """The encrypted words of a prepared mail are wiped when it has left."""
    for mail in Mail.objects.exclude(state=Mail.State.QUEUED).filter(payload__isnull=False).only("pk", "kind"):
        yield Broken("words_kept", f"mail:{mail.pk}", f"{mail.kind} left the queue and keeps its words")
