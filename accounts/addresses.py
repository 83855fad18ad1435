"""An account's e-mail addresses: which one is primary, which are told, when they may change."""

from datetime import datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import hooks
from accounts.models import FormerAddress, User
from common.clock import database_now


def primary(user: User) -> str | None:
    """The primary address, if it is verified."""
    return (
        EmailAddress.objects.filter(user_id=user.pk, primary=True, verified=True)
        .values_list("email", flat=True)
        .first()
    )


def verified(user: User) -> list[str]:
    """Every verified address, the primary one first."""
    rows = EmailAddress.objects.filter(user_id=user.pk, verified=True).order_by("-primary", "id")
    return list(rows.values_list("email", flat=True))


def notice_addresses(user: User, *, since: datetime | None = None) -> list[str]:
    """Every address that hears of changes: the verified ones and those removed within NOTICE_AFTER_REMOVAL.

    What began `since` then is told to the end to whoever was to hear of it at its beginning.
    """
    recent = FormerAddress.objects.filter(
        Q(removed_at__gt=(since or Now()) - settings.NOTICE_AFTER_REMOVAL), user_id=user.pk
    ).order_by("id")
    return list(dict.fromkeys([*verified(user), *recent.values_list("email", flat=True)]))


def owner_of(address: str) -> User | None:
    """The account that verified this address; nobody for an address nobody verified."""
    row = EmailAddress.objects.select_related("user").filter(email=address.lower(), verified=True).first()
    return row.user if row else None


def forget_all(user: User) -> None:
    """Delete every address of an account that is being emptied, removed ones too."""
    EmailAddress.objects.filter(user_id=user.pk).delete()
    FormerAddress.objects.filter(user_id=user.pk).delete()


def may_change(user: User) -> str:
    """Why addresses may not change now (quarantine, or a hook's reason); empty when they may."""
    if user.in_quarantine(database_now()):
        return _("This account was recovered and still has limits. You cannot change addresses until the limits end.")
    return hooks.may_change_address(user)
