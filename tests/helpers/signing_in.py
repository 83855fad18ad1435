"""Signing in: what is typed, what an app shows, and who somebody is then."""

import time
from typing import Any

from django.test import Client
from django_otp.oath import hotp

from accounts import codes
from accounts.devices import TotpDevice
from accounts.models import User
from tests.helpers.factories import PASSWORD, add_app

LOGIN = "/account/login/"
CHALLENGE = "/account/second-factor/"


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


PEOPLE: dict[str, dict[str, Any]] = {
    "member": {},
    "staff": {"staff": True},
    "superuser": {"superuser": True},
}


def enter(client: Client, user: User) -> Client:
    """Sign in with password and code."""
    device = TotpDevice.objects.filter(user=user).first() or add_app(user)
    type_password(client, user.username)
    type_code(client, code_of(device))
    return client
