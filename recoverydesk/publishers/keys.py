"""The public keys of issuers: asked through the safe transport, bounded, kept in a row that every process reads.

Keys are asked anew after an hour, or when a token names one we do not have; an issuer is asked at most once a minute,
whoever sends us what. One that does not answer is believed for a day.
"""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Q
from django.db.models.functions import Now
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from common.clock import database_now
from common.transport.documents import LIMITS, json_object
from common.transport.failures import TransportError
from recoverydesk.publishers.issuers import Issuer
from recoverydesk.publishers.models import IssuerKeys

FRESH, KEPT = timedelta(hours=1), timedelta(days=1)
ASK_EVERY = timedelta(minutes=1)
SIZES = {"RS256": (2048, 8192), "ES256": (256, 256)}  # bits: smaller is weak, larger costs us time
DISCOVERY = "/.well-known/openid-configuration"
Key = RSAKey | ECKey


class NoKey(Exception):
    """No key of the issuer's fits; the message says why, for the workflow's log."""


def find(issuer: Issuer, kid: str) -> Key:
    """Return the issuer's key of this id. Raises NoKey. May ask the issuer: call it outside of transactions."""
    row = IssuerKeys.objects.get_or_create(issuer=issuer.url)[0]
    now = database_now()
    found = _named(row, kid)
    if found is None or row.fetched_at is None or row.fetched_at <= now - FRESH:
        if _may_ask(issuer):
            _ask(row, issuer)
        found = _named(row, kid)
    if row.fetched_at is None or row.fetched_at <= now - KEPT:
        raise NoKey(f"We cannot get the keys of {issuer.place} at the moment. Try again in a minute.")
    if found is None:
        raise NoKey(f"{issuer.place} has no key of this id. If it is new, try again in a minute.")
    return _usable(found, issuer)


def _may_ask(issuer: Issuer) -> bool:
    """One process a minute gets to ask; a time from the future, of a clock that was wrong, holds nobody up."""
    due = Q(tried_at=None) | Q(tried_at__lte=Now() - ASK_EVERY) | Q(tried_at__gt=Now())
    return bool(IssuerKeys.objects.filter(due, issuer=issuer.url).update(tried_at=Now()))


def _ask(row: IssuerKeys, issuer: Issuer) -> None:
    """Replace the keys by what the issuer says now; where it says nothing usable the old ones stay."""
    try:
        document = _document(issuer.url.rstrip("/") + DISCOVERY, issuer)
        keys = _document(str(document.get("jwks_uri", "")), issuer)
    except (TransportError, ValueError):
        return
    if document.get("issuer") != issuer.url or not isinstance(keys.get("keys"), list):
        return
    row.jwks, row.fetched_at = json.dumps(keys), database_now()
    row.save(update_fields=["jwks", "fetched_at"])


def _document(url: str, issuer: Issuer) -> dict[str, Any]:
    """Ask the issuer, or whom it names. Raises TransportError and ValueError."""
    home = urlsplit(url).netloc == urlsplit(issuer.url).netloc
    return json_object(url, private=issuer.private and home, limits=LIMITS)


def _named(row: IssuerKeys, kid: str) -> dict[str, Any] | None:
    """The one key of this id; two of one id are none."""
    listed = json.loads(row.jwks)["keys"] if row.jwks else []
    found = [one for one in listed if isinstance(one, dict) and one.get("kid") == kid]
    return found[0] if len(found) == 1 else None


def _usable(found: dict[str, Any], issuer: Issuer) -> Key:
    """Only the kind of key that the issuer's algorithm takes, of a sane size: never a secret one (`oct`)."""
    kind, smallest, largest = (RSAKey if issuer.algorithm == "RS256" else ECKey), *SIZES[issuer.algorithm]
    numbers: dict[str, Any] = {name: found[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in found}
    try:
        if found.get("kty") != kind.key_type or len(str(numbers.get("e", ""))) > 8:
            raise ValueError("another kind of key")
        if found.get("use", "sig") != "sig":
            raise ValueError("a key that signs nothing")
        if issuer.algorithm == "RS256" and not smallest <= 6 * len(str(numbers.get("n", ""))) <= largest + 12:
            raise ValueError("a size we do not take")  # before it is computed with
        if issuer.algorithm == "ES256" and numbers.get("crv") != "P-256":
            raise ValueError("another curve")
        key = kind.import_key(numbers)
        if not smallest <= key.raw_value.key_size <= largest:
            raise ValueError("a size we do not take")
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NoKey(f"The key of {issuer.place} is none for {issuer.algorithm}.") from error
    return key
