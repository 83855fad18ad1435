"""*Forgot password?*: the form writes a row; the sweep looks the address up and mails, or does nothing."""

import json
from datetime import timedelta

from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.db.models.functions import Now

from accounts import addresses, hooks
from accounts.mail.models import Request
from accounts.models import User
from audit.log import RequestOrigin, record_hourly
from audit.tags import Tag
from common import keys, wake

KIND = Request.Kind.PASSWORD_RESET
PURPOSE = "password_reset"
PER_MINUTE = 60  # requests of this kind; more are delayed, never dropped


def note_reset_request(address: str, *, network: str) -> Request:
    """Note down one typed address (encrypted). Two queries, whoever it belongs to."""
    delay = _delay(Request.objects.filter(kind=KIND, handled_at=None).count())
    row = Request.objects.create(
        kind=KIND,
        payload=keys.encrypt(PURPOSE, json.dumps({"address": address}).encode()),
        network=network,
        due_at=Now() + delay if delay else Now(),
    )
    wake.wake()
    return row


def handle(request: Request) -> None:
    """Act on one row: the owner of that verified address gets one mail, five a day; nobody else gets anything.

    Anybody can send the form all day: one event an hour.
    """
    address = json.loads(keys.decrypt(PURPOSE, bytes(request.payload)))["address"]
    user = addresses.owner_of(address)
    if user is None or not user.may_sign_in:
        return
    record_hourly(
        Tag.ACCOUNT_PASSWORD_RESET_REQUEST, actor="visitor", subject=user,
        origin=RequestOrigin(network=request.network), verb="ask",
    )  # fmt: skip
    if not hooks.password_link(user):
        mail_key(user, address)


def mail_key(user: User, address: str) -> None:
    """Queue allauth's mail with its one-time key, the link built on BASE_URL."""
    adapter = get_adapter()
    uid, secret = user_pk_to_url_str(user), default_token_generator.make_token(user)
    context = {
        "user": user,
        "username": user.username,
        "uid": uid,
        "key": secret,
        "password_reset_url": adapter.get_reset_password_from_key_url(f"{uid}-{secret}"),
    }
    adapter.send_password_reset_mail(user, address, context)


def _delay(waiting: int) -> timedelta:
    return timedelta(minutes=waiting // PER_MINUTE)
