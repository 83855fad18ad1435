"""An account of which no address was ever verified: its first one may be corrected, and unused its name is free again.

`User.unverified_since` is set at sign-up and emptied when an address is verified, for good; accounts that came in by an
import, or were made by staff, never have it.
"""

from datetime import timedelta

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models.functions import Now

from accounts import hooks, lifecycle
from accounts.factors import has_primary_factor
from accounts.mail import outbox
from accounts.models import FormerAddress, User
from accounts.services import locked
from audit.log import RequestOrigin, record, record_hourly
from audit.tags import Tag
from common.clock import database_now

UNUSED_FOR = timedelta(days=30)
AT_ONCE = 50
CORRECTED = "account_address_corrected"


class NotFresh(Exception):
    """Something was verified, used or given already: this address is corrected by nobody's password alone."""


def is_fresh(user: User) -> bool:
    """Whether nothing was ever verified, nobody ever signed in, and there is nothing in the account to take."""
    if user.unverified_since is None or user.last_login is not None or not user.may_sign_in:
        return False
    if user.is_staff or user.is_superuser or user.groups.exists() or has_primary_factor(user):
        return False
    verified = EmailAddress.objects.filter(user=user, verified=True).exists()
    return not (verified or FormerAddress.objects.filter(user=user).exists() or hooks.holds_anything(user))


def correct(user: User, address: str, *, origin: RequestOrigin) -> EmailAddress:
    """Put another address in the place of those typed at sign-up. The caller has checked the password.

    Links mailed to the old ones open nothing any more: the rows they name are gone. Each old one is told, without the
    account's name: it may be a stranger's. Raises NotFresh, an event.
    """
    try:
        return _correct(user, address, origin)
    except NotFresh:
        record_hourly(
            Tag.ACCOUNT_REFUSED, actor=user, subject=user, origin=origin, verb="correct_address", error="NotFresh"
        )
        raise


@transaction.atomic
def _correct(user: User, address: str, origin: RequestOrigin) -> EmailAddress:
    row = locked(user)
    if not is_fresh(row):
        raise NotFresh
    old = list(EmailAddress.objects.filter(user=row).exclude(email=address).values_list("email", flat=True))
    EmailAddress.objects.filter(user=row).delete()
    new = EmailAddress.objects.create(user=row, email=address, primary=True, verified=False)
    row.email = address
    row.save(update_fields=["email"])
    for one in old:
        event = record(Tag.ACCOUNT_EMAIL_REMOVE, actor=row, subject=row, origin=origin, address=one)
        outbox.queue_limited(CORRECTED, one, user=row, dedupe=f"event:{event.pk}:corrected")
    record(Tag.ACCOUNT_EMAIL_ADD, actor=row, subject=row, origin=origin, address=address)
    return new


def free_unused() -> int:
    """Give the names of accounts back that nobody ever used for 30 days; returns how many."""
    due = User.objects.filter(unverified_since__lte=Now() - UNUSED_FOR, is_active=True).order_by("unverified_since")
    return sum(_free(user) for user in due[:AT_ONCE])


@transaction.atomic
def _free(user: User) -> bool:
    """Asked again under the lock. One that has something, such as an invitation, is looked at again after the time."""
    row, now = locked(user), database_now()
    if row.unverified_since is None or row.unverified_since > now - UNUSED_FOR:
        return False
    if not is_fresh(row):
        User.objects.filter(pk=row.pk).update(unverified_since=now)
        return False
    record(Tag.ACCOUNT_UNUSED, actor="system", subject=row)
    lifecycle.empty(row)
    return True
