"""How an owner's own freeze ends: by a sign-in with a second factor old enough to be the owner's.

Whoever broke in and froze the account, or added a factor recently, does not open it again. A staff freeze is lifted by
staff alone.
"""

from datetime import datetime

from django.conf import settings
from django_otp.models import Device

from accounts import services
from accounts.devices import RecoveryCodeDevice
from accounts.factors import primary_devices
from accounts.models import User
from audit.log import RequestOrigin
from common.clock import database_now

REASON = "signed in with a second factor older than 30 days"


def may_begin_sign_in(user: User) -> bool:
    """Whether the account may go on to its second factor: open, or frozen by its owner and with a factor that opens
    it."""
    if user.may_sign_in:
        return True
    if not user.is_active or user.frozen_by != User.FrozenBy.OWNER:
        return False
    codes = RecoveryCodeDevice.objects.filter(user=user)
    now = database_now()
    return any(_old_enough(device, now) for device in (*primary_devices(user), *codes))


def lift(user: User, device: Device, *, origin: RequestOrigin | None = None) -> bool:
    """End the owner's own freeze with the factor just shown; False when the account stays closed."""
    if user.may_sign_in:
        return True
    if not user.is_active or user.frozen_by != User.FrozenBy.OWNER or not _old_enough(device, database_now()):
        return False
    services.open_again(user, actor=user, reason=REASON, origin=origin)
    return True


def _old_enough(device: Device, now: datetime) -> bool:
    added: datetime | None = device.created_at  # type: ignore[attr-defined]
    return added is not None and now - added >= settings.OWN_FREEZE_OPENS_FOR
