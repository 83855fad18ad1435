"""The addresses that answers and bounces come back to: `recover+<ticket>.<mac>@…` and `recover+b<mail>.<mac>@…`.

A MAC has 128 bits in base32, since mail servers may lower the case of an address. It is over the ticket and its
contact, so that only whoever got a mail at that contact has it; of a bounce, over the mail and its Message-ID.
"""

import base64
import hmac
import re

from django.conf import settings

from accounts.mail.models import Mail
from common import keys
from common.numbers import whole_number
from recoverydesk.recovery.models import RecoveryTicket

TICKET, BOUNCE = "reply-address", "bounce-address"  # purposes of keys
SHAPE = re.compile(r"(?P<bounce>b?)(?P<number>[0-9]{1,18})\.(?P<mac>[a-z2-7]{26})", re.ASCII)


def reply_to(mail: Mail) -> str:
    """Where an answer to this mail goes; "" where answers are not taken, or the mail is not for a ticket's contact."""
    if not settings.MAIL_REPLY_ADDRESS or mail.ticket is None:
        return ""
    ticket = RecoveryTicket.objects.filter(pk=mail.ticket).first()
    if ticket is None or not ticket.contact or ticket.contact.lower() != mail.recipient.lower():
        return ""
    return _address(f"{ticket.pk}.{_ticket_mac(ticket)}")


def envelope_sender(mail: Mail) -> str:
    """To whom this mail is returned that cannot be delivered (VERP); "" where answers are not taken."""
    if not settings.MAIL_REPLY_ADDRESS:
        return ""
    return _address(f"b{mail.pk}.{_bounce_mac(mail, keys.current_key_id())}")


def ticket_of(address: str) -> RecoveryTicket | None:
    """The ticket whose reply address this is; None for any other address, and for one with a wrong MAC."""
    found = _shape(address)
    if found is None or found["bounce"]:
        return None
    ticket = RecoveryTicket.objects.filter(pk=whole_number(found["number"]) or 0).first()
    if ticket is None or not ticket.contact:
        return None
    try:
        return ticket if hmac.compare_digest(_ticket_mac(ticket), found["mac"]) else None
    except keys.UnknownKey:
        return None


def bounced_mail(address: str) -> Mail | None:
    """The mail that is returned to this address; None for any other address, and for one with a wrong MAC."""
    found = _shape(address)
    if found is None or not found["bounce"]:
        return None
    mail = Mail.objects.filter(pk=whole_number(found["number"]) or 0).first()
    if mail is None:
        return None
    known = [hmac.compare_digest(_bounce_mac(mail, key_id), found["mac"]) for key_id in keys.key_ids()]
    return mail if any(known) else None


def is_ours(address: str) -> bool:
    """Whether this is the desk's own address, with or without what stands behind a plus."""
    local, _at, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" == settings.MAIL_REPLY_ADDRESS.lower() != ""


def _shape(address: str) -> re.Match[str] | None:
    local, _at, _domain = address.lower().rpartition("@")
    return SHAPE.fullmatch(local.partition("+")[2]) if is_ours(address) else None


def _address(detail: str) -> str:
    local, _at, domain = settings.MAIL_REPLY_ADDRESS.rpartition("@")
    return f"{local}+{detail}@{domain}"


def _ticket_mac(ticket: RecoveryTicket) -> str:
    return _short(keys.mac(TICKET, ticket.key_id, str(ticket.pk), ticket.contact.lower()))


def _bounce_mac(mail: Mail, key_id: str) -> str:
    return _short(keys.mac(BOUNCE, key_id, str(mail.pk), mail.message_id))


def _short(mac: str) -> str:
    """The first 128 bits, in small letters and digits."""
    raw = base64.urlsafe_b64decode(f"{mac}=")[:16]
    return base64.b32encode(raw).rstrip(b"=").decode().lower()
