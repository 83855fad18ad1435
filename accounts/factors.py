"""What second factors an account has: questions only, nothing here changes anything."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Value
from django_otp.models import Device

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


def kinds(user_ids: Iterable[int]) -> dict[int, list[str]]:
    """Which kinds of primary factor these accounts have, "app" or "key", and never more; one query."""
    ids = list(user_ids)
    found: dict[int, list[str]] = {pk: [] for pk in ids}
    apps = TotpDevice.objects.filter(user__in=ids, confirmed=True).values_list("user_id", Value("app"))
    keys = webauthn_credentials().filter(user__in=ids, confirmed=True).values_list("user_id", Value("key"))
    for pk, kind in sorted(apps.order_by().union(keys.order_by())):
        found[pk].append(kind)
    return found


def has_primary_factor(user: User) -> bool:
    """Whether sign-in asks for a second factor. (django-otp's own answer would count an empty set of codes.)"""
    return (
        TotpDevice.objects.filter(user=user, confirmed=True).exists()
        or webauthn_credentials().filter(user=user, confirmed=True).exists()
    )


def locked_until(user: User) -> datetime | None:
    """When every app of the account takes codes again; None when they do now."""
    return last_lock(TotpDevice.objects.filter(user=user, confirmed=True))


def last_lock(apps: Iterable[TotpDevice]) -> datetime | None:
    """When every one of these apps takes codes again; None when they do now."""
    until = [device.verify_is_allowed() for device in apps]  # type: ignore[no-untyped-call]
    return max((data["locked_until"] for allowed, data in until if not allowed and data), default=None)
