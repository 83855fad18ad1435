"""The people of the sample registry whose password and codes the demo shows. Nobody else's are ever shown."""

import time
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_otp.oath import hotp

from accounts.codes import DIGITS, STEP
from accounts.devices import TotpDevice
from accounts.models import User

PASSWORD = "the-phone-is-in-the-river"  # noqa: S105  # printed on the demo's own page
CLAIMANT = "ada"
REPOSITORIES = ("ada/engine", "analytical/engine-docs")  # at the demo's code host: one per boundary of the claimant


@dataclass(frozen=True)
class Login:
    """One sample account and why it is worth signing in with."""

    username: str
    story: str | Promise


LOGINS = (
    Login("ada", _("lost her phone; her projects name repositories of two owners")),
    Login("kim", _("has no project")),
    Login("noor", _("has a project that names no repository")),
    Login("lee", _("has one repository owner to prove")),
    Login("sam", _("has five repository owners to prove, one of them private")),
    Login("mira", _("moderator: works tickets")),
    Login("jon", _("moderator: works tickets")),
    Login("rosa", _("admin: resets")),
    Login("otto", _("admin: approves")),
)


@dataclass(frozen=True)
class Code:
    """What an authenticator app would show now. `used`: this time step was already accepted once."""

    device: str
    digits: str
    seconds_left: int
    used: bool


@dataclass(frozen=True)
class Shown:
    """One row of the page of logins."""

    login: Login
    user: User
    codes: list[Code]


def current_code(device: TotpDevice, now: float) -> Code:
    """Return the six digits for the time step of `now` (seconds since 1970)."""
    step = int(now) // STEP
    digits = f"{hotp(device.raw_secret(), step, digits=DIGITS):0{DIGITS}d}"
    return Code(device.name, digits, STEP - int(now) % STEP, device.last_step >= step)


def shown_logins() -> list[Shown]:
    """Return the sample accounts that exist, with their current codes; two queries."""
    names = {login.username: login for login in LOGINS}
    users = {user.username: user for user in User.objects.filter(username__in=names)}
    devices = TotpDevice.objects.filter(user__in=users.values(), confirmed=True).order_by("pk")
    codes: dict[int, list[Code]] = {}
    now = time.time()
    for device in devices:
        codes.setdefault(device.user_id, []).append(current_code(device, now))
    return [Shown(names[name], users[name], codes.get(users[name].pk, [])) for name in names if name in users]
