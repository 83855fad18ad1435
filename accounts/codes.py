"""What people type: six digits of an authenticator app, or a recovery code. Pure functions."""

import base64
import hashlib
import hmac
import secrets
import unicodedata

from django_otp.oath import hotp

STEP = 30  # seconds, RFC 6238 section 4
DIGITS = 6
TOLERANCE = 1  # steps before and after, RFC 6238 section 5.2
FARTHEST = 10  # steps: a clock that far off is told so, its codes are still refused
SECRET_BYTES = 20  # RFC 4226 section 4, R6
RECOVERY_CODE_BYTES = 10  # 80 bits: too many to guess, so plain SHA-256 is enough
RECOVERY_CODES = 8


def squeeze(text: str) -> str:
    """Drop spaces and hyphens, unfold full-width letters, and turn every decimal digit into 0-9."""
    kept = (c for c in unicodedata.normalize("NFKC", text) if not (c.isspace() or c in "-‐‑–"))
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in kept)


def looks_like_totp(text: str) -> bool:
    code = squeeze(text)
    return len(code) == DIGITS and code.isascii() and code.isdigit()


def accepted_step(secret: bytes, text: str, *, now: float, after: int) -> int | None:
    """Return the time step (30 s since 1970) whose code was typed, if it is later than `after`, else None."""
    if not looks_like_totp(text):
        return None
    return _matching(secret, squeeze(text), now=now, after=after, within=TOLERANCE)


def steps_off(secret: bytes, text: str, *, now: float, after: int) -> int | None:
    """Return how many steps (30 s) the app's clock is ahead of (or, negative, behind) ours when that is why its code
    is refused, at most FARTHEST; else None."""
    if not looks_like_totp(text):
        return None
    step = _matching(secret, squeeze(text), now=now, after=after, within=FARTHEST)
    off = 0 if step is None else step - int(now) // STEP
    return off if abs(off) > TOLERANCE else None


def _matching(secret: bytes, code: str, *, now: float, after: int, within: int) -> int | None:
    current = int(now) // STEP
    for step in range(current - within, current + within + 1):
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
    """Salted SHA-256 (hexadecimal) of a recovery code as typed: case, spaces and hyphens do not matter."""
    return hashlib.sha256(salt + squeeze(text).upper().encode()).hexdigest()
