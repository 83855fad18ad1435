"""The one way a mail leaves: a row, queued in the transaction of what it reports, sent by the sweep."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from accounts import background, failpoints
from accounts.mail.delivery import send_due
from accounts.mail.models import Mail
from accounts.mail.rendering import Rendered, pack, render
from accounts.models import User

__all__ = ["Rendered", "queue", "queue_prepared", "render", "send_due"]


def queue(
    kind: str,
    recipient: str,
    *,
    user: User | None = None,
    reference: str = "",
    context: Mapping[str, Any] | None = None,
    links: Mapping[str, int] | None = None,
    dedupe: str,
    language: str = "",
) -> Mail:
    """Queue one mail made from the templates `emails/<kind>/` (see `rendering.render` for what they see).

    `context` is JSON and holds no secret; `links` maps a name to a Link's id. A second call with the same `dedupe`
    returns the first one's row and queues nothing. `user` is whom the mail is about; its language is used unless
    `language` names another. Two queries. Raises ValueError for a recipient that could break a header.
    """
    return _insert(
        Mail(
            kind=kind,
            recipient=recipient,
            user=user,
            reference=reference,
            language=language or _language(user),
            context=dict(context or {}),
            links=dict(links or {}),
            dedupe_key=dedupe,
        )
    )


def queue_prepared(
    kind: str, recipient: str, subject: str, text: str, *, user: User | None = None, dedupe: str
) -> Mail:
    """Queue a mail whose words exist already (allauth's). They are stored encrypted until sent, then wiped."""
    _refuse_control_characters(subject)
    return _insert(
        Mail(
            kind=kind,
            recipient=recipient,
            user=user,
            language=_language(user),
            context={"prepared": True},
            payload=pack(subject, text),
            dedupe_key=dedupe,
        )
    )


def _insert(mail: Mail) -> Mail:
    _refuse_control_characters(mail.recipient)
    mail.message_id = f"<{uuid.uuid4().hex}@{settings.HOST}>"
    Mail.objects.bulk_create([mail], ignore_conflicts=True)
    failpoints.reach("outbox", "queued")
    background.wake()
    return Mail.objects.get(dedupe_key=mail.dedupe_key)


def _language(user: User | None) -> str:
    return user.language if user else settings.LANGUAGE_CODE


def _refuse_control_characters(header: str) -> None:
    if not header or not header.isprintable():
        raise ValueError("a mail header must be one line of printable characters")
