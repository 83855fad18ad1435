"""One mail that came in, whichever door it took: kept, and done with it what its kind asks for.

The claimant's word is a mail to the ticket's reply address (its MAC went to the contact alone), from the contact, with
DMARC passed at our own server. It becomes a message on the ticket, by the verb and with the limits of the status page.
It may confirm the mailbox; everything else a person does on a page. What programs write is shown and never answered
(RFC 3834).
"""

import hashlib
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext

from accounts.mail import outbox
from accounts.mail.models import Link, Mail
from audit.log import record
from audit.tags import Tag
from common import keys, wake
from recoverydesk.channels.mail import authentication, reading, reply_addresses
from recoverydesk.channels.mail.reading import Delivery, Incoming
from recoverydesk.channels.models import TEXT, IncomingMail
from recoverydesk.recovery import errors, permissions, workflow
from recoverydesk.recovery.models import RecoveryTicket
from recoverydesk.recovery.workflow import messages

Kind = IncomingMail.Kind
USE_THE_FORM = "use_the_form"
NULL_SENDERS = ("", "<>", "mailer-daemon")
CUT = "…"
TOLD = (Mail.State.SENT, Mail.State.DELIVERED)


@dataclass(frozen=True)
class Envelope:
    """What the mail server was told: RFC 5321's sender ("" for a report; None: not known) and recipients."""

    sender: str | None = None
    recipients: tuple[str, ...] = ()

    @property
    def is_null(self) -> bool:
        return self.sender is not None and self.sender.strip().lower() in NULL_SENDERS


def receive(raw: bytes, envelope: Envelope) -> IncomingMail:
    """Keep a mail and act on it; the same bytes a second time change nothing. Raises reading.Nonsense."""
    incoming = reading.read(raw)
    with transaction.atomic():
        row, created = IncomingMail.objects.get_or_create(
            digest=hashlib.sha256(raw).hexdigest(),
            defaults={
                "sender": incoming.sender,
                "subject": _masked(incoming.subject)[:200],
                "attachments": list(incoming.attachments),
                "original": keys.encrypt(TEXT, _masked(incoming.original).encode("utf-8", "replace")),
                "kind": Kind.UNPROVEN,
            },
        )
        if created:
            _act(row, incoming, envelope)
            row.save(update_fields=["kind", "ticket", "reason"])
    wake.wake()
    return row


def _masked(text: str) -> str:
    """Without what only the contact may have: branch names, links, and the MAC of a reply address."""
    return reply_addresses.SHAPE.sub(messages.MASK, messages.SECRETS.sub(messages.MASK, text))


def _act(row: IncomingMail, incoming: Incoming, envelope: Envelope) -> None:
    """Find out which kind of mail it is, to which ticket it belongs, and do what follows."""
    recipients = envelope.recipients or incoming.recipients
    addressed = next(filter(None, map(reply_addresses.ticket_of, recipients)), None)
    row.ticket = addressed or _answered(incoming.answers)
    row.kind = _written_by_a_program(incoming, envelope)
    if incoming.delivery:
        row.kind = Kind.BOUNCE
        _come_back(row, incoming.delivery, recipients)
    elif row.kind:
        row.reason = incoming.automatic
    elif row.ticket is None:
        row.kind = Kind.STRANGER
        _show_the_form(row, incoming)
    elif addressed is None:
        row.kind, row.reason = Kind.UNPROVEN, "address"
    elif incoming.sender != addressed.contact.lower():
        row.kind, row.reason = Kind.UNPROVEN, "sender"
    elif not authentication.passed(incoming.authentication, incoming.sender):
        row.kind, row.reason = Kind.UNPROVEN, "dmarc"
    else:
        row.kind, row.reason = _claimants_word(addressed, incoming)


def _answered(message_ids: tuple[str, ...]) -> RecoveryTicket | None:
    """The ticket of the newest mail of ours that is answered; the subject says nothing."""
    mails = Mail.objects.filter(message_id__in=message_ids[-20:]).order_by("-pk") if message_ids else []
    number = next((mail.ticket for mail in mails if mail.ticket), None)
    return RecoveryTicket.objects.filter(pk=number).first() if number else None


def _written_by_a_program(incoming: Incoming, envelope: Envelope) -> str:
    """Which program; "" for a person."""
    ours = {incoming.sender, *([envelope.sender.lower()] if envelope.sender else [])}
    if any(map(reply_addresses.is_ours, ours)) or _sent_by_us(incoming.message_id):
        return Kind.LOOP
    if incoming.from_list:
        return Kind.LIST
    return Kind.AUTOMATIC if incoming.automatic or envelope.is_null else ""


def _sent_by_us(message_id: str) -> bool:
    return bool(message_id) and Mail.objects.filter(message_id=message_id).exists()


# What follows ---------------------------------------------------------------------------------------------------------


def _claimants_word(ticket: RecoveryTicket, incoming: Incoming) -> tuple[str, str]:
    """Confirm the mailbox where the answer says so, and hand the rest to staff as the status page does."""
    if not incoming.text:
        return Kind.UNPROVEN, "no text"
    confirms, rest = _confirms(incoming.text)
    try:
        if confirms:
            workflow.confirm_mailbox(ticket.pk, actor=_claimant(ticket))
        if rest:
            workflow.write(ticket.pk, actor=_claimant(ticket), text=_cut(_masked(rest)))
    except errors.RecoveryError as refusal:
        return Kind.REFUSED, type(refusal).__name__
    return Kind.CLAIMANT, "confirms" if confirms else ""


def _confirms(text: str) -> tuple[bool, str]:
    """Whether an answer begins with the words of the confirming button, in any of our languages; and what follows.

    Any other answer confirms nothing: the account's owner may answer from the same mailbox that it was not them.
    """
    plain = text.lstrip("\"“”«»'* ")
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            words = gettext("Yes, I asked for this")
        if plain.lower().startswith(words.lower()):
            return True, plain[len(words) :].lstrip("\"“”«»'*.! \n")
    return False, text


def _claimant(ticket: RecoveryTicket) -> permissions.Actor:
    """Whoever reads the contact's mailbox, as the holder of its link. Raises InvalidTransition where none lives."""
    live = Link.objects.filter(used_at=None, dead_at=None, expires_at__gt=Now(), reference=ticket.reference)
    mine = live.filter(recipient__iexact=ticket.contact, purpose__in=("status", "confirm_contact"))
    link = mine.order_by("-purpose", "-pk").first()  # a status link before a confirming one
    if link is None:
        raise errors.InvalidTransition("no link lives")
    return permissions.claimant(link)


def _cut(text: str) -> str:
    return text if len(text) <= messages.LONGEST else text[: messages.LONGEST - 1] + CUT


def _show_the_form(row: IncomingMail, incoming: Incoming) -> None:
    """Tell a stranger where requests are made; not where anybody could have written the sender's address."""
    if not authentication.passed(incoming.authentication, incoming.sender):
        row.reason = "dmarc"
        return
    outbox.queue_limited(USE_THE_FORM, incoming.sender, dedupe=f"{USE_THE_FORM}:{row.digest}")


def _come_back(row: IncomingMail, delivery: Delivery, recipients: tuple[str, ...]) -> None:
    """Mark the mail that came back for good; the sweep does the rest, as with a mail that was refused at the door."""
    by_id = Mail.objects.filter(message_id__in=delivery.message_ids[:20]).first() if delivery.message_ids else None
    mail = by_id or next(filter(None, map(reply_addresses.bounced_mail, recipients)), None)
    row.reason = "for good" if delivery.failed else "for now"
    if mail is None:
        row.reason = "unknown mail"
        return
    row.ticket = RecoveryTicket.objects.filter(pk=mail.ticket).first() if mail.ticket else row.ticket
    bounced = Mail.State.BOUNCED
    if delivery.failed and Mail.objects.filter(pk=mail.pk, state__in=TOLD).update(state=bounced, settled_at=Now()):
        record(
            Tag.ACCOUNT_EMAIL_BOUNCED, actor="system", subject=mail.user, ticket=mail.ticket, address=mail.recipient,
            kind=mail.kind,
        )  # fmt: skip
