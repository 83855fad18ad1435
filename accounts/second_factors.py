"""Second factors: what an account has, how one is added, checked and used. The only place where one ends.

Rules: a verified primary address first; recovery codes only beside a primary factor (app or key); every change is an
event and a mail to all addresses.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now
from django.db.transaction import TransactionManagementError
from django_otp.models import Device

from accounts import addresses, codes, notices, requirement, wrong_factors
from accounts.devices import RecoveryCode, RecoveryCodeDevice, TotpDevice, webauthn_credentials
from accounts.factor_refusals import (
    FactorNeedsVerifiedAddress,
    FactorRefused,
    LastFactor,
    NoPrimaryFactor,
    OtherUsersDevice,
)
from accounts.factors import FactorSummary, has_primary_factor, locked_until, primary_devices, summary
from accounts.models import User
from accounts.services import end_sessions, forget_browsers, locked
from accounts.step_up import (
    recent_second_factor,
    recent_staff_factor,
    require_recent_second_factor,
    require_recent_staff_factor,
)
from accounts.typed_codes import FEW_CODES, Tried, refusal_of, try_code, verify_code
from audit.log import Party, RequestOrigin, record
from audit.tags import Tag
from common import failpoints
from common.clock import database_now

__all__ = [
    "FEW_CODES",
    "FactorNeedsVerifiedAddress",
    "FactorRefused",
    "FactorSummary",
    "LastFactor",
    "NoPrimaryFactor",
    "OtherUsersDevice",
    "ResetCounts",
    "Tried",
    "confirm_totp",
    "empty",
    "has_primary_factor",
    "locked_until",
    "make_codes",
    "primary_devices",
    "prove_codes",
    "recent_second_factor",
    "recent_staff_factor",
    "refusal_of",
    "remove_device",
    "rename_device",
    "require_recent_second_factor",
    "require_recent_staff_factor",
    "reset",
    "start_totp",
    "summary",
    "try_code",
    "verify_code",
]


LONGEST_NAME = 64


@dataclass(frozen=True)
class ResetCounts:
    """What a reset removed."""

    totp: int
    webauthn: int
    codes: int
    sessions: int


@transaction.atomic
def start_totp(user: User, name: str) -> TotpDevice:
    """Make an authenticator app that counts only once its first code is confirmed; replaces an unfinished one.

    Raises FactorNeedsVerifiedAddress.
    """
    if addresses.primary(user) is None:
        raise FactorNeedsVerifiedAddress
    TotpDevice.objects.filter(user=user, confirmed=False).delete()
    device = TotpDevice(user=user, name=name.strip()[:64], confirmed=False)
    device.set_secret(secrets.token_bytes(codes.SECRET_BYTES))
    device.save()
    return device


@transaction.atomic
def confirm_totp(user: User, device: TotpDevice, code: str, *, origin: RequestOrigin | None = None) -> bool:
    """Confirm a started app with its first code (used up by it); False when the code is not right.

    It is as old as this moment: whoever starts one and waits has no old factor.
    Raises OtherUsersDevice, FactorNeedsVerifiedAddress.
    """
    _require_own(user, device)
    locked(user)
    if addresses.primary(user) is None:
        raise FactorNeedsVerifiedAddress
    if not _takes(device, code):
        return False
    if TotpDevice.objects.filter(pk=device.pk, confirmed=False).update(confirmed=True, created_at=Now()):
        device.refresh_from_db()
        _changed(Tag.ACCOUNT_TWO_FACTOR_METHOD_ADDED, user, device, actor=user, origin=origin)
    return True


def _takes(device: TotpDevice, code: str) -> bool:
    """Use up the code on the locked row; an app that is gone takes none."""
    try:
        device.refresh_from_db(from_queryset=TotpDevice.objects.select_for_update())
    except TotpDevice.DoesNotExist:
        return False
    return device.verify_token(code)


@transaction.atomic
def remove_device(user: User, device: Device, *, actor: Party | str, origin: RequestOrigin | None = None) -> None:
    """Remove one app or key; the recovery codes go with the last one.

    Raises OtherUsersDevice, and LastFactor where the account must keep one.
    """
    _require_own(user, device)
    locked(user)
    others = [one for one in primary_devices(user) if one.persistent_id != device.persistent_id]
    if device.confirmed and not others and requirement.is_due(user):
        raise LastFactor
    _changed(Tag.ACCOUNT_TWO_FACTOR_METHOD_REMOVED, user, device, actor=actor, origin=origin)
    wrong_factors.forget(user, device)
    device.delete()
    if not others:
        _end_codes(user)


def rename_device(user: User, device: Device, name: str) -> None:
    """Give one's own app or key another name; raises OtherUsersDevice."""
    _require_own(user, device)
    device.name = name.strip()[:LONGEST_NAME]
    device.save(update_fields=["name"])


@transaction.atomic
def make_codes(user: User, *, actor: Party | str, origin: RequestOrigin | None = None) -> list[str]:
    """Return 8 new recovery codes, to be shown once; earlier ones die. Raises NoPrimaryFactor."""
    locked(user)
    if not has_primary_factor(user):
        raise NoPrimaryFactor
    _end_codes(user)
    device = RecoveryCodeDevice.objects.create(user=user, name="recovery codes")
    plain = [codes.new_recovery_code() for _ in range(codes.RECOVERY_CODES)]
    salt = bytes(device.salt)
    RecoveryCode.objects.bulk_create(
        RecoveryCode(device=device, digest=codes.recovery_digest(salt, code)) for code in plain
    )
    notices.changed(Tag.ACCOUNT_RECOVERY_CODES_GENERATED, user, actor=actor, origin=origin)
    return plain


def _end_codes(user: User) -> None:
    for device in RecoveryCodeDevice.objects.filter(user=user):
        wrong_factors.forget(user, device)
        device.delete()


def prove_codes(user: User, code: str) -> bool:
    """Note that the codes are saved, shown by typing one of the unused ones; it is not used up."""
    device = RecoveryCodeDevice.objects.filter(user=user).first()
    if device is None:
        return False
    digest = codes.recovery_digest(bytes(device.salt), code)
    if not device.codes.filter(digest=digest, used_at=None).exists():
        return False
    RecoveryCodeDevice.objects.filter(pk=device.pk).update(proved_at=Now())
    return True


def reset(
    user: User, *, actor: Party | str, reason: str, ticket: int | None = None, origin: RequestOrigin | None = None
) -> ResetCounts:
    """Remove every device, code and session, make the password unusable and begin the quarantine.

    Runs inside the caller's transaction (TransactionManagementError otherwise), writes events, mails nothing.
    Pending sign-ins die too: they remember the password they began with.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("second_factors.reset must run inside the caller's transaction")
    locked(user)
    counts = _remove_all(user)
    user.set_unusable_password()
    user.quarantined_at, user.quarantine_until = database_now(), None
    user.save(update_fields=["password", "quarantined_at", "quarantine_until"])
    written: tuple[tuple[Tag, dict[str, Any]], ...] = (
        (Tag.ACCOUNT_TWO_FACTOR_RESET, {"totp": counts.totp, "webauthn": counts.webauthn, "codes": counts.codes}),
        (Tag.ACCOUNT_PASSWORD_DISABLED, {}),
        (Tag.ACCOUNT_SESSION_END, {"sessions": counts.sessions}),
        (Tag.ACCOUNT_QUARANTINE_ENTER, {}),
    )
    for tag, data in written:
        record(tag, actor=actor, subject=user, ticket=ticket, origin=origin, reason=reason, **data)
    failpoints.reach("factors", "gone")
    return counts


def empty(user: User) -> None:
    """Remove every device, code and session of an account that is being deleted; inside the caller's transaction."""
    _remove_all(user)


def _remove_all(user: User) -> ResetCounts:
    """Delete devices and sessions; unfinished enrolments and used codes go too but are not counted."""
    before = summary(user)
    forget_browsers(user)
    wrong_factors.forget(user)
    for devices in (TotpDevice.objects, webauthn_credentials(), RecoveryCodeDevice.objects):
        devices.filter(user=user).delete()
    return ResetCounts(before.totp, before.webauthn, before.codes_left, end_sessions(user))


def _changed(tag: Tag, user: User, device: Device, *, actor: Party | str, origin: RequestOrigin | None) -> None:
    method = "totp" if isinstance(device, TotpDevice) else "webauthn"
    notices.changed(tag, user, actor=actor, origin=origin, method=method)


def _require_own(user: User, device: Device) -> None:
    if device.user_id != user.pk:
        raise OtherUsersDevice
