"""What people type: six digits of an authenticator app, or a recovery code. Pure functions."""

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Iterable

from django_otp.oath import hotp

STEP = 30  # seconds, RFC 6238 section 4
DIGITS = 6
TOLERANCE = 1  # steps before and after, RFC 6238 section 5.2
FARTHEST = 10  # steps: a clock that far behind is told so, its codes are still refused
SECRET_BYTES = 20  # RFC 4226 section 4, R6
RECOVERY_CODE_BYTES = 10  # 80 bits: too many to guess, so plain SHA-256 is enough
RECOVERY_CODES = 8
RECOVERY_CODE = re.compile(r"[A-Z2-7]{16}", re.ASCII)
FILLING = ("Cf", "Mn", "Pd")  # unseen formatting, marks that belong to no letter, dashes
DASHES = "\u2212\u2043\u02d7\u30fc\u2500"  # minus, hyphen bullet and others that are drawn like a dash
LOOK_ALIKES = str.maketrans("018", "OIB")  # RFC 4648 section 6: base32 has none of the three digits


def squeeze(text: str) -> str:
    """What a typed code says: without spaces, dashes and signs nobody sees, in plain letters, digits as 0-9.

    Full-width letters are unfolded (NFKC), decimal digits of every script become 0-9. The one reader of typed codes.
    """
    kept = (c for c in unicodedata.normalize("NFKC", text) if not _is_filling(c))
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in kept)


def _is_filling(character: str) -> bool:
    return character.isspace() or character in DASHES or unicodedata.category(character) in FILLING


def base32_of(text: str) -> str:
    """A typed base32 code in capitals, signs between its letters left out; digits that base32 lacks are read as the
    letters they look like."""
    letters = "".join(c for c in squeeze(text) if c.isalnum())
    return letters.upper().translate(LOOK_ALIKES)


def looks_like_totp(text: str) -> bool:
    code = squeeze(text)
    return len(code) == DIGITS and code.isascii() and code.isdigit()


def looks_like_recovery_code(text: str) -> bool:
    return RECOVERY_CODE.fullmatch(base32_of(text)) is not None


def accepted_step(secret: bytes, text: str, *, now: float, after: int) -> int | None:
    """Return the time step (30 s since 1970) whose code was typed, if it is later than `after`, else None."""
    current = int(now) // STEP
    return _matching(secret, text, range(current - TOLERANCE, current + TOLERANCE + 1), after)


def past_step(secret: bytes, text: str, *, now: float, after: int) -> int | None:
    """Return the latest step whose code was typed among those just past: older than `accepted_step` takes, at most
    FARTHEST steps old, later than `after`; else None.

    Never a coming step: whoever guesses would learn a code that is going to be right.
    """
    current = int(now) // STEP
    return _matching(secret, text, range(current - TOLERANCE - 1, current - FARTHEST - 1, -1), after)


def _matching(secret: bytes, text: str, steps: Iterable[int], after: int) -> int | None:
    if not looks_like_totp(text):
        return None
    code = squeeze(text)
    for step in steps:
        expected = f"{hotp(secret, step, digits=DIGITS):0{DIGITS}d}"
        if step > after and hmac.compare_digest(expected, code):
            return step
    return None


def groups(text: str, size: int = 4) -> list[str]:
    """Split into groups of four for the eye."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=")


def new_recovery_code() -> str:
    """80 random bits as four groups of four base32 letters."""
    return "-".join(groups(base32(secrets.token_bytes(RECOVERY_CODE_BYTES))))


def recovery_digest(salt: bytes, text: str) -> str:
    """Salted SHA-256 (hexadecimal) of a recovery code as typed (see `base32_of`)."""
    return hashlib.sha256(salt + base32_of(text).encode()).hexdigest()
