"""The person says what they cannot do; what is on file decides which claim that is, and which address it may name."""

from itertools import product

import pytest
from allauth.account.models import EmailAddress

from accounts.models import User
from recoverydesk.recovery.evidence import claims, contacts
from recoverydesk.recovery.evidence.claims import Decided, Lost, OnFile
from recoverydesk.recovery.models import Claim
from tests.helpers import factories
from tests.helpers.tickets import add_address

ON_FILE, NEW = "ada@example.org", "new@example.org"
VERIFIED = OnFile(ON_FILE, frozenset({ON_FILE}), (), has_factor=True)
NEVER = OnFile(None, frozenset(), (ON_FILE, "second@example.org"), has_factor=True)
BARE = OnFile(None, frozenset(), (ON_FILE,), has_factor=False)
SECOND, EMAIL, BOTH = Claim.SECOND_FACTOR, Claim.EMAIL, Claim.EMAIL_AND_SECOND_FACTOR
UNVERIFIED, UNVERIFIED_BOTH = Claim.UNVERIFIED_EMAIL, Claim.UNVERIFIED_AND_FACTOR


@pytest.mark.parametrize(
    ("file", "lost", "given", "claim", "contact"),
    [
        (VERIFIED, Lost.CODES, "", SECOND, ""),
        (VERIFIED, Lost.MAIL, NEW, EMAIL, NEW),
        (VERIFIED, Lost.BOTH, NEW, BOTH, NEW),
        (VERIFIED, Lost.OTHER, NEW, EMAIL, NEW),
        (VERIFIED, Lost.BOTH, "Ada@Example.org", SECOND, ""),  # who reads it has not lost it
        (VERIFIED, Lost.OTHER, ON_FILE, SECOND, ""),
        (NEVER, Lost.CODES, "", UNVERIFIED_BOTH, ON_FILE),
        (NEVER, Lost.BOTH, ON_FILE, UNVERIFIED_BOTH, ON_FILE),
        (NEVER, Lost.BOTH, "second@example.org", UNVERIFIED_BOTH, "second@example.org"),
        (NEVER, Lost.MAIL, ON_FILE, UNVERIFIED, ON_FILE),
        (NEVER, Lost.OTHER, ON_FILE, UNVERIFIED, ON_FILE),
        (NEVER, Lost.MAIL, NEW, EMAIL, NEW),
        (NEVER, Lost.BOTH, NEW, BOTH, NEW),
        (BARE, Lost.CODES, "", UNVERIFIED, ON_FILE),
        (BARE, Lost.BOTH, ON_FILE, UNVERIFIED, ON_FILE),
        (BARE, Lost.BOTH, NEW, EMAIL, NEW),
        (OnFile(None, frozenset(), (), has_factor=True), Lost.CODES, "", SECOND, ""),
    ],
)
def test_what_is_on_file_decides(file: OnFile, lost: Lost, given: str, claim: Claim, contact: str) -> None:
    assert claims.decide(lost, given, file) == Decided(claim, contact)


@pytest.mark.django_db
@pytest.mark.parametrize(("lost", "factor", "verified"), product(Lost, (True, False), (True, False)))
@pytest.mark.parametrize("given", [ON_FILE, NEW])
def test_every_claim_decided_names_an_address_it_may_name(
    ada: User, lost: Lost, factor: bool, verified: bool, given: str
) -> None:
    if factor:
        factories.add_app(ada)
    EmailAddress.objects.filter(user=ada).update(verified=verified)
    file = claims.on_file(ada)
    decided = claims.decide(lost, "" if lost == Lost.CODES else given, file)
    assert contacts.choose(ada, decided.claim, file.primary, decided.contact)
    takes_factors = decided.claim in (SECOND, BOTH, UNVERIFIED_BOTH)
    assert not takes_factors or lost in (Lost.CODES, Lost.BOTH) or given == file.primary


@pytest.mark.django_db
def test_the_file_knows_every_address_and_the_primary_one_first(ada: User) -> None:
    add_address(ada, "second@example.org", verified=False)
    factories.add_app(ada)
    assert claims.on_file(ada) == OnFile(ON_FILE, frozenset({ON_FILE}), ("second@example.org",), has_factor=True)
    EmailAddress.objects.filter(user=ada).update(verified=False)
    assert claims.on_file(ada).never_verified == (ON_FILE, "second@example.org")
