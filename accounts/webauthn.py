"""Security keys and passkeys (WebAuthn Level 3): the two ceremonies, on django-otp-webauthn.

What the browser is asked is kept in the session with its purpose, its account and its time, and is taken out before
anything is checked: an answer counts once, for what it was asked for, for five minutes.
"""

import json
import time
from typing import Any, Literal, cast

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_otp_webauthn.exceptions import OTPWebAuthnApiError
from django_otp_webauthn.helpers import WebAuthnHelper
from django_otp_webauthn.models import WebAuthnCredential, WebAuthnUserHandle
from webauthn.helpers import (
    base64url_to_bytes,
    decode_credential_public_key,
    parse_authentication_credential_json,
    parse_authenticator_data,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AuthenticationCredential, ResidentKeyRequirement

from accounts import addresses, notices, wrong_factors
from accounts.factor_refusals import FactorNeedsVerifiedAddress
from accounts.key_refusals import KeyRefused, SwitchedOff, Unasked
from accounts.models import User
from accounts.services import locked
from accounts.sessions import SessionStore
from audit.log import RequestOrigin, origin_of
from audit.tags import Tag

__all__ = ["KeyRefused", "authenticate", "begin_authentication", "begin_registration", "register"]
Purpose = Literal["register", "step_up", "decision", "second_factor", "passkey", "recovery"]
STATE = "webauthn"  # in the session
LONGEST_ANSWER = 64 * 1024  # characters
LONGEST_ID = 1023  # bytes, WebAuthn L3 section 4
LONGEST_NAME = 64
UNREAD = ("authenticatorAttachment",)  # a hint whose new values are to be ignored: WebAuthn L3 section 5.1, DOMString


class Helper(WebAuthnHelper):
    """The library's ceremonies with our choices: any kind of key may register, its name comes from its owner."""

    def get_discoverable_credentials_preference(self) -> ResidentKeyRequirement:
        """Preferred, not required: a U2F-style key without memory is still a second factor."""
        return ResidentKeyRequirement.PREFERRED

    def _check_discoverable(self, original_data: dict[str, Any]) -> bool | None:
        """What the browser says about the key; anything malformed says nothing."""
        extensions = original_data.get("clientExtensionResults")
        properties = extensions.get("credProps") if isinstance(extensions, dict) else None
        stored = properties.get("rk") if isinstance(properties, dict) else None
        return stored if isinstance(stored, bool) else None


def begin_registration(request: HttpRequest, user: User, name: str) -> dict[str, Any]:
    """Return what `navigator.credentials.create` is to be asked, and remember it."""
    options, state = Helper(request).register_begin(user)
    _remember(request, "register", user, state, name=name.strip()[:LONGEST_NAME])
    return cast(dict[str, Any], options)


def begin_authentication(
    request: HttpRequest, user: User | None, purpose: Purpose, *, about: str = "", listed: bool = True
) -> dict[str, Any]:
    """Return what `navigator.credentials.get` is to be asked, and remember it.

    Without a user (purpose "passkey") the key must know its account and verify who holds it. `about` names the one
    thing the answer is for, where there are several. Not `listed`, the account's keys are not named to whoever asks
    (WebAuthn L3 section 14.6.3), and only keys that know their account can answer.
    """
    named = user if listed else None
    options, state = Helper(request).authenticate_begin(named, require_user_verification=user is None)
    _remember(request, purpose, user, state, about=about)
    return cast(dict[str, Any], options)


def register(
    request: HttpRequest, user: User, answer: str, *, origin: RequestOrigin | None = None
) -> WebAuthnCredential:
    """Add the key that answered, with an event and notices; raises KeyRefused, FactorNeedsVerifiedAddress."""
    state = _take(request, "register", user)
    data = _parsed(answer)
    try:
        with transaction.atomic():
            locked(user)
            if addresses.primary(user) is None:
                raise FactorNeedsVerifiedAddress
            device = _registered(request, user, state, data)
            notices.changed(
                Tag.ACCOUNT_TWO_FACTOR_METHOD_ADDED, user, actor=user, origin=origin, method="webauthn"
            )  # fmt: skip
    except IntegrityError as error:  # WebAuthn L3 section 7.1 step 26: the id is taken, by this account or another
        raise KeyRefused("already added", _("This key is already added.")) from error
    return device


def authenticate(
    request: HttpRequest, user: User | None, purpose: Purpose, answer: str, *, about: str = ""
) -> WebAuthnCredential:
    """Return the key that answered, its counter written down; raises KeyRefused.

    Run it in the transaction of what the answer is for. The key's row is locked: two answers count one after the
    other, and the second one's counter is stale.
    """
    state = _take(request, purpose, user, about)
    data = _parsed(answer)
    try:
        _require_same_site(data)
        credential = parse_authentication_credential_json(data)
        device = _locked_key(credential.raw_id)
        _require_owner(device, user, credential.response.user_handle)
    except _FAILURES as error:
        raise KeyRefused(_why(error)) from error
    if wrong_factors.is_off(device):
        raise SwitchedOff
    verified = _verified(request, device, credential, state, data)
    if purpose != "recovery":
        wrong_factors.proved(verified.user, verified, origin=origin_of(request))
    return verified


def _verified(
    request: HttpRequest,
    device: WebAuthnCredential,
    credential: AuthenticationCredential,
    state: dict[str, Any],
    data: dict[str, Any],
) -> WebAuthnCredential:
    try:
        _require_same_kind(device, credential.response.authenticator_data)
        _require_offered_algorithm(device)
        return cast(WebAuthnCredential, Helper(request).authenticate_complete(device.user, state, data))
    except KeyRefused as refusal:
        refusal.device = device
        raise
    except _FAILURES as error:
        raise KeyRefused(_why(error), device=device) from error


_FAILURES = (OTPWebAuthnApiError, WebAuthnException, ValueError, TypeError, KeyError, AttributeError,
             RecursionError)  # fmt: skip


def _registered(request: HttpRequest, user: User, state: dict[str, Any], data: dict[str, Any]) -> WebAuthnCredential:
    try:
        _require_same_site(data)
        if len(base64url_to_bytes(data["rawId"])) > LONGEST_ID:
            raise KeyRefused("credential id too long")
        device: WebAuthnCredential = Helper(request).register_complete(user, state, data)
    except _FAILURES as error:
        raise KeyRefused(_why(error)) from error
    device.name = state["name"] or str(_("Security key"))
    device.save(update_fields=["name"])
    return device


def _remember(request: HttpRequest, purpose: Purpose, user: User | None, state: dict[str, Any], **more: str) -> None:
    whose = str(user.uid) if user else ""
    request.session[STATE] = {**state, **more, "purpose": purpose, "user": whose, "at": time.time()}


def _take(request: HttpRequest, purpose: Purpose, user: User | None, about: str = "") -> dict[str, Any]:
    """The remembered question, if it was asked of this account, for this, a moment ago. It is gone in any case."""
    session = request.session
    assert isinstance(session, SessionStore)
    state = session.take(STATE)  # at once, for one of many: an error further on must not bring it back
    if not state:
        raise Unasked("no question asked", _("This page was open too long, or was used already. Try again."))
    asked = (state["purpose"], state["user"], state.get("about", ""))
    if asked != (purpose, str(user.uid) if user else "", about):
        raise Unasked("answer to another question")
    if not 0 <= time.time() - state["at"] <= settings.OTP_WEBAUTHN_TIMEOUT_SECONDS:
        raise Unasked("question expired", _("This page was open too long, or was used already. Try again."))
    return cast(dict[str, Any], state)


def _parsed(answer: str) -> dict[str, Any]:
    try:
        data = json.loads(answer) if len(answer) <= LONGEST_ANSWER else None
    except (ValueError, RecursionError) as error:
        raise KeyRefused("malformed") from error
    if not isinstance(data, dict):
        raise KeyRefused("malformed")
    return {name: value for name, value in data.items() if name not in UNREAD}


def _require_same_site(data: dict[str, Any]) -> None:
    """WebAuthn L3 section 7.2 steps 12-13: we are never framed by anybody."""
    client = json.loads(base64url_to_bytes(data["response"]["clientDataJSON"]))
    if client.get("crossOrigin") or client.get("topOrigin"):
        raise KeyRefused("cross origin")


def _locked_key(credential_id: bytes) -> WebAuthnCredential:
    digest = WebAuthnCredential.get_credential_id_sha256(credential_id)
    keys = WebAuthnCredential.objects.select_for_update(of=("self",)).select_related("user")
    device = keys.filter(credential_id_sha256=digest, confirmed=True).first()
    if device is None:
        raise KeyRefused("unknown key", _("We do not know this key. Perhaps it was removed. Sign in another way."))
    return cast(WebAuthnCredential, device)


def _require_owner(device: WebAuthnCredential, user: User | None, handle: bytes | None) -> None:
    """WebAuthn L3 section 7.2 step 6: the key, the handle it sends and the account asked belong together."""
    if user is not None and device.user_id != user.pk:
        raise KeyRefused("another account's key")
    if user is None and not handle:
        raise KeyRefused("no user handle")
    if handle and bytes(handle) != WebAuthnUserHandle.get_handle_for_user(device.user):
        raise KeyRefused("another account's user handle")


def _require_same_kind(device: WebAuthnCredential, authenticator_data: bytes) -> None:
    """WebAuthn L3 section 7.2 step 21: whether a key can be backed up never changes."""
    if parse_authenticator_data(authenticator_data).flags.be != device.backup_eligible:
        raise KeyRefused("backup eligibility changed")


def _require_offered_algorithm(device: WebAuthnCredential) -> None:
    """WebAuthn L3 section 7.2 step 22: a stored key counts only with an algorithm we would still register."""
    algorithm = decode_credential_public_key(bytes(device.public_key)).alg
    if algorithm not in settings.OTP_WEBAUTHN_SUPPORTED_COSE_ALGORITHMS:
        raise KeyRefused("algorithm not offered")


def _why(error: Exception) -> str:
    return str(getattr(error, "code", "")) or type(error).__name__
