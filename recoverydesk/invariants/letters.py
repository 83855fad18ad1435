"""Everybody who must hear heard once, and no secret went to an address nobody had confirmed."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any, TypeVar

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import Count, F, Model, Q, QuerySet

from accounts.mail.models import Mail
from accounts.models import FormerAddress
from audit.models import Event
from recoverydesk.invariants.broken import Broken
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status

STAGES = {  # the contact's mail tells it, too, where it has a stop link (docs/adr/0151)
    "challenged_at": ("recovery_notice", "recovery_challenge", "recovery_challenge_without_repositories",
                      "recovery_confirm_contact", "recovery_out_of_reach"),
    "completed_at": ("recovery_reset", "recovery_verified", "recovery_choose_password"),
}  # fmt: skip
ONCE = ("recovery_notice", "recovery_reset", "recovery_verified")
SECRETS = ("recovery_challenge", "recovery_choose_password")
M = TypeVar("M", bound=Model)


def notice_missing() -> Iterator[Broken]:
    """At each stage every verified address has a notice. Accounts whose addresses changed since are not judged, nor
    tickets whose mails were deleted when their days were over (`mails_gone_early`)."""
    kept = RecoveryTicket.objects.filter(subject__is_active=True, mails_deleted_at=None)
    for field, kinds in STAGES.items():
        tickets = kept.filter(**{f"{field}__isnull": False})
        for batch in _batches(tickets.select_related("subject").defer("facts")):
            for ticket, untold in _untold(batch, kinds):
                if not _addresses_changed(ticket, getattr(ticket, field)):
                    yield Broken("notice_missing", f"ticket:{ticket.pk}", f"{untold} addresses without {kinds[0]}")


def _untold(tickets: list[RecoveryTicket], kinds: tuple[str, ...]) -> Iterator[tuple[RecoveryTicket, int]]:
    """The tickets some verified addresses of whose subject have no mail of these kinds, and how many addresses."""
    notices = Q(kind__in=ONCE) | Q(links__has_key="stop")
    mails = Mail.objects.filter(notices, reference__in=[ticket.reference for ticket in tickets], kind__in=kinds)
    told = {(reference, to.lower()) for reference, to in mails.values_list("reference", "recipient")}
    asked = _addresses(EmailAddress.objects.filter(verified=True), tickets)
    for ticket in tickets:
        untold = [one for one in asked[ticket.subject_id] if (ticket.reference, one) not in told]
        if untold:
            yield ticket, len(untold)


def _addresses(rows: QuerySet[Any], tickets: list[RecoveryTicket]) -> dict[int, set[str]]:
    """The addresses of each subject among these rows, in lower case."""
    found = defaultdict[int, set[str]](set)
    of_subjects = rows.filter(user__in={ticket.subject_id for ticket in tickets})
    for user, address in of_subjects.values_list("user_id", "email"):
        found[user].add(address.lower())
    return found


def _batches(rows: QuerySet[M], size: int = 500) -> Iterator[list[M]]:
    left = rows.order_by("pk").iterator(chunk_size=size)
    while batch := list(islice(left, size)):
        yield batch


def _addresses_changed(ticket: RecoveryTicket, since: object) -> bool:
    tags = [f"account:email:{action}" for action in ("add", "remove", "verified", "primary:change")]
    return Event.objects.filter(subject_uid=ticket.subject.uid, tag__in=tags, time__gte=since).exists()


def mails_gone_early() -> Iterator[Broken]:
    """Mails and looks of a ticket are deleted when nobody can need them: never of an open one, nor within 90 days."""
    for field in ("mails_deleted_at", "looks_deleted_at"):
        early = Q(closed_at=None) | Q(closed_at__gt=F(field) - timedelta(days=settings.STATUS_PAGES))
        for ticket in RecoveryTicket.objects.filter(early, **{f"{field}__isnull": False}).only("closed_at", field):
            yield Broken("mails_gone_early", f"ticket:{ticket.pk}", f"{field} is {getattr(ticket, field)}")


def notice_twice() -> Iterator[Broken]:
    """One notice per address and stage."""
    rows = Mail.objects.filter(kind__in=ONCE, reference__startswith="ticket:").values("reference", "kind", "recipient")
    for row in rows.annotate(many=Count("id")).filter(many__gt=1):
        yield Broken("notice_twice", row["reference"], f"{row['many']} times {row['kind']} to one address")


def secret_to_a_stranger() -> Iterator[Broken]:
    """The branch token and the links that act for the claimant go to the ticket's contact, once it is confirmed.

    A lost second factor is answered to an address the account has verified, now or until it was removed.
    """
    secret = Q(kind__regex=rf"^({'|'.join(SECRETS)})") | Q(links__has_key="status")
    mails = Mail.objects.filter(secret, reference__startswith="ticket:")
    for batch in _batches(mails.only("kind", "recipient", "reference", "queued_at")):
        yield from _strangers(batch)


def _strangers(mails: list[Mail]) -> Iterator[Broken]:
    wanted = RecoveryTicket.objects.filter(pk__in={mail.ticket for mail in mails if mail.ticket})
    tickets = {ticket.pk: ticket for ticket in wanted.select_related("subject").defer("facts")}
    own = _addresses(EmailAddress.objects.filter(verified=True), list(tickets.values()))
    former = _addresses(FormerAddress.objects.all(), list(tickets.values()))
    for mail in mails:
        ticket = tickets.get(mail.ticket or 0)
        if ticket is None or mail.recipient != ticket.contact:
            yield Broken("secret_to_a_stranger", f"mail:{mail.pk}", f"{mail.kind} went past the contact")
        elif not _confirmed(ticket, mail, own[ticket.subject_id] | former[ticket.subject_id]):
            yield Broken("secret_to_a_stranger", f"mail:{mail.pk}", f"{mail.kind} to an unconfirmed address")


def _confirmed(ticket: RecoveryTicket, mail: Mail, own: set[str]) -> bool:
    if mail.kind == "recovery_choose_password" and ticket.status != Status.COMPLETED:
        return False
    if ticket.claim != Claim.SECOND_FACTOR:
        return ticket.mailbox_confirmed_at is not None and ticket.mailbox_confirmed_at <= mail.queued_at
    if not ticket.subject.is_active:  # emptied since: nothing is left to compare with
        return True
    return mail.recipient.lower() in own


def words_kept() -> Iterator[Broken]:
    """The encrypted words of a prepared mail are wiped when it has left."""
    for mail in Mail.objects.exclude(state=Mail.State.QUEUED).filter(payload__isnull=False).only("pk", "kind"):
        yield Broken("words_kept", f"mail:{mail.pk}", f"{mail.kind} left the queue and keeps its words")
