"""Which address a ticket's secrets go to: what each claim may name, and what stands in its way."""

import pytest

from accounts.models import User
from recoverydesk.recovery import errors
from recoverydesk.recovery.evidence import contacts
from recoverydesk.recovery.models import Claim
from tests.helpers import factories
from tests.helpers.tickets import add_address

pytestmark = pytest.mark.django_db
NEW = "new@example.org"
NEW_CONTACT = [Claim.EMAIL, Claim.EMAIL_AND_SECOND_FACTOR]


@pytest.fixture
def kim(db: None) -> User:
    """An account whose one address was never verified."""
    return factories.make_user("kim", verified=False)


def choose(user: User, claim: Claim, given: str, *, primary: str | None = "ada@example.org") -> str:
    return contacts.choose(user, claim, primary, given)


def refused(user: User, claim: Claim, given: str, *, primary: str | None = "ada@example.org") -> None:
    with pytest.raises(errors.NoContact):
        choose(user, claim, given, primary=primary)


@pytest.mark.parametrize("claim", NEW_CONTACT)
def test_a_new_contact_is_barred_by_who_verified_it_and_by_nobody_who_merely_typed_it(ada: User, claim: Claim) -> None:
    row = add_address(factories.make_user("mallory"), NEW, verified=False)
    assert choose(ada, claim, " New@Example.org ") == NEW
    row.verified = True
    row.save()
    refused(ada, claim, " New@Example.org ")


@pytest.mark.parametrize("claim", NEW_CONTACT)
@pytest.mark.parametrize("verified", [True, False])
def test_a_further_address_of_ones_own_may_be_the_new_contact(ada: User, claim: Claim, verified: bool) -> None:
    add_address(ada, NEW, verified=verified)
    assert choose(ada, claim, NEW) == NEW


@pytest.mark.parametrize("claim", NEW_CONTACT)
def test_who_reads_the_primary_address_has_not_lost_it(ada: User, claim: Claim) -> None:
    refused(ada, claim, "ADA@example.org")
    refused(ada, claim, "ada@example.org", primary="Ada@Example.org")
    assert choose(ada, claim, "ada@example.org", primary=None) == "ada@example.org"


def test_an_address_never_verified_is_one_on_file_of_an_account_that_has_no_verified_one(kim: User) -> None:
    claim = Claim.UNVERIFIED_EMAIL
    assert choose(kim, claim, "Kim@example.org", primary=None) == "kim@example.org"
    refused(kim, claim, NEW, primary=None)
    second = add_address(kim, NEW, verified=False)
    assert choose(kim, claim, NEW, primary=None) == NEW
    second.verified = True
    second.save()
    for given in (NEW, "kim@example.org"):
        refused(kim, claim, given, primary=None)


def test_an_address_never_verified_is_refused_once_somebody_else_has_verified_it(kim: User) -> None:
    row = add_address(factories.make_user("mallory"), "kim@example.org", verified=False)
    assert choose(kim, Claim.UNVERIFIED_EMAIL, "kim@example.org", primary=None) == "kim@example.org"
    row.verified = True
    row.save()
    refused(kim, Claim.UNVERIFIED_EMAIL, "kim@example.org", primary=None)


def test_a_lost_second_factor_is_answered_to_the_verified_primary_address_and_no_other(ada: User) -> None:
    for given in ("", "  ", "ada@example.org", " ADA@Example.org"):
        assert choose(ada, Claim.SECOND_FACTOR, given, primary="Ada@example.org") == "Ada@example.org"
    add_address(ada, NEW)
    refused(ada, Claim.SECOND_FACTOR, NEW)
    refused(ada, Claim.SECOND_FACTOR, "", primary=None)
    refused(ada, Claim.SECOND_FACTOR, "ada@example.org", primary=None)


@pytest.mark.parametrize("given", ["", "new", "new@", "nëw@example.org", "\u212aim@example.org", "a b@example.org"])
@pytest.mark.parametrize("claim", [*NEW_CONTACT, Claim.UNVERIFIED_EMAIL])
def test_what_is_no_plain_address_is_no_contact(ada: User, claim: Claim, given: str) -> None:
    refused(ada, claim, given)


@pytest.mark.parametrize(("length", "plain"), [(254, True), (255, False)])
def test_an_address_has_254_signs_at_most(length: int, plain: bool) -> None:
    host = ".".join(["x" * 60] * 4)
    assert contacts.is_plain(f"{'a' * (length - len(host) - 5)}@{host}.org") == plain
