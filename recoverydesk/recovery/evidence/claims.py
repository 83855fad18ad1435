"""What a claimant says they lost, in their words, and which claim that is of this account: what is on file decides."""

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.second_factors import has_primary_factor
from recoverydesk.recovery.evidence import contacts
from recoverydesk.recovery.models import Claim


class Lost(models.TextChoices):
    """What the person cannot do. Everything but codes needs an address that they can read now."""

    CODES = Claim.SECOND_FACTOR.value, _("My second factor is gone: the authenticator app or the security key")
    MAIL = Claim.EMAIL.value, _("I can't read my mail: I lost the address, or our mail never came")
    BOTH = Claim.EMAIL_AND_SECOND_FACTOR.value, _("Both: I can't get codes and I can't read my mail")
    OTHER = "other", _("Something else")


@dataclass(frozen=True)
class OnFile:
    """What decides a claim: the addresses of an account and whether it has a second factor."""

    primary: str | None  # verified
    verified: frozenset[str]
    never_verified: tuple[str, ...]  # the primary one first
    has_factor: bool


@dataclass(frozen=True)
class Decided:
    """The claim, and the contact it is answered to ("" where policy knows the one it may be)."""

    claim: Claim
    contact: str


def decide(lost: str, given: str, file: OnFile) -> Decided:
    """Which claim it is. `given` is the address they can read now, "" for none; `contacts.choose` may still refuse it.

    Who reads the verified primary address has lost no address. One that nobody ever verified is asked to be verified,
    and the lost factor goes with it in one request. Every other address is a new one.
    """
    address = contacts.plain(given)
    codes = file.has_factor and lost in (Lost.CODES, Lost.BOTH)
    if not file.verified:
        address = address or next(iter(file.never_verified), "")
        if address in file.never_verified:
            return Decided(Claim.UNVERIFIED_AND_FACTOR if codes else Claim.UNVERIFIED_EMAIL, address)
    if lost == Lost.CODES or address == file.primary:
        return Decided(Claim.SECOND_FACTOR, "")
    return Decided(Claim.EMAIL_AND_SECOND_FACTOR if codes else Claim.EMAIL, address)


def on_file(user: User) -> OnFile:
    """Read what decides. At most three queries."""
    rows = list(EmailAddress.objects.filter(user=user).order_by("-primary", "id"))
    verified = frozenset(row.email.lower() for row in rows if row.verified)
    return OnFile(
        primary=next((row.email.lower() for row in rows if row.primary and row.verified), None),
        verified=verified,
        never_verified=tuple(row.email.lower() for row in rows if not row.verified),
        has_factor=has_primary_factor(user),
    )
