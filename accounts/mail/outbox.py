"""The one way a mail leaves: a row, queued in the transaction of what it reports, sent by the sweep."""

import uuid
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from django.conf import settings

from accounts.mail import limits
from accounts.mail.delivery import send_due
from accounts.mail.models import Mail
from accounts.mail.rendering import Rendered, pack, render
from accounts.models import User
from common import failpoints, wake

__all__ = ["Rendered", "queue", "queue_limited", "queue_prepared", "render", "send_due"]


class Given(TypedDict, total=False):
    """What a mail made from templates may be given; see `queue`."""

    user: User | None
    reference: str
    context: Mapping[str, Any] | None
    links: Mapping[str, int] | None
    language: str


def queue(kind: str, recipient: str, *, dedupe: str, **given: Unpack[Given]) -> Mail:
    """Queue one mail made from the templates `emails/<kind>/` (see `rendering.render` for what they see).

    `context` is JSON and holds no secret; `links` maps a name to a Link's id. A second call with the same `dedupe`
    returns the first one's row and queues nothing: it must name something nobody can make more of at will (a ticket,
    a decision of staff); for everything else there is `queue_limited`. `user` is whom the mail is about; its language
    is used unless `language` names another. Two queries. Raises ValueError for a recipient that could break a header.
    """
    return _insert(_mail(kind, recipient, dedupe, **given))


def queue_limited(kind: str, recipient: str, *, dedupe: str, cause: str = "", **given: Unpack[Given]) -> Mail | None:
    """Queue a mail that somebody can cause again and again: None when today's of this `cause` (the kind, if none is
    given) are used up for this mailbox. The last one's template sees `last_today`. Three queries."""
    room = limits.slot(cause or kind, recipient)
    if room is None:
        return None
    if room.last:
        given["context"] = {**(given.get("context") or {}), "last_today": True}
    mail = _mail(kind, recipient, dedupe, **given)
    mail.counted_as = room.counted_as
    return _insert(mail)


def _mail(kind: str, recipient: str, dedupe: str, **given: Unpack[Given]) -> Mail:
    user = given.get("user")
    return Mail(
        kind=kind,
        recipient=recipient,
        user=user,
        reference=given.get("reference", ""),
        language=given.get("language") or _language(user),
        context=dict(given.get("context") or {}),
        links=dict(given.get("links") or {}),
        dedupe_key=dedupe,
        counted_as="",
    )


def queue_prepared(kind: str, recipient: str, subject: str, text: str, *, user: User | None = None) -> Mail | None:
    """Queue a mail whose words exist already (allauth's). They are stored encrypted until sent, then wiped.

    All of them are answers to a form, so each kind is limited per mailbox and per account: None when today's are used
    up.
    """
    _refuse_control_characters(subject)
    room = limits.slot(kind, recipient, account=user)
    if room is None:
        return None
    return _insert(
        Mail(
            kind=kind,
            recipient=recipient,
            user=user,
            language=_language(user),
            context={"prepared": True},
            payload=pack(subject, text),
            dedupe_key=room.dedupe,
            counted_as=room.counted_as,
        )
    )


def _insert(mail: Mail) -> Mail:
    _refuse_control_characters(mail.recipient)
    mail.message_id = f"<{uuid.uuid4().hex}@{settings.HOST}>"
    Mail.objects.bulk_create([mail], ignore_conflicts=True)
    failpoints.reach("outbox", "queued")
    wake.wake()
    return Mail.objects.get(dedupe_key=mail.dedupe_key)


def _language(user: User | None) -> str:
    return user.language if user else settings.LANGUAGE_CODE


def _refuse_control_characters(header: str) -> None:
    if not header or not header.isprintable():
        raise ValueError("a mail header must be one line of printable characters")
