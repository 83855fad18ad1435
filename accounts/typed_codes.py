"""A typed code: which device of the account takes it, and what its refusal may tell.

Everything a refusal tells is found out under the row locks of the try itself, so that two refusals differ only in what
their words say. A locked app looks at no code, and a code that is going to be right reads like any wrong one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django_otp.models import Device

from accounts import codes, notices, wrong_factors
from accounts.devices import RecoveryCodeDevice, TotpDevice
from accounts.factors import has_primary_factor, last_lock
from accounts.models import User
from audit.log import RequestOrigin

Devices = Sequence[TotpDevice | RecoveryCodeDevice]
FEW_CODES = 3  # left: time to make new ones


@dataclass(frozen=True)
class Tried:
    """What came of a code: the device that took it, or what its owner should know.

    `seconds_slow` is how far behind ours the clock of an app is, when that is why its code was refused; `off`: what it
    could be a code of is switched off after too many wrong ones.
    """

    device: Device | None = None
    seconds_slow: int = 0
    locked_until: datetime | None = None
    off: bool = False


@transaction.atomic(savepoint=False)
def try_code(
    user: User, code: str, *, origin: RequestOrigin | None = None, known_browser: bool = False, counted: bool = True
) -> Tried:
    """Use up a code of any app of the account, or a recovery code.

    Run it in the transaction of what the code is for, so that both happen or neither. A wrong guess counts against
    every app, a right one only clears its own lock. In a browser the account has signed in with before, the lock that
    strangers' guesses bring about does not hold. `counted`: whoever types it has shown the password before (see
    `wrong_factors`).
    """
    meant = _meant(user, code)
    off = wrong_factors.switched_off(user)
    asked = [device for device in meant if device.persistent_id not in off]
    if meant and not asked:
        return Tried(off=True)
    if codes.looks_like_totp(code):
        tried = _ask_apps(asked, code, known_browser=known_browser)
    else:
        tried = _ask_codes(user, asked, code, origin)
    if counted and tried.device:
        wrong_factors.proved(user, tried.device, origin=origin)
    elif counted and asked:
        wrong_factors.refused(user, asked, origin=origin)
    return tried


def verify_code(
    user: User, code: str, *, origin: RequestOrigin | None = None, known_browser: bool = False, counted: bool = True
) -> Device | None:
    """The same for who only asks which device it was; None when none takes the code."""
    return try_code(user, code, origin=origin, known_browser=known_browser, counted=counted).device


def refusal_of(apps: Sequence[TotpDevice]) -> Tried:
    """What the owner of these apps should know after a code none of them took."""
    slow = next((app.seconds_slow for app in apps if app.seconds_slow), 0)
    return Tried(None, slow, last_lock(apps))


def _meant(user: User, code: str) -> Devices:
    """What the code can be for, locked: the recovery codes if it looks like one, else every app in one query."""
    if codes.looks_like_recovery_code(code) and has_primary_factor(user):
        sets = list(RecoveryCodeDevice.objects.select_for_update().filter(user=user))
        if sets:
            return sets
    return list(TotpDevice.objects.select_for_update().filter(user=user, confirmed=True).order_by("id"))


def _ask_codes(user: User, sets: Devices, code: str, origin: RequestOrigin | None) -> Tried:
    found = (_use_recovery_code(user, one, code, origin) for one in sets if isinstance(one, RecoveryCodeDevice))
    return Tried(next(filter(None, found), None))


def _ask_apps(devices: Devices, code: str, *, known_browser: bool) -> Tried:
    apps = [device for device in devices if isinstance(device, TotpDevice)]
    asked = [app for app in apps if known_browser or not app.is_locked]
    right = [app for app in asked if app.accepts(code) is not None]
    for app in right[:1] or asked:
        if app.use_up(code):
            return Tried(app)
    return refusal_of(apps)


def _use_recovery_code(
    user: User, device: RecoveryCodeDevice, code: str, origin: RequestOrigin | None
) -> Device | None:
    if not device.verify_token(code):
        return None
    left = device.codes.filter(used_at=None).count()
    notices.code_used(user, left, few=left == FEW_CODES, origin=origin)
    return device
