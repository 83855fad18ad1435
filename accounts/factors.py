"""What second factors an account has: questions only, nothing here changes anything."""

from dataclasses import dataclass
from datetime import datetime

from django_otp.models import Device

from accounts.codes import STEP
from accounts.devices import RecoveryCode, TotpDevice, webauthn_credentials
from accounts.models import User


@dataclass(frozen=True)
class FactorSummary:
    """What an account has: apps, security keys, unused recovery codes; when its first and last factor were added."""

    totp: int
    webauthn: int
    codes_left: int
    oldest: datetime | None
    youngest: datetime | None


def summary(user: User) -> FactorSummary:
    """Count the usable factors, in three queries."""
    totp = list(TotpDevice.objects.filter(user=user, confirmed=True).values_list("created_at", flat=True))
    keys = list(webauthn_credentials().filter(user=user, confirmed=True).values_list("created_at", flat=True))
    times = sorted(time for time in totp + keys if time)
    left = RecoveryCode.objects.filter(device__user=user, used_at=None).count()
    return FactorSummary(len(totp), len(keys), left, times[0] if times else None, times[-1] if times else None)


def primary_devices(user: User) -> list[Device]:
    """The confirmed apps and keys; recovery codes are not among them."""
    apps = TotpDevice.objects.filter(user=user, confirmed=True).order_by("id")
    return [*apps, *webauthn_credentials().filter(user=user, confirmed=True).order_by("id")]


def has_primary_factor(user: User) -> bool:
    """Whether sign-in asks for a second factor. (django-otp's own answer would count an empty set of codes.)"""
    return (
        TotpDevice.objects.filter(user=user, confirmed=True).exists()
        or webauthn_credentials().filter(user=user, confirmed=True).exists()
    )


def seconds_off(user: User, code: str) -> int:
    """How far the clock of one of the account's apps is off when that is why its code is refused; 0 otherwise.

    Ahead of ours is positive. Counted in steps of 30 s.
    """
    found = (device.steps_off(code) for device in TotpDevice.objects.filter(user=user))
    return next((steps * STEP for steps in found if steps), 0)


def locked_until(user: User) -> datetime | None:
    """When every app of the account takes codes again; None when they do now."""
    until = [device.verify_is_allowed() for device in TotpDevice.objects.filter(user=user, confirmed=True)]
    return max((data["locked_until"] for allowed, data in until if not allowed and data), default=None)
