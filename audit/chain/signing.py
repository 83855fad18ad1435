"""The Ed25519 key of the log, derived from AUDIT_KEY, and the public keys whose signatures count."""

import base64
import functools
import hashlib
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"recoverydesk audit seal 1"


@functools.lru_cache(maxsize=4)
def _private(audit_key: bytes) -> Ed25519PrivateKey:
    seed = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=PURPOSE).derive(audit_key)
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_key() -> bytes:
    """The 32 bytes of the public key that today's seals verify with."""
    raw = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return _private(settings.AUDIT_KEY).public_key().public_bytes(*raw)


def public_text(key: bytes) -> str:
    """A public key as it is published: unpadded url-safe base64."""
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def key_id(key: bytes) -> str:
    """The short name of a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(key).hexdigest()[:16]


def trusted() -> Mapping[str, Ed25519PublicKey]:
    """The public keys by name: today's, and those of AUDIT_OLD_PUBLIC_KEYS."""
    keys = [public_key(), *settings.AUDIT_OLD_PUBLIC_KEYS]
    return {key_id(key): Ed25519PublicKey.from_public_bytes(key) for key in keys}


def sign(seal_hash: str) -> str:
    """The signature (hex) over a seal's hash (hex)."""
    return _private(settings.AUDIT_KEY).sign(_message(seal_hash)).hex()


def is_signed(key: Ed25519PublicKey | None, seal_hash: str, signature: str) -> bool:
    """Whether a signature (hex) is this key's over this hash."""
    if key is None:
        return False
    try:
        key.verify(bytes.fromhex(signature), _message(seal_hash))
    except (InvalidSignature, ValueError):
        return False
    return True


def _message(seal_hash: str) -> bytes:
    return PURPOSE + b":" + seal_hash.encode()
