"""Who tells us that a token lies in public, and with which key they sign that. GitHub's protocol (secret scanning).

A report is believed when its ECDSA signature over the whole body fits a key of LEAK_KEYS_URL. It can only revoke: a
report that is sent again, or about a token that is revoked, changes nothing and mails nobody.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.core.cache import cache

from common.transport.documents import json_object
from common.transport.failures import TransportError
from tokens import services
from tokens.checking import TokenRefused, genuine

KEYS, ASKED = "leaks:keys", "leaks:asked"  # names in the cache
KEPT, ASK_EVERY = 30 * 60, 60  # seconds
MOST = 200  # tokens of one report
LONGEST_URL = 500
WHO = "secret scanning"


class NotBelieved(Exception):
    """The report is not signed by whom we believe, or is none; the message says why."""


@dataclass(frozen=True)
class Report:
    """One token that was found, as the report spells it."""

    token: str
    kind: str
    url: str


def read(body: bytes, key_id: str, signature: str) -> list[Report]:
    """Check who signed, then read. Raises NotBelieved. May ask for the keys: call it outside of transactions."""
    _check(body, key_id, signature)
    try:
        rows = json.loads(body)
    except (ValueError, RecursionError):
        raise NotBelieved("The body is no JSON.") from None
    if not isinstance(rows, list) or len(rows) > MOST or not all(isinstance(row, dict) for row in rows):
        raise NotBelieved(f"The body is no list of up to {MOST} objects.")
    return [Report(_text(row, "token"), _text(row, "type"), _text(row, "url")[:LONGEST_URL]) for row in rows]


def end(report: Report) -> bool:
    """Revoke what was found; False where it is no token of ours."""
    try:
        row = genuine(report.token)
    except TokenRefused:
        return False
    services.end_leaked(row, url=report.url if report.url.isprintable() else "", by=WHO)
    return True


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _check(body: bytes, key_id: str, signature: str) -> None:
    pem = _keys().get(key_id) or _keys(anew=True).get(key_id)
    if pem is None:
        raise NotBelieved("We know no key of this identifier. If it is new, try again in a minute.")
    try:
        key = serialization.load_pem_public_key(pem.encode())
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise NotBelieved("The key is none for ECDSA.")
        key.verify(base64.b64decode(signature, validate=True), body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise NotBelieved("The signature does not fit.") from error


def _keys(*, anew: bool = False) -> dict[str, str]:
    """The keys by their identifiers; asked for every half hour, and sooner once a minute for one we do not know."""
    kept: dict[str, str] | None = cache.get(KEYS)
    if kept is not None and not anew:
        return kept
    if not settings.LEAK_KEYS_URL or not cache.add(ASKED, 1, ASK_EVERY):
        return kept or {}
    try:
        listed = json_object(settings.LEAK_KEYS_URL, private=settings.LEAK_KEYS_PRIVATE).get("public_keys")
    except (TransportError, ValueError):
        return kept or {}
    rows = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    found = {_text(one, "key_identifier"): _text(one, "key") for one in rows if _text(one, "key_identifier")}
    cache.set(KEYS, found, KEPT)
    return found
