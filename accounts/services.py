"""Verbs on an account: freeze, unfreeze, choose a password, end sessions, give or take staff rights."""

from collections.abc import Iterable
from typing import NoReturn

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import decisions, hooks, notices, staff_rights
from accounts.models import Browser, Session, User
from audit.log import Party, RequestOrigin, record_hourly
from audit.tags import Tag
from common.clock import database_now


class ReasonMissing(ValueError):
    """A human decision came without a reason of at least ten characters."""


class NotPermitted(Exception):
    """The actor may not do this; the refusal changes nothing."""


class LastSuperuser(Exception):
    """Nobody could give superuser rights again; the refusal changes nothing. `str()` is the reason, for people."""

    def __str__(self) -> str:
        return _("This is the last superuser. Make another account a superuser first.")


LEAST_REASON = 10
FREEZE = "accounts.freeze_user"
SYSTEM = "system"


def locked(user: User) -> User:
    """Lock and re-read the account's row; call inside a transaction."""
    return User.objects.select_for_update().get(pk=user.pk)


def may_freeze(actor: Party | str, user: User) -> bool:
    """Whether the actor may freeze or unfreeze this account as staff: nobody decides about themselves or a co-owner."""
    if not isinstance(actor, User):
        return actor == SYSTEM
    return actor.pk != user.pk and actor.has_perm(FREEZE) and not hooks.co_owns(actor, user)


def _may_freeze_as_owner(actor: Party | str, user: User) -> bool:
    """The owner signed in, or whoever reads a mailbox of the account (an actor without an account)."""
    return not isinstance(actor, User) or actor.pk == user.pk


def freeze(
    user: User, *, by: User.FrozenBy, actor: Party | str, reason: str, origin: RequestOrigin | None = None
) -> None:
    """Close the account to sign-in and uploads and end its sessions. A staff freeze replaces the owner's own.

    Raises NotPermitted, and ReasonMissing.
    """
    require_reason(reason)
    allowed = may_freeze if by == User.FrozenBy.STAFF else _may_freeze_as_owner
    if not allowed(actor, user):
        _refuse("freeze", user, actor, origin)
    _freeze(user, by, actor, reason, origin)


@transaction.atomic
def _freeze(user: User, by: User.FrozenBy, actor: Party | str, reason: str, origin: RequestOrigin | None) -> None:
    row = locked(user)
    if row.frozen_at and (row.frozen_by == User.FrozenBy.STAFF or by == User.FrozenBy.OWNER):
        return
    user.frozen_at, user.frozen_by = database_now(), by
    user.save(update_fields=["frozen_at", "frozen_by"])
    ended = end_sessions(user)
    forget_browsers(user)
    notices.changed(
        Tag.ACCOUNT_FREEZE, user, actor=actor, origin=origin, by=str(by), reason=reason.strip(), sessions=ended
    )


def unfreeze(
    user: User,
    *,
    actor: Party | str,
    reason: str,
    origin: RequestOrigin | None = None,
    confirmed: decisions.Confirmation | None = None,
) -> None:
    """Staff open a frozen account again; nothing happens to one that is not frozen.

    Raises NotPermitted, ReasonMissing, and decisions.ConfirmationNeeded.
    """
    require_reason(reason)
    if not may_freeze(actor, user):
        _refuse("unfreeze", user, actor, origin)
    if isinstance(actor, User) and user.frozen_at is not None:
        decisions.check_confirmation(
            confirmed, unfreezing(user), actor, [_("Unfreeze %(name)s.") % {"name": user.username}]
        )
    open_again(user, actor=actor, reason=reason, origin=origin)


def unfreezing(user: User) -> decisions.Decision:
    """The decision to end this very freeze of the account."""
    return decisions.Decision("unfreeze", f"account:{user.uid}", f"frozen {user.frozen_at}")


def _refuse(verb: str, user: User, actor: Party | str, origin: RequestOrigin | None) -> NoReturn:
    error = NotPermitted.__name__
    record_hourly(Tag.ACCOUNT_REFUSED, actor=actor, subject=user, origin=origin, verb=verb, error=error)
    raise NotPermitted


@transaction.atomic
def open_again(user: User, *, actor: Party | str, reason: str, origin: RequestOrigin | None = None) -> None:
    """What both ways out of a freeze do: `unfreeze` asks whether staff may, `own_freeze.lift` whether the owner may."""
    if locked(user).frozen_at is None:
        return
    user.frozen_at, user.frozen_by = None, ""
    user.save(update_fields=["frozen_at", "frozen_by"])
    notices.changed(Tag.ACCOUNT_UNFREEZE, user, actor=actor, origin=origin, reason=reason.strip())


@transaction.atomic
def choose_password(
    user: User,
    password: str,
    *,
    actor: Party | str,
    origin: RequestOrigin | None = None,
    tag: Tag = Tag.ACCOUNT_PASSWORD_RESET,
) -> None:
    """Set the password and end every session and pending sign-in; nobody is signed in by it.

    The caller has validated the password (`django.contrib.auth.password_validation`).
    """
    locked(user)
    user.set_password(password)
    user.save(update_fields=["password"])
    notices.changed(tag, user, actor=actor, origin=origin, sessions=end_sessions(user))


def forget_browsers(user: User) -> None:
    """The next sign-in from any browser is a new one."""
    Browser.objects.filter(user_id=user.pk).delete()


def end_sessions(user: User) -> int:
    """Sign the account out everywhere, in one DELETE; returns how many sessions ended."""
    return Session.objects.filter(user_id=user.pk).delete()[0]


@transaction.atomic
def set_staff(
    user: User,
    *,
    is_staff: bool,
    is_superuser: bool,
    groups: Iterable[Group],
    actor: User,
    origin: RequestOrigin | None = None,
    confirmed: decisions.Confirmation | None = None,
) -> None:
    """Give or take staff rights; superusers only (NotPermitted). Each change is an event and a mail to the user.

    A superuser is always staff; without staff rights there are no groups. The last superuser stays one
    (LastSuperuser): nobody could give that right again. Raises decisions.ConfirmationNeeded.
    """
    superusers = locked_superusers()
    if actor.pk not in superusers:
        raise NotPermitted
    if not is_superuser and superusers == [user.pk]:
        raise LastSuperuser
    locked(user)
    is_staff = is_staff or is_superuser
    wanted = set(groups) if is_staff else set()
    rights = staff_rights.described(is_staff=is_staff, is_superuser=is_superuser, groups=wanted)
    if rights == staff_rights.rights_of_user(user):
        return
    decisions.check_confirmation(
        confirmed, staff_rights.decision(user, rights), actor, staff_rights.words(user, rights)
    )
    _set_flags(user, is_staff=is_staff, is_superuser=is_superuser, actor=actor, origin=origin)
    _set_groups(user, wanted, actor=actor, origin=origin)


def locked_superusers() -> list[int]:
    """The ids of all active superusers, locked: of two that take the right from each other one comes first."""
    rows = User.objects.select_for_update().filter(is_superuser=True, is_active=True)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _set_flags(user: User, *, is_staff: bool, is_superuser: bool, actor: User, origin: RequestOrigin | None) -> None:
    before = User.objects.only("is_staff", "is_superuser", "staff_since").get(pk=user.pk)
    if (before.is_staff, before.is_superuser) == (is_staff, is_superuser):
        return
    user.is_staff, user.is_superuser = is_staff, is_superuser
    user.staff_since = (before.staff_since or database_now()) if is_staff else None
    user.save(update_fields=["is_staff", "is_superuser", "staff_since"])
    gained = (is_staff, is_superuser) > (before.is_staff, before.is_superuser)
    tag = Tag.ACCOUNT_STAFF_ADD if gained else Tag.ACCOUNT_STAFF_REMOVE
    notices.changed(
        tag, user, actor=actor, origin=origin, is_staff=is_staff, is_superuser=is_superuser,
        was_staff=before.is_staff, was_superuser=before.is_superuser,
    )  # fmt: skip


def _set_groups(user: User, groups: set[Group], *, actor: User, origin: RequestOrigin | None) -> None:
    before = set(user.groups.all())
    user.groups.set(groups)
    for tag, names in (
        (Tag.ACCOUNT_STAFF_GROUP_ADD, groups - before),
        (Tag.ACCOUNT_STAFF_GROUP_REMOVE, before - groups),
    ):
        for group in sorted(names, key=lambda one: one.name):
            notices.changed(tag, user, actor=actor, origin=origin, group=group.name)


def require_reason(reason: str) -> None:
    """Staff say why. Raises ReasonMissing."""
    if len(reason.strip()) < LEAST_REASON:
        raise ReasonMissing


__all__ = [
    "NotPermitted",
    "ReasonMissing",
    "require_reason",
    "choose_password",
    "end_sessions",
    "forget_browsers",
    "freeze",
    "may_freeze",
    "open_again",
    "set_staff",
    "unfreeze",
]
