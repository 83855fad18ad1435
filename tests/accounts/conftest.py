"""People with and without second factors, and a browser that signs in as they would."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as site
from django.test import Client
from django.urls import set_urlconf
from django_otp.oath import hotp

from accounts import codes, second_factors
from accounts.devices import TotpDevice
from accounts.models import User

PASSWORD = "correct horse battery"
LOGIN = "/account/login/"
CHALLENGE = "/account/second-factor/"


@pytest.fixture(autouse=True)
def _the_room_alone(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No hook and no URL of the rooms above.

    Through the `settings` fixture every test would make the resolvers of both lists of URLs anew, which takes longer
    than the test.
    """
    settings.ACCOUNTS_HOOKS = {}
    monkeypatch.setattr(site, "ROOT_URLCONF", "tests.accounts.urls")
    set_urlconf(None)
    yield
    set_urlconf(None)


def make_user(username: str = "ada", **fields: Any) -> User:
    """An account with a password and a verified primary address."""
    user = User.objects.create_user(username, f"{username}@example.org", PASSWORD, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def add_app(user: User, name: str = "phone") -> TotpDevice:
    """A confirmed authenticator app whose present code is still unused."""
    device = second_factors.start_totp(user, name)
    device.confirmed = True
    device.save()
    return device


def code_of(device: TotpDevice, *, steps: int = 0) -> str:
    """The code the app shows now, or some steps of 30 s from now."""
    return f"{hotp(device.raw_secret(), int(time.time()) // codes.STEP + steps):06d}"


def wrong_code_of(device: TotpDevice) -> str:
    """Six digits the app shows neither now nor one step away."""
    near = {code_of(device, steps=step) for step in range(-3, 4)}
    return next(code for code in (str(digit) * codes.DIGITS for digit in range(10)) if code not in near)


def type_password(client: Client, login: str = "ada", password: str = PASSWORD) -> Any:
    return client.post(LOGIN, {"login": login, "password": password})


def type_code(client: Client, code: str) -> Any:
    return client.post(CHALLENGE, {"code": code})


@pytest.fixture
def ada(db: None) -> User:
    return make_user()


@pytest.fixture
def app(ada: User) -> TotpDevice:
    return add_app(ada)


@pytest.fixture
def signed_in(client: Client, ada: User, app: TotpDevice) -> Client:
    """A browser in which ada has just shown password and code."""
    type_password(client)
    type_code(client, code_of(app))
    return client
