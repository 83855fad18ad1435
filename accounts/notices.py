"""Every change to an account: one event, and a mail to every address that should hear of it."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import addresses, browsers, hooks
from accounts.mail import outbox
from accounts.models import User
from audit.log import Party, RequestOrigin, record
from audit.models import Event
from audit.tags import Tag

KIND = "security_notice"
FEW_CODES = "account_few_codes"
ALARMS = frozenset({
    Tag.ACCOUNT_TWO_FACTOR_METHOD_ADDED, Tag.ACCOUNT_RECOVERY_CODES_GENERATED, Tag.ACCOUNT_RECOVERY_CODES_USED,
})  # fmt: skip


def changed(
    tag: Tag, user: User, *, actor: Party | str, origin: RequestOrigin | None = None, address: str = "", **data: Any
) -> Event:
    """Write the event of a change and queue its notices, together or not at all."""
    with transaction.atomic():
        event = record(tag, actor=actor, subject=user, origin=origin, address=address, **data)
        notify_account(user, event, origin=origin, address=address)
    return event


def code_used(user: User, left: int, *, few: bool, origin: RequestOrigin | None) -> Event:
    """Write down that a recovery code was used, and tell every address.

    With `few`, the same mail reminds the verified ones to make new codes.
    """
    with transaction.atomic():
        event = record(Tag.ACCOUNT_RECOVERY_CODES_USED, actor=user, subject=user, origin=origin, codes_left=left)
        notify_account(user, event, origin=origin, few_left=left if few else None)
    return event


def new_browser(user: User, event: Event, *, origin: RequestOrigin) -> None:
    """Tell every address of a sign-in with a browser the account was not used with before."""
    notify_account(user, event, origin=origin, kind="account_new_browser")


def notify_account(
    user: User,
    event: Event,
    *,
    origin: RequestOrigin | None = None,
    address: str = "",
    kind: str = KIND,
    few_left: int | None = None,
) -> None:
    """Queue the notice of one event to all verified addresses and those removed recently.

    While somebody asks to be let into the account, the notice of a new factor or a used code has the way to stop it.
    With `few_left`, the verified ones get FEW_CODES in its place: it says the same and how many codes are left.

    Where staff acted, from where stays out, as on the history page. Nothing anybody typed goes along. What one address
    hears of the same kind of change is limited to five mails a day: a stolen session can bomb nobody with them, and
    five mails have said what is going on.
    """
    by_another = event.actor_uid not in (None, user.uid)
    origin = RequestOrigin() if by_another or origin is None else origin
    context = {
        "tag": str(event.tag),
        "method": event.data.get("method", ""),
        "group": event.data.get("group", ""),
        "address": address,
        "username": user.username,
        "when": timezone.now().strftime("%Y-%m-%d %H:%M UTC"),
        "network": origin.network,
        "device": browsers.describe(origin.device),
    }
    verified = addresses.verified(user) if few_left is not None else []
    told = addresses.notice_addresses(user)
    stops = hooks.alarm(user, told) if event.tag in ALARMS else {}
    for number, recipient in enumerate(told):
        reminded = recipient in verified
        outbox.queue_limited(
            FEW_CODES if reminded else kind, recipient, user=user, reference=f"event:{event.pk}",
            context={**context, "left": few_left} if reminded else context, dedupe=f"event:{event.pk}:{number}",
            cause=f"{kind}:{event.tag}:{user.uid}", language=user.language,
            links={"stop": stops[recipient]} if recipient in stops else {},
        )  # fmt: skip
