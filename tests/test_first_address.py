"""An address mistyped at sign-up is corrected with the password; a name nobody used for thirty days is free again."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client

from accounts import chores, first_address
from accounts.mail import delivery
from accounts.mail.models import Mail
from accounts.models import FormerAddress, User
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects.models import Role
from tests.helpers import factories
from tests.helpers.tickets import make_ticket
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db
PAGE = "/account/correct-address/"
WRONG, RIGHT = "ada@exmaple.org", "ada@example.org"
DAY = timedelta(days=1)


@pytest.fixture
def fresh(db: None) -> User:
    """Signed up a moment ago, with an address that is not hers."""
    return factories.make_user("ada", email=WRONG, verified=False, unverified_since=database_now())


def correct(address: str = RIGHT, *, name: str = "ada", password: str = factories.PASSWORD) -> Any:
    return Client().post(PAGE, {"username": name, "password": password, "email": address})


def addresses_of(user: User) -> list[tuple[str, bool, bool]]:
    return list(EmailAddress.objects.filter(user=user).values_list("email", "verified", "primary"))


def mailed_to(address: str) -> list[str]:
    delivery.send_due()
    return [str(one.body) for one in mail.outbox if address in one.to]


def confirm_path(address: str) -> str:
    return str(re.findall(r"http://\S+(/account/confirm-email/\S+)", mailed_to(address)[-1])[-1])


def test_sign_up_leaves_an_account_whose_address_can_be_corrected_and_confirming_ends_that(client: Client) -> None:
    typed = {"username": "ada", "email": WRONG, "password1": factories.PASSWORD, "password2": factories.PASSWORD}
    client.post("/account/signup/", typed)
    user = User.objects.get(username="ada")
    assert user.unverified_since is not None
    old = confirm_path(WRONG)
    assert correct().status_code == 302
    assert addresses_of(user) == [(RIGHT, False, True)]
    Client().post(old)
    assert addresses_of(user) == [(RIGHT, False, True)], "the link in the old mailbox opens nothing"
    Client().post(confirm_path(RIGHT))
    assert addresses_of(user) == [(RIGHT, True, True)]
    assert User.objects.filter(pk=user.pk, email=RIGHT, unverified_since=None).exists()
    assert b"cannot correct" in correct("thief@example.org").content


def test_the_old_address_is_told_without_the_name_of_the_account(fresh: User) -> None:
    correct()
    (told,) = mailed_to(WRONG)
    assert "the address was wrong, and gave us another one" in " ".join(told.split())
    assert "ada" not in told
    assert RIGHT not in told
    told_of = Event.objects.filter(subject_uid=fresh.uid, tag__in=(Tag.ACCOUNT_EMAIL_REMOVE, Tag.ACCOUNT_EMAIL_ADD))
    assert told_of.count() == 2


def test_whoever_lacks_the_password_learns_nothing(fresh: User) -> None:
    answers = []
    for name in ("ada", "nobody"):
        page = correct(name=name, password="not this one at all")
        answers.append((page.status_code, re.sub(r'(name="csrf\w+" value|value)="[^"]*"', "", page.content.decode())))
    assert answers[0] == answers[1]
    assert addresses_of(fresh) == [(WRONG, False, True)]
    assert not Mail.objects.exists()


def test_an_address_of_another_account_is_answered_the_same_and_told_there(fresh: User) -> None:
    factories.make_user("bob")
    answers = [correct(address) for address in ("bob@example.org", "free@example.org")]
    assert {(page.status_code, page["Location"]) for page in answers} == {(302, "/account/confirm-email/")}
    assert Mail.objects.get(recipient="bob@example.org", kind="account_already_exists")
    assert not Mail.objects.filter(recipient="bob@example.org", kind__startswith="email_confirmation").exists()


def test_three_corrections_in_a_quarter_of_an_hour_and_no_more(fresh: User) -> None:
    answers = [correct(f"ada{number}@example.org").status_code for number in range(4)]
    assert answers == [302, 302, 302, 200]
    assert addresses_of(fresh) == [("ada2@example.org", False, True)]


def staff(user: User) -> object:
    return User.objects.filter(pk=user.pk).update(is_staff=True)


def old(user: User) -> object:
    """From before there was such a mark, or imported, or made by staff."""
    return User.objects.filter(pk=user.pk).update(unverified_since=None)


USED: dict[str, Callable[[User], object]] = {
    "verified once": lambda user: EmailAddress.objects.create(user=user, email="b@example.org", verified=True),
    "removed one": lambda user: FormerAddress.objects.create(user=user, email="b@example.org"),
    "signed in": lambda user: User.objects.filter(pk=user.pk).update(last_login=database_now()),
    "frozen": lambda user: User.objects.filter(pk=user.pk).update(frozen_at=database_now(), frozen_by="staff"),
    "staff": staff,
    "group": lambda user: user.groups.add(Group.objects.get_or_create(name="Moderators")[0]),
    "imported": old,
    "role": lambda user: factories.make_project("tool", user),
    "invitation": lambda user: Role.objects.create(
        user=user, project=factories.make_project("tool"), kind=Role.Kind.MAINTAINER, accepted_at=None
    ),
    "token": lambda user: ApiToken.objects.create(user=user, name="ci"),
    "ticket": lambda user: make_ticket(user, "withdrawn"),
}


@pytest.mark.parametrize("what", USED)
def test_an_account_with_anything_in_it_keeps_its_address_and_its_name(fresh: User, what: str) -> None:
    """Else a stolen password would take over what the mailbox protects, or a name would go that means something."""
    USED[what](fresh)
    before = addresses_of(fresh)
    correct("thief@example.org")
    User.objects.filter(pk=fresh.pk, unverified_since__isnull=False).update(unverified_since=database_now() - 31 * DAY)
    chores.run()
    fresh.refresh_from_db()
    assert (fresh.username, addresses_of(fresh)) == ("ada", before)
    assert not Mail.objects.filter(recipient="thief@example.org").exists()
    assert not Event.objects.filter(tag=Tag.ACCOUNT_UNUSED).exists()


def test_a_second_factor_keeps_both_as_well(db: None) -> None:
    kim = factories.make_unverified_with_app("kim")
    kim.unverified_since = database_now() - 31 * DAY
    assert not first_address.is_fresh(kim)


@pytest.mark.parametrize(("days", "free"), [(29, False), (31, True)])
def test_after_thirty_days_the_name_can_be_taken_again(fresh: User, client: Client, days: int, free: bool) -> None:
    User.objects.filter(pk=fresh.pk).update(unverified_since=database_now() - days * DAY)
    chores.run()
    typed = {"username": "Ada", "email": RIGHT, "password1": factories.PASSWORD, "password2": factories.PASSWORD}
    assert client.post("/account/signup/", typed).status_code == (302 if free else 200)
    fresh.refresh_from_db()
    assert fresh.username == (f"deleted-{fresh.uid}" if free else "ada")
    assert (fresh.is_active, EmailAddress.objects.filter(user=fresh).exists()) == (not free, not free)
    events = Event.objects.filter(tag=Tag.ACCOUNT_UNUSED)
    assert [event.subject_name for event in events] == (["ada"] if free else [])


def test_accounts_that_are_kept_do_not_stand_in_the_way_of_others(fresh: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_address, "AT_ONCE", 1)
    kept = factories.make_user("kept", verified=False, unverified_since=database_now() - 40 * DAY)
    ApiToken.objects.create(user=kept, name="ci")
    User.objects.filter(pk=fresh.pk).update(unverified_since=database_now() - 31 * DAY)
    assert [first_address.free_unused() for _round in range(2)] == [0, 1]
