"""What a completed recovery changes in an account besides its second factors; the ticket office is the only caller.

Every function runs inside the caller's transaction and mails nothing: the caller tells everybody.
"""

from typing import Any

from allauth.account.models import EmailAddress
from django.db import connection
from django.db.transaction import TransactionManagementError

from accounts import wrong_factors
from accounts.models import FormerAddress, User
from accounts.services import end_sessions, locked
from audit.log import Party, record
from audit.tags import Tag
from common.clock import database_now


def verify_address(user: User, address: str, *, actor: Party | str, reason: str, ticket: int) -> None:
    """Mark an address on file as verified and make it the primary one. Raises EmailAddress.DoesNotExist."""
    _inside()
    row = EmailAddress.objects.get(user=user, email__iexact=address)
    row.verified = True
    row.save(update_fields=["verified"])
    _make_primary(user, row)
    _record(Tag.ACCOUNT_EMAIL_VERIFIED, user, actor, reason, ticket, address=row.email)


def take_new_address(user: User, address: str, *, actor: Party | str, reason: str, ticket: int) -> int:
    """Make `address` the one verified, primary address; returns how many others were demoted.

    Those keep hearing of changes for NOTICE_AFTER_REMOVAL and open nothing any more (docs/design.md, "How a verb
    works"). Raises IntegrityError when another account verified the address meanwhile.
    """
    _inside()
    address = address.lower()
    old = list(EmailAddress.objects.filter(user=user, verified=True).exclude(email=address))
    FormerAddress.objects.bulk_create(FormerAddress(user=user, email=row.email) for row in old)
    EmailAddress.objects.filter(pk__in=[row.pk for row in old]).update(verified=False, primary=False)
    row, _created = EmailAddress.objects.update_or_create(user=user, email=address, defaults={"verified": True})
    _make_primary(user, row)
    _record(Tag.ACCOUNT_EMAIL_ADD, user, actor, reason, ticket, address=address)
    _record(Tag.ACCOUNT_EMAIL_PRIMARY_CHANGE, user, actor, reason, ticket, address=address, demoted=len(old))
    return len(old)


def disable_password(user: User, *, actor: Party | str, reason: str, ticket: int) -> int:
    """Make the password unusable and end every session and pending sign-in; returns how many sessions ended.

    A second factor that wrong answers switched off counts again: whoever gave them knew the password that is gone.
    """
    _inside()
    locked(user)
    user.set_unusable_password()
    user.save(update_fields=["password"])
    ended = end_sessions(user)
    _record(Tag.ACCOUNT_PASSWORD_DISABLED, user, actor, reason, ticket)
    _record(Tag.ACCOUNT_SESSION_END, user, actor, reason, ticket, sessions=ended)
    wrong_factors.recovered(user, actor=actor, reason=reason, ticket=ticket)
    return ended


def begin_quarantine(user: User, *, actor: Party | str, reason: str, ticket: int) -> None:
    """Start the days of limits; the first completed sign-in sets their end."""
    _inside()
    user.quarantined_at, user.quarantine_until = database_now(), None
    user.save(update_fields=["quarantined_at", "quarantine_until"])
    _record(Tag.ACCOUNT_QUARANTINE_ENTER, user, actor, reason, ticket)


def drop_staff_rights(user: User, *, actor: Party | str, reason: str, ticket: int) -> bool:
    """Take every staff right away, groups and single permissions too; False when there was none."""
    _inside()
    had = user.is_staff or user.is_superuser or user.groups.exists() or user.user_permissions.exists()
    if not had:
        return False
    was_staff, was_superuser = user.is_staff, user.is_superuser
    user.is_staff, user.is_superuser, user.staff_since = False, False, None
    user.save(update_fields=["is_staff", "is_superuser", "staff_since"])
    user.groups.clear()
    user.user_permissions.clear()
    _record(
        Tag.ACCOUNT_STAFF_REMOVE, user, actor, reason, ticket, is_staff=False, is_superuser=False,
        was_staff=was_staff, was_superuser=was_superuser,
    )  # fmt: skip
    return True


def _make_primary(user: User, row: EmailAddress) -> None:
    EmailAddress.objects.filter(user=user, primary=True).exclude(pk=row.pk).update(primary=False)
    row.primary = True
    row.save(update_fields=["primary"])
    user.email, user.unverified_since = row.email, None
    user.save(update_fields=["email", "unverified_since"])


def _record(
    tag: Tag, user: User, actor: Party | str, reason: str, ticket: int, *, address: str = "", **data: Any
) -> None:
    record(tag, actor=actor, subject=user, ticket=ticket, reason=reason, address=address, **data)


def _inside() -> None:
    if not connection.in_atomic_block:
        raise TransactionManagementError("a recovery changes an account inside its own transaction only")
