"""The bytes of a token: a macaroon of format 2, first-party caveats only. No other file knows what is inside.

pymacaroons computes the chain of HMACs; this wrapper makes it total and exact: one spelling per token, so that a
changed bit is a changed token wherever it sits (the location, for one, is not signed).
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from pymacaroons import MACAROON_V2, Macaroon, Verifier
from pymacaroons.exceptions import MacaroonInvalidSignatureException
from pymacaroons.serializers.binary_serializer import BinarySerializer

KEY_BYTES = 32
LONGEST = 8_000  # characters; a header line of gunicorn holds 8,190
MOST_CAVEATS = 64
FORMAT = b"1."  # of the identifier; a later meaning of a row's id gets another one
_SIGNATURE_DIGITS = 64
_serializer = BinarySerializer()


class MalformedToken(ValueError):
    """This is no token of ours; the message says why."""


@dataclass(frozen=True)
class Token:
    """What a token's bytes say. Nothing in it can be believed before `signed_by`."""

    location: str
    identifier: bytes
    caveats: tuple[bytes, ...]
    macaroon: Macaroon

    def row_id(self) -> UUID:
        """Return the id of the row this token stands for. Raises MalformedToken for an identifier of another format."""
        try:
            row = UUID(self.identifier.removeprefix(FORMAT).decode("ascii"))
        except ValueError:
            raise MalformedToken("malformed or nonexistent macaroon") from None
        if self.identifier != identifier(row):
            raise MalformedToken("malformed or nonexistent macaroon")
        return row

    def signed_by(self, key: bytes) -> bool:
        """True when `key` (32 bytes) signed the identifier and everybody after it signed their caveat."""
        verifier = Verifier()
        verifier.callbacks = [_is_read_later]
        try:
            return bool(verifier.verify(self.macaroon, key))
        except MacaroonInvalidSignatureException:
            return False


def _is_read_later(_caveat: str) -> bool:
    """Let every caveat pass here: caveats.py judges them, once the signature is known to be right."""
    return True


def identifier(row: UUID) -> bytes:
    """Return the identifier of a row's tokens: format version, then the id, in ASCII so that every tool can show it."""
    return FORMAT + str(row).encode()


def dumps(prefix: str, location: str, identifier: bytes, key: bytes, caveats: Iterable[str]) -> str:
    """Sign and spell out a new token: prefix, hyphen, url-safe base64 without padding."""
    macaroon = Macaroon(location=location, identifier=identifier, key=key, version=MACAROON_V2)
    for caveat in caveats:
        macaroon.add_first_party_caveat(caveat)
    return f"{prefix}-{macaroon.serialize(_serializer)}"


def loads(prefix: str, text: str) -> Token:
    """Read a token, whatever is given. Raises MalformedToken and nothing else.

    The text must be exactly what `dumps` would write: two spellings of one token do not exist.
    """
    start, _hyphen, body = text.partition("-")
    if start != prefix:
        raise MalformedToken(f"malformed or nonexistent macaroon: ours begin with {prefix}-")
    if not body or len(text) > LONGEST:
        raise MalformedToken("malformed or nonexistent macaroon")
    macaroon = _macaroon(body)
    caveats = tuple(caveat.caveat_id_bytes for caveat in macaroon.caveats)
    return Token(macaroon.location, macaroon.identifier_bytes, caveats, macaroon)


def _macaroon(body: str) -> Macaroon:
    """Read the base64 part. The parser below raises whatever Python raises, so whatever it raises is one error."""
    try:
        raw = base64.b64decode(body.encode("ascii") + b"=" * (-len(body) % 4), altchars=b"-_", validate=True)
        if raw[:1] != bytes([MACAROON_V2]):
            raise MalformedToken("malformed macaroon")
        macaroon = _serializer.deserialize_raw(raw)
        whole = len(macaroon.signature_bytes) == _SIGNATURE_DIGITS and len(macaroon.caveats) <= MOST_CAVEATS
        if not whole or len(raw) != _shortest(macaroon) or _spelled(raw) != body:
            raise MalformedToken("malformed macaroon")
    except Exception as error:  # base64, struct, unicode, index: whatever strangers' bytes provoke
        raise MalformedToken("malformed macaroon") from error
    return macaroon


def _spelled(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _shortest(macaroon: Macaroon) -> int:
    """Return how many bytes the one right spelling has: a number spelled longer or a byte behind makes it longer.

    Raises ValueError for a caveat that is not UTF-8 or a third party's.
    """
    length = 2 + _field(macaroon._location) + _field(macaroon.identifier_bytes)
    for caveat in macaroon.caveats:
        if caveat.third_party():
            raise ValueError("a third party's caveat")
        data = caveat.caveat_id_bytes
        data.decode()
        length += _field(data) + 1
    return length + 3 + KEY_BYTES


def _field(data: bytes) -> int:
    """Return the length of a field: one byte for its kind, seven bits of its length to the byte, its data."""
    length = len(data)
    return 2 + length if length < 128 else 1 + -(-length.bit_length() // 7) + length
