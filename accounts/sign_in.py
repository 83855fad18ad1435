"""Signing in: finding the account, what a refusal and a success leave behind.

A wrong password costs the same queries and the same hashing whether or not the account exists (design rule 10).
"""

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django_otp.models import Device

from accounts import notices
from accounts.devices import RecoveryCodeDevice, TotpDevice
from accounts.models import User
from audit.log import RequestOrigin, record
from audit.tags import Tag
from common.clock import database_now

NOBODY = "visitor"  # the actor of a refused sign-in: whoever it was did not prove to be anybody


def find_account(login: str) -> User | None:
    """The account of a username or an address, in one query. A verified address wins over unverified ones."""
    if "@" in login:
        rows = EmailAddress.objects.select_related("user").filter(email=login.lower())
        row = rows.order_by("-verified", "id").first()
        return row.user if row else None
    return User.objects.with_username(login).order_by("id").first()


def password_is_right(user: User | None, password: str) -> bool:
    """Check the password; for nobody, spend the same time hashing it."""
    if user is None:
        User().set_password(password)
        return False
    return user.check_password(password)


def refused(
    user: User | None,
    *,
    why: str,
    origin: RequestOrigin,
    tag: Tag = Tag.ACCOUNT_LOGIN_FAILURE,
    actor: User | str = NOBODY,
) -> None:
    """Write down a refused sign-in or step-up; what was typed is not kept."""
    record(tag, actor=actor, subject=user, origin=origin, why=why)


def why_not(user: User, right: bool) -> str:
    """The reason of a refusal, for the event only: in public all of them read like a wrong password."""
    if not right:
        return "password"
    return "frozen" if user.frozen_at else "inactive"


@transaction.atomic(savepoint=False)
def completed(user: User, *, device: Device | None, origin: RequestOrigin, new_browser: bool = False) -> None:
    """Write down a completed sign-in; after a reset the first one sets the end of the quarantine.

    A browser the account was not used with before is told to all its addresses, except at its very first sign-in.
    """
    event = record(Tag.ACCOUNT_LOGIN_SUCCESS, actor=user, subject=user, origin=origin, method=method_of(device))
    if new_browser and user.last_login is not None:
        notices.new_browser(user, event, origin=origin)
    if user.quarantined_at and user.quarantine_until is None:
        user.quarantine_until = database_now() + settings.QUARANTINE_AFTER_SIGN_IN
        user.save(update_fields=["quarantine_until"])
        until = user.quarantine_until.isoformat()
        record(Tag.ACCOUNT_QUARANTINE_EXIT, actor="system", subject=user, until=until)


def method_of(device: Device | None) -> str:
    """The word for a kind of device in events."""
    if device is None:
        return "password"
    if isinstance(device, RecoveryCodeDevice):
        return "recovery_code"
    return "totp" if isinstance(device, TotpDevice) else "webauthn"
