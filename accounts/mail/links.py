"""One-time keys in mails: `<row id>.<HMAC>`. The row alone cannot make one, nor can the key be used elsewhere."""

import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import TypedDict

from django.conf import settings
from django.db.models import Case, Q, QuerySet, Value, When
from django.db.models.functions import Now
from django.urls import reverse
from django_stubs_ext import WithAnnotations

from accounts.mail.models import Link
from accounts.models import User
from common import keys

# purpose -> name of the URL that takes the key as its one argument
LINK_PATHS = {
    "status": "recover_status",
    "confirm_contact": "recover_status",
    "stop": "recover_stop",
    "choose_password": "recover_password",
}
KEY_SHAPE = re.compile(r"([1-9][0-9]{0,17})\.([A-Za-z0-9_-]{43})", re.ASCII)


class BadLink(Exception):
    """This key opens nothing. Why is nobody's business."""


class OldLink(BadLink):
    """A genuine key that opens nothing any more; `link` says whose it was."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self.link = link


class ExpiredLink(OldLink):
    """A genuine key past its time."""


class SpentLink(OldLink):
    """A genuine key that was used, or that died with what it was for."""


def make_link(
    purpose: str, recipient: str, *, lifetime: timedelta, user: User | None = None, reference: str = ""
) -> Link:
    """Create the row of a key for one purpose and one recipient, living `lifetime` from now (database clock)."""
    return Link.objects.create(
        purpose=purpose,
        recipient=recipient,
        user=user,
        reference=reference,
        nonce=secrets.token_urlsafe(16),
        key_id=keys.current_key_id(),
        expires_at=Now() + lifetime,
    )


def key(link: Link) -> str:
    """Return the key itself, the same every time. Raises keys.UnknownKey when its key left FIELD_KEYS."""
    return f"{link.pk}.{_mac(link)}"


def url(link: Link) -> str:
    """Return the absolute address to mail, below BASE_URL whatever Host a request named."""
    return f"{settings.BASE_URL}{reverse(LINK_PATHS[link.purpose], args=[key(link)])}"


def resolve(key: str, purpose: str) -> Link:
    """Return the link this key opens, in one query; raises BadLink, of which ExpiredLink and SpentLink are genuine.

    Wrong keys and keys of another purpose are all the same BadLink.
    """
    shape = KEY_SHAPE.fullmatch(key)
    link = _with_state().filter(pk=int(shape[1]), purpose=purpose).first() if shape else None
    if shape is None or link is None or not hmac.compare_digest(_expected(link), shape[2]):
        raise BadLink
    if link.spent:
        raise SpentLink(link)
    if link.late:
        raise ExpiredLink(link)
    return link


def use(link: Link) -> bool:
    """Spend the link: True for exactly one caller, False when it is used, dead or expired."""
    live = Link.objects.filter(pk=link.pk, used_at=None, dead_at=None, expires_at__gt=Now())
    return bool(live.update(used_at=Now()))


def kill(*, reference: str, purposes: Iterable[str] | None = None) -> int:
    """Make every unused link of a reference worthless (only these purposes, if given); returns how many."""
    if not reference:
        raise ValueError("which links?")
    links = Link.objects.filter(reference=reference, used_at=None, dead_at=None)
    if purposes is not None:
        links = links.filter(purpose__in=list(purposes))
    return links.update(dead_at=Now())


class _WithState(TypedDict):
    spent: bool
    late: bool


def _with_state() -> "QuerySet[WithAnnotations[Link, _WithState]]":
    def flag(condition: Q) -> Case:
        return Case(When(condition, then=Value(True)), default=Value(False))

    spent = Q(used_at__isnull=False) | Q(dead_at__isnull=False)
    return Link.objects.annotate(spent=flag(spent), late=flag(Q(expires_at__lte=Now())))


def _expected(link: Link) -> str:
    try:
        return _mac(link)
    except keys.UnknownKey as error:
        raise BadLink from error


def _mac(link: Link) -> str:
    return keys.mac(f"link:{link.purpose}", link.key_id, link.purpose, str(link.pk), link.recipient, link.nonce)
