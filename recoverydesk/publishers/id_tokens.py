"""Is this a statement of an issuer we know, for us, now? Every check that needs no publisher."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from joserfc import jws, jwt
from joserfc.errors import JoseError

from common.clock import database_now
from recoverydesk.publishers import keys
from recoverydesk.publishers.issuers import Issuer

LONGEST = 16_000  # characters; GitHub's have about 2,000
LONGEST_KID = LONGEST_JTI = 500
LONGEST_LIFE = timedelta(days=31)  # GitLab's live as long as a job may; a used one is kept until its end
AHEAD = timedelta(minutes=1)  # by which an issuer's clock may be


class BadToken(Exception):
    """The token proves nothing; `code` and the message are for the workflow's log."""

    def __init__(self, message: str, code: str = "invalid-token") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Checked:
    """A genuine token: who signed it, what it says, its one-time id as a digest, and until when it lives."""

    issuer: Issuer
    claims: dict[str, Any]
    digest: str
    expires_at: datetime


def audience() -> str:
    """Whom a token must be for: this site, so that one made for another index opens nothing here."""
    return str(settings.HOST)


def check(text: str) -> Checked:
    """Check signature, issuer, audience and times. Raises BadToken. May ask the issuer for its keys."""
    header, claimed = _unchecked(text)
    issuer = next((one for one in settings.PUBLISHER_ISSUERS if one.url == claimed.get("iss")), None)
    if issuer is None:
        raise BadToken("We know no such issuer of tokens. Its operator would add it to PUBLISHER_ISSUERS.")
    kid = header.get("kid")
    if header.get("alg") != issuer.algorithm or not isinstance(kid, str) or len(kid) > LONGEST_KID:
        raise BadToken(f"{issuer.place} signs with {issuer.algorithm} and names its key.")
    try:
        key = keys.find(issuer, kid)
        claims = jwt.decode(text, key, algorithms=[issuer.algorithm]).claims
    except keys.NoKey as error:
        raise BadToken(str(error)) from error
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise BadToken("The signature does not fit.") from error
    return _checked(issuer, claims)


def _unchecked(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims as they stand there: enough to know whom to ask, believed in nothing."""
    try:
        if len(text) > LONGEST:
            raise ValueError("too long")
        found = jws.extract_compact(text.encode("ascii"))
        claims = json.loads(found.payload)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise BadToken("This is no signed token (JWT).") from error
    if not isinstance(claims, dict):
        raise BadToken("This is no signed token (JWT).")
    return dict(found.headers()), claims


def _checked(issuer: Issuer, claims: dict[str, Any]) -> Checked:
    if claims.get("iss") != issuer.url or claims.get("aud") not in (audience(), [audience()]):
        raise BadToken(f"The token is for somebody else: its audience must be {audience()} alone.")
    now = database_now()
    expires = _time(claims, "exp")
    if expires is None or expires <= now:
        raise BadToken("The token is expired.")
    if expires > now + LONGEST_LIFE:
        raise BadToken("The token lives too long.")
    for name in ("nbf", "iat"):
        if name in claims and not ((moment := _time(claims, name)) and moment <= now + AHEAD):
            raise BadToken("The token is not valid yet.")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= LONGEST_JTI:
        raise BadToken("The token has no id (jti), so nothing would keep it from being used twice.")
    digest = hashlib.sha256(json.dumps([issuer.url, jti]).encode()).hexdigest()
    return Checked(issuer, claims, digest, expires)


def _time(claims: dict[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
