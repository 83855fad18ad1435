"""Address changes made through allauth, as events and mails. Its views are made atomic in `views/addresses.py`."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_added, email_changed, email_confirmed, email_removed
from django.http import HttpRequest

from accounts import addresses, notices
from accounts.models import FormerAddress, User
from accounts.visitor import account_of
from audit.log import origin_of, record
from audit.tags import Tag


def connect() -> None:
    """Listen to allauth; called once, when the app is ready."""
    email_added.connect(added, dispatch_uid="accounts.added")
    email_confirmed.connect(confirmed, dispatch_uid="accounts.confirmed")
    email_removed.connect(removed, dispatch_uid="accounts.removed")
    email_changed.connect(primary_changed, dispatch_uid="accounts.primary_changed")


def added(request: HttpRequest, email_address: EmailAddress, **_kwargs: Any) -> None:
    _changed(Tag.ACCOUNT_EMAIL_ADD, request, email_address)


def confirmed(request: HttpRequest, email_address: EmailAddress, **_kwargs: Any) -> None:
    """The very first verified address is an event only: a mail would tell nobody anything new."""
    user = email_address.user
    if addresses.verified(user) != [email_address.email]:
        return _changed(Tag.ACCOUNT_EMAIL_VERIFIED, request, email_address)
    origin = origin_of(request)
    record(
        Tag.ACCOUNT_EMAIL_VERIFIED,
        actor=_actor(request),
        subject=user,
        origin=origin,
        address=email_address.email,
    )
    return None


def removed(request: HttpRequest, email_address: EmailAddress, **_kwargs: Any) -> None:
    """A verified address goes on hearing of changes for a while; an unverified one never did."""
    if email_address.verified:
        FormerAddress.objects.create(user=email_address.user, email=email_address.email)
    _changed(Tag.ACCOUNT_EMAIL_REMOVE, request, email_address)


def primary_changed(request: HttpRequest, to_email_address: EmailAddress, **_kwargs: Any) -> None:
    _changed(Tag.ACCOUNT_EMAIL_PRIMARY_CHANGE, request, to_email_address)


def _changed(tag: Tag, request: HttpRequest, row: EmailAddress) -> None:
    notices.changed(tag, row.user, actor=_actor(request), origin=origin_of(request), address=row.email)


def _actor(request: HttpRequest) -> User | str:
    if request.user.is_authenticated:
        return account_of(request)
    return "address holder"
