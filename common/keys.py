"""Keys for every purpose, derived from FIELD_KEYS (HKDF-SHA256, RFC 5869). The newest signs, every one verifies."""

import base64
import functools
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

KEY_BYTES = 32
KEY_ID_LENGTH = 12


class UnknownKey(LookupError):
    """A row names a key that FIELD_KEYS no longer holds."""


class BadCiphertext(ValueError):
    """The stored bytes were not written by any of our keys, or were changed."""


def current_key_id() -> str:
    """Return the id of the newest key (the first of FIELD_KEYS): 12 hex digits that tell nothing about it."""
    return _key_id(settings.FIELD_KEYS[0])


def key_ids() -> list[str]:
    """The ids of all our keys, newest first."""
    return [_key_id(root) for root in settings.FIELD_KEYS]


def derive(purpose: str, key_id: str = "") -> bytes:
    """Return the 32-byte key for `purpose` under `key_id` (the current one when empty); raises UnknownKey."""
    wanted = key_id or current_key_id()
    for root in settings.FIELD_KEYS:
        if _key_id(root) == wanted:
            return _derive(root, purpose)
    raise UnknownKey(wanted)


def encrypt(purpose: str, data: bytes) -> bytes:
    """Encrypt for this purpose with the newest key; only `decrypt` with the same purpose reads it."""
    return _box(purpose).encrypt(data)


def decrypt(purpose: str, data: bytes | memoryview) -> bytes:
    """Decrypt with whichever of our keys wrote it; raises BadCiphertext."""
    try:
        return _box(purpose).decrypt(bytes(data))
    except InvalidToken as error:
        raise BadCiphertext(purpose) from error


def seal_again(purpose: str, data: bytes) -> bytes | None:
    """The same secret encrypted with the newest key; None when it is already. Raises BadCiphertext."""
    try:
        Fernet(base64.urlsafe_b64encode(_derive(settings.FIELD_KEYS[0], f"encrypt:{purpose}"))).decrypt(data)
    except InvalidToken:
        return encrypt(purpose, decrypt(purpose, data))
    return None


def mac(purpose: str, key_id: str, *parts: str) -> str:
    """Return HMAC-SHA256 over the parts as unpadded url-safe base64 (43 characters); raises UnknownKey.

    Each part goes in with its length in bytes, so that ("ab", "c") and ("a", "bc") differ.
    """
    message = b"".join(b"%d:%s," % (len(raw), raw) for raw in (part.encode() for part in parts))
    digest = hmac.digest(derive(purpose, key_id), message, "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _box(purpose: str) -> MultiFernet:
    return MultiFernet(
        [Fernet(base64.urlsafe_b64encode(_derive(root, f"encrypt:{purpose}"))) for root in settings.FIELD_KEYS]
    )


@functools.cache
def _key_id(root: bytes) -> str:
    return hashlib.sha256(b"recoverydesk key id:" + root).hexdigest()[:KEY_ID_LENGTH]


@functools.lru_cache(maxsize=256)
def _derive(root: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"recoverydesk:" + purpose.encode()).derive(root)
