"""A typed code: which device of the account takes it, and what its refusal may tell.

Everything a refusal tells is found out under the row locks of the try itself, so that two refusals differ only in what
their words say. A locked app looks at no code, and a code that is going to be right reads like any wrong one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

import django_otp
from django.db import transaction
from django_otp.models import Device

from accounts import codes, notices
from accounts.devices import RecoveryCodeDevice, TotpDevice
from accounts.factors import has_primary_factor, last_lock
from accounts.models import User
from audit.log import Origin
from audit.tags import Tag

FEW_CODES = 3  # left: time to make new ones


@dataclass(frozen=True)
class Tried:
    """What came of a code: the device that took it, or what its owner should know.

    `seconds_slow` is how far behind ours the clock of an app is, when that is why its code was refused.
    """

    device: Device | None = None
    seconds_slow: int = 0
    locked_until: datetime | None = None


@transaction.atomic(savepoint=False)
def try_code(user: User, code: str, *, origin: Origin | None = None, known_browser: bool = False) -> Tried:
    """Use up a code of any app of the account, or a recovery code.

    Run it in the transaction of what the code is for, so that both happen or neither. A wrong guess counts against
    every app, a right one only clears its own. In a browser the account has signed in with before, the lock that
    strangers' guesses bring about does not hold.
    """
    if codes.looks_like_totp(code):
        return _try_apps(user, code, known_browser=known_browser)
    return Tried(_try_recovery_code(user, code, origin=origin))


def verify_code(user: User, code: str, *, origin: Origin | None = None, known_browser: bool = False) -> Device | None:
    """The same for who only asks which device it was; None when none takes the code."""
    return try_code(user, code, origin=origin, known_browser=known_browser).device


def refusal_of(apps: list[TotpDevice]) -> Tried:
    """What the owner of these apps should know after a code none of them took."""
    slow = next((app.seconds_slow for app in apps if app.seconds_slow), 0)
    return Tried(None, slow, last_lock(apps))


def _try_apps(user: User, code: str, *, known_browser: bool) -> Tried:
    """Every app is read and locked in one query, whichever of them the code is for."""
    apps = list(TotpDevice.objects.select_for_update().filter(user=user, confirmed=True).order_by("id"))
    asked = [app for app in apps if known_browser or not app.is_locked]
    right = [app for app in asked if app.accepts(code) is not None]
    for app in right[:1] or asked:
        if app.use_up(code):
            return Tried(app)
    return refusal_of(apps)


def _try_recovery_code(user: User, code: str, *, origin: Origin | None) -> Device | None:
    device = RecoveryCodeDevice.objects.filter(user=user).first()
    if device is None or not has_primary_factor(user):
        return None
    verified = django_otp.verify_token(user, device.persistent_id, code)
    if verified:
        left = device.codes.filter(used_at=None).count()
        if left == FEW_CODES:
            notices.few_codes(user, left)
        notices.changed(Tag.ACCOUNT_RECOVERY_CODES_USED, user, actor=user, origin=origin, codes_left=left)
    return cast("Device | None", verified)
