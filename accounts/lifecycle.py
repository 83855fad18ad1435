"""Verbs of an owner on the whole account: never reset, delete."""

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import addresses, hooks, notices, second_factors
from accounts.models import User
from accounts.services import LastSuperuser, locked, locked_superusers
from audit.log import Party, RequestOrigin, record, record_hourly
from audit.tags import Tag
from common.clock import database_now

EMPTIED = (
    "username", "email", "is_active", "is_staff", "is_superuser", "never_reset", "never_reset_ends", "password",
    "unverified_since",
)  # fmt: skip
EMPTIED_PREFIX = "deleted-"  # an emptied account is renamed to this plus its uid


class DeletionRefused(Exception):
    """The account may not be deleted now; `str()` is the reason, for people."""


class NeverResetInQuarantine(Exception):
    """In the days after a recovery nobody makes it final; `str()` is the reason, for people."""

    def __str__(self) -> str:
        return _(
            "Your account was recovered and still has limits. You cannot forbid further resets until the limits end."
        )


def switch_never_reset_on(user: User, *, actor: Party | str, origin: RequestOrigin | None = None) -> None:
    """From now on nobody resets the second factors of this account; a switch-off under way is called off.

    Raises NeverResetInQuarantine: after a wrong reset nobody may rule out the one that mends it (design rule 9).
    """
    with transaction.atomic():
        row = locked(user)
        if row.never_reset and row.never_reset_ends is None:
            return
        if not (refused := row.in_quarantine(database_now())):
            _save(user, never_reset=True, ends=None)
            notices.changed(Tag.ACCOUNT_NEVER_RESET_ON, user, actor=actor, origin=origin)
    if refused:
        record_hourly(
            Tag.ACCOUNT_REFUSED, actor=actor, subject=user, origin=origin, verb="never_reset",
            error="InQuarantine",
        )  # fmt: skip
        raise NeverResetInQuarantine


@transaction.atomic
def ask_never_reset_off(user: User, *, actor: Party | str, origin: RequestOrigin | None = None) -> None:
    """Begin the days after which resets are possible again; everybody hears of it now."""
    row = locked(user)
    if not row.never_reset or row.never_reset_ends is not None:
        return
    _save(user, never_reset=True, ends=database_now() + settings.NEVER_RESET_ENDS_AFTER)
    notices.changed(Tag.ACCOUNT_NEVER_RESET_ENDING, user, actor=actor, origin=origin)


@transaction.atomic
def finish_never_reset(user: User) -> bool:
    """End the flag once its days are over (database clock), asked again under the lock."""
    row = locked(user)
    if not row.never_reset or row.never_reset_ends is None or row.never_reset_ends > database_now():
        return False
    _save(user, never_reset=False, ends=None)
    notices.changed(Tag.ACCOUNT_NEVER_RESET_OFF, user, actor="system")
    return True


def _save(user: User, *, never_reset: bool, ends: object) -> None:
    user.never_reset, user.never_reset_ends = never_reset, ends  # type: ignore[assignment]
    user.save(update_fields=["never_reset", "never_reset_ends"])


def why_not_delete(user: User) -> str:
    """Why the account may not be deleted now (quarantine, an open request, a project's last owner); "" = it may."""
    if user.in_quarantine(database_now()):
        return _("This account was recovered and still has limits. You cannot delete it until the limits end.")
    return hooks.may_delete_account(user)


@transaction.atomic
def delete_account(user: User, *, actor: Party | str, origin: RequestOrigin | None = None) -> None:
    """Empty the account, rename it to `deleted-<uid>`, close it; its row and its events stay.

    Every address hears of it first. Raises DeletionRefused.
    """
    superusers = locked_superusers()
    row = locked(user)
    if not row.is_active:
        return
    if superusers == [row.pk]:
        raise DeletionRefused(str(LastSuperuser()))
    if why := why_not_delete(row):
        raise DeletionRefused(why)
    event = record(Tag.ACCOUNT_DELETE, actor=actor, subject=user, origin=origin)
    notices.notify_account(user, event, origin=origin)
    hooks.account_deleted(user)
    empty(user)


def empty(user: User) -> None:
    """Take everything out of an account's row but its number, and close it. Inside the caller's transaction."""
    second_factors.empty(user)
    addresses.forget_all(user)
    user.username, user.email = f"{EMPTIED_PREFIX}{user.uid}", ""
    user.is_active = user.is_staff = user.is_superuser = user.never_reset = False
    user.never_reset_ends = user.unverified_since = None
    user.set_unusable_password()
    user.save(update_fields=EMPTIED)
    user.groups.clear()


def due_never_resets() -> list[User]:
    """The accounts whose flag is to end now."""
    return list(User.objects.filter(never_reset=True, never_reset_ends__lte=Now())[:50])
