"""Hands queued mails to the mail server: leased, outside any transaction, saved only while the lease is ours."""

import hashlib
import logging
import smtplib
import time
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models.functions import Now

from accounts import hooks
from accounts.mail.models import Mail
from accounts.mail.rendering import render
from audit.log import record
from audit.tags import Tag
from common import failpoints, leases, wake
from common.clock import database_now

BATCH = 10
PATIENCE = 60  # seconds after leasing a batch in which a new mail of it may be begun; the lease lives 120
MINUTES_BETWEEN_TRIES = [0.5, 1, 2, 5, 5, 5, 5, 15, 30]  # the last one repeats; greylisting lasts about 15
GIVE_UP_AFTER = timedelta(days=2)
ERROR_LENGTH = 500

logger = logging.getLogger(__name__)


class NoServer(Exception):
    """The mail server cannot be reached at all: this is about no mail in particular."""


@dataclass(frozen=True)
class Trouble:
    """Why a mail was not accepted; `final` when asking again is useless. `code` is SMTP's, 0 where there is none."""

    error: str
    final: bool = False
    code: int = 0


class StableMessage(EmailMultiAlternatives):
    """A mail whose every byte follows from its row, so that a second sending is the same mail."""

    def message(self, **options: Any) -> Any:
        made = super().message(**options)
        made.set_boundary("=" + hashlib.sha256(self.extra_headers["Message-ID"].encode()).hexdigest()[:40])
        return made


def send_due(limit: int = 50) -> int:
    """Try up to `limit` due mails and return how many were tried. Any number of workers may do so at once."""
    server, tried = get_connection(), 0
    due = Mail.objects.filter(state=Mail.State.QUEUED, next_try__lte=Now()).select_related("user")
    try:
        while tried < limit and (
            batch := leases.claim(due, limit=min(BATCH, limit - tried), order_by=("next_try", "id"))
        ):
            tried += len(batch)
            if len(batch) == BATCH:
                wake.call_for_help()
            _send_batch(server, batch)
    except NoServer as error:
        logger.warning("the mail server does not answer: %s", error)
    finally:
        _hang_up(server)
    return tried


def _send_batch(server: BaseEmailBackend, batch: list[Mail]) -> None:
    begun = time.monotonic()
    for place, mail in enumerate(batch):
        if time.monotonic() - begun > PATIENCE:
            leases.save_if_held(mail)
            continue
        try:
            _save(mail, _try(server, mail))
        except NoServer as error:
            for unsent in batch[place:]:
                _save(unsent, Trouble(str(error)))
            raise


def _try(server: BaseEmailBackend, mail: Mail) -> Trouble | None:
    """Send one mail; None when the server took responsibility for it."""
    try:
        message = build(mail)
    except Exception as error:  # a template, hook or key at fault must not stop the mails behind it
        logger.exception("mail %s cannot be written", mail.pk)
        return Trouble(f"cannot be written: {type(error).__name__}")
    _open(server)
    failpoints.reach("mail", "ready")
    try:
        server.send_messages([message])
    except Exception as error:  # whatever a backend raises is an answer about this mail
        _hang_up(server)
        return _trouble(error)
    failpoints.reach("mail", "accepted")
    return None


def build(mail: Mail) -> EmailMultiAlternatives:
    """Return the message of a row: the same bytes every time."""
    words = render(mail)
    headers = {
        "Message-ID": mail.message_id,
        "Date": format_datetime(mail.queued_at),
        "Auto-Submitted": "auto-generated",
    }
    sender, answers = hooks.envelope_sender(mail), hooks.reply_to(mail)
    if sender:
        headers["From"] = settings.DEFAULT_FROM_EMAIL
    message = StableMessage(
        words.subject, words.text, sender or settings.DEFAULT_FROM_EMAIL, [mail.recipient], headers=headers,
        reply_to=[answers] if answers else None,
    )  # fmt: skip
    message.attach_alternative(words.html, "text/html")
    return message


def _trouble(error: Exception) -> Trouble:
    """A 5xx about the recipient or the text is final; one about us (sign-in, sender, greeting) is for the operator."""
    code = 0
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = next(iter(error.recipients.values()))[0]
    elif isinstance(error, smtplib.SMTPResponseException):
        code = error.smtp_code
    final = isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) and 500 <= code < 600
    return Trouble(f"{type(error).__name__}: {error}"[:ERROR_LENGTH], final=final, code=code)


def _save(mail: Mail, trouble: Trouble | None) -> None:
    if trouble is None:
        _settle(mail, Tag.ACCOUNT_EMAIL_SENT, state=Mail.State.SENT, sent_at=Now(), error="")
    elif trouble.final or database_now() - mail.queued_at > GIVE_UP_AFTER:
        _settle(mail, Tag.ACCOUNT_EMAIL_FAILED, trouble.code, state=Mail.State.FAILED, error=trouble.error)
    else:
        pause = MINUTES_BETWEEN_TRIES[min(mail.attempts, len(MINUTES_BETWEEN_TRIES) - 1)]
        next_try = Now() + timedelta(minutes=pause)
        leases.save_if_held(mail, next_try=next_try, attempts=mail.attempts + 1, error=trouble.error)


def _settle(mail: Mail, tag: Tag, code: int = 0, **fields: Any) -> None:
    """Take the mail off the queue with its event, in one transaction, if the lease is still ours."""
    data: dict[str, Any] = {"kind": mail.kind} | ({"code": code} if code else {})
    with transaction.atomic():
        if leases.save_if_held(mail, attempts=mail.attempts + 1, settled_at=Now(), payload=None, **fields):
            record(tag, actor="system", subject=mail.user, ticket=mail.ticket, address=mail.recipient, **data)
            failpoints.reach("mail", "settled")
    failpoints.reach("mail", "kept")


def _open(server: BaseEmailBackend) -> None:
    try:
        server.open()
    except (OSError, smtplib.SMTPException) as error:
        raise NoServer(f"{type(error).__name__}: {error}"[:ERROR_LENGTH]) from error


def _hang_up(server: BaseEmailBackend) -> None:
    """Close the connection, whatever state it is in; the next mail opens a new one."""
    try:
        server.close()
    except (OSError, smtplib.SMTPException) as error:
        logger.info("closing the mail connection: %s", error)
