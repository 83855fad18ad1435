"""Wrong second factors in a row, after the right password: who is told, and when a factor stops counting.

Counted per device in the database, whether or not the device was locked at the time; a row is begun by the first wrong
answer and goes with the next right one. Whoever does not know the password (a passkey alone, the recovery pages)
counts nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django_otp.models import Device

from accounts import notices, sign_in
from accounts.models import FactorFailures, User
from audit.log import Party, RequestOrigin, record
from audit.tags import Tag

TOLD_AT = 10
OFF_AT = 100  # NIST SP 800-63B-4 section 3.2.2: at most a hundred failures in a row with one authenticator


def switched_off(user: User) -> dict[str, datetime]:
    """Which devices of the account count no more, by their persistent id, and since when."""
    rows = FactorFailures.objects.filter(user=user, off_at__isnull=False)
    return {device: since for device, since in rows.values_list("device", "off_at") if since}


def is_off(device: Device) -> bool:
    return FactorFailures.objects.filter(device=device.persistent_id, off_at__isnull=False).exists()


@transaction.atomic
def refused(user: User, devices: Sequence[Device], *, origin: RequestOrigin | None = None) -> None:
    """Count a wrong answer against each of these devices, all of one kind: a mail at the tenth, off at the 100th."""
    FactorFailures.objects.bulk_create(
        [FactorFailures(user=user, device=device.persistent_id) for device in devices], ignore_conflicts=True
    )
    rows = FactorFailures.objects.filter(device__in=[device.persistent_id for device in devices], off_at=None)
    rows.update(failures=F("failures") + 1)
    most = max(rows.values_list("failures", flat=True), default=0)
    if most == TOLD_AT:
        _tell(user, devices[0], origin)
    elif most >= OFF_AT:
        gone = rows.filter(failures__gte=OFF_AT).update(off_at=Now())
        _changed(Tag.ACCOUNT_TWO_FACTOR_OFF, user, devices[0], sign_in.NOBODY, origin, gone)


def proved(user: User, device: Device, *, origin: RequestOrigin | None = None) -> None:
    """A right answer ends the row of its kind, and another factor that was switched off counts again."""
    rows = list(FactorFailures.objects.filter(user=user))
    off = [row for row in rows if row.off_at]
    kind = device.persistent_id.partition("/")[0]
    over = [row.pk for row in rows if row.off_at or row.device.partition("/")[0] == kind]
    FactorFailures.objects.filter(pk__in=over).delete()
    if off:
        _changed(Tag.ACCOUNT_TWO_FACTOR_ON, user, device, user, origin, len(off))


def recovered(user: User, *, actor: Party | str, reason: str, ticket: int) -> None:
    """A completed recovery that keeps the factors ends all rows; inside its transaction, and the caller tells."""
    off = FactorFailures.objects.filter(user=user, off_at__isnull=False).count()
    forget(user)
    if off:
        record(Tag.ACCOUNT_TWO_FACTOR_ON, actor=actor, subject=user, ticket=ticket, reason=reason, devices=off)


def forget(user: User, *devices: Device) -> None:
    """These devices are gone; all of the account's when none is named."""
    rows = FactorFailures.objects.filter(user=user)
    (rows.filter(device__in=[device.persistent_id for device in devices]) if devices else rows).delete()


def _tell(user: User, device: Device, origin: RequestOrigin | None) -> None:
    method = sign_in.method_of(device)
    event = record(
        Tag.ACCOUNT_TWO_FACTOR_WRONG, actor=sign_in.NOBODY, subject=user, origin=origin, method=method, failures=TOLD_AT
    )  # fmt: skip
    notices.notify_account(user, event, origin=origin, kind="account_wrong_factors")


def _changed(
    tag: Tag, user: User, device: Device, actor: Party | str, origin: RequestOrigin | None, devices: int
) -> None:
    method = sign_in.method_of(device)
    notices.changed(tag, user, actor=actor, origin=origin, method=method, devices=devices)
