"""The one address a ticket's secrets go to: which one a claim may name."""

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.models import User
from recoverydesk.recovery import errors
from recoverydesk.recovery.models import Claim
from recoverydesk.recovery.policy_terms import UNVERIFIED

LONGEST = 254  # RFC 5321, and the column


def plain(address: str) -> str:
    """The address as we keep it: lower case, without white space around.

    Only ASCII is lowered: the Kelvin sign would become a plain k, and somebody else's mailbox.
    """
    text = address.strip()
    return text.lower() if text.isascii() else text


def is_plain(address: str) -> bool:
    """ASCII only: look-alike letters that fold into ASCII could name somebody else's mailbox (CVE-2019-19844)."""
    try:
        validate_email(address)
    except ValidationError:
        return False
    return address.isascii() and len(address) <= LONGEST


def choose(subject: User, claim: Claim, primary: str | None, given: str) -> str:
    """Return the contact of a new ticket. Raises NoContact for an address this claim may not name.

    A lost second factor is answered to the verified primary address and to no other. An address never verified must
    be on file, of an account that has no verified one. A new contact must not be another account's.
    """
    address = plain(given)
    if claim == Claim.SECOND_FACTOR:
        if primary is None or (address and address != primary.lower()):
            raise errors.NoContact
        return primary
    if not is_plain(address) or is_taken(address, subject):
        raise errors.NoContact
    if not (_is_unverified(subject, address) if claim.value in UNVERIFIED else _is_new(primary, address)):
        raise errors.NoContact
    return address


def is_taken(address: str, subject: User) -> bool:
    """Whether another account has verified this plain address.

    allauth keeps addresses in lower case and has them unique when verified; ignoring case would read every row.
    """
    return EmailAddress.objects.filter(email=address, verified=True).exclude(user=subject).exists()


def _is_unverified(subject: User, address: str) -> bool:
    rows = list(EmailAddress.objects.filter(user=subject))
    return not any(row.verified for row in rows) and any(row.email.lower() == address for row in rows)


def _is_new(primary: str | None, address: str) -> bool:
    """Somebody who reads the primary address has not lost it."""
    return primary is None or primary.lower() != address
