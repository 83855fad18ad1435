"""Nobody learns from an answer whether an account exists, nor what state it is in (design rule 10)."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import services, sweeping
from accounts.mail.models import Mail
from accounts.models import User
from tests.helpers.factories import PASSWORD, add_app, make_user
from tests.helpers.signing_in import LOGIN

RESET, SIGN_UP = "/account/password/reset/", "/account/signup/"
WRONG = "not the password at all"


def freeze(user: User) -> None:
    services.freeze(user, by=User.FrozenBy.STAFF, actor="system", reason="a reason long enough")


def freeze_own(user: User) -> None:
    services.freeze(user, by=User.FrozenBy.OWNER, actor=user, reason="a reason long enough")


def unverify(user: User) -> None:
    EmailAddress.objects.filter(user=user).update(verified=False)


def disable_password(user: User) -> None:
    user.set_unusable_password()
    user.save()


def make_staff(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)


def close(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def enrol(user: User) -> None:
    add_app(user)


def leave(_user: User) -> None:
    """An ordinary account."""


STATES: dict[str, Callable[[User], None] | None] = {
    "unknown": None,
    "known": leave,
    "with a second factor": enrol,
    "frozen by staff": freeze,
    "frozen by its owner": freeze_own,
    "unverified": unverify,
    "unusable password": disable_password,
    "staff": make_staff,
    "closed": close,
}


def answer(page: str, form: dict[str, str]) -> tuple[int, int, str, list[str]]:
    """Status, number of queries, where to, and every line of what a fresh browser gets, but what was typed."""
    client = Client()
    client.get(page)
    with CaptureQueriesContext(connection) as queries:
        response = client.post(page, form)
    lines = response.content.decode().splitlines()
    kept = [line for line in lines if "csrf" not in line and not any(typed in line for typed in form.values())]
    return response.status_code, len(queries), response.headers.get("Location", ""), kept


@pytest.fixture
def ordinary(db: None) -> User:
    """Somebody nothing is odd about, who warms up what is only asked once in a process."""
    user = make_user("noor")
    answer(LOGIN, {"login": "noor", "password": WRONG})
    answer(RESET, {"email": user.email})
    return user


def prepare(state: str) -> None:
    change = STATES[state]
    if change is not None:
        change(make_user())


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("login", ["ada", "ada@example.org"])
def test_a_wrong_password_gets_the_same_answer_for_every_account(ordinary: User, state: str, login: str) -> None:
    prepare(state)
    known = "noor@example.org" if "@" in login else "noor"
    expected = answer(LOGIN, {"login": known, "password": WRONG})
    assert expected[0] == 200
    assert answer(LOGIN, {"login": login, "password": WRONG}) == expected


@pytest.mark.parametrize("state", STATES)
def test_the_reset_form_gives_the_same_answer_for_every_account(ordinary: User, state: str) -> None:
    prepare(state)
    expected = answer(RESET, {"email": "noor@example.org"})
    assert expected[0] == 302
    assert answer(RESET, {"email": "ada@example.org"}) == expected


@pytest.mark.parametrize(
    ("state", "mails"),
    [("unknown", 0), ("known", 1), ("frozen by staff", 0), ("unverified", 0), ("unusable password", 1), ("staff", 1)],
)
def test_afterwards_only_the_holder_of_a_verified_address_gets_a_mail(db: None, state: str, mails: int) -> None:
    prepare(state)
    Mail.objects.all().delete()
    Client().post(RESET, {"email": "ada@example.org"})
    sweeping.sweep()
    assert Mail.objects.filter(recipient="ada@example.org").count() == mails


@pytest.mark.parametrize("state", ["known", "unverified", "frozen by staff", "staff", "closed"])
def test_signing_up_with_a_known_address_reads_like_with_a_new_one(ordinary: User, state: str) -> None:
    prepare(state)
    form: dict[str, Any] = {"username": "kim", "password1": PASSWORD, "password2": PASSWORD}
    known = answer(SIGN_UP, {**form, "email": "ada@example.org"})
    unknown = answer(SIGN_UP, {**form, "username": "lee", "email": "new@example.org"})
    assert (known[0], known[2], known[3]) == (unknown[0], unknown[2], unknown[3])
    assert known[2] == "/account/confirm-email/"
