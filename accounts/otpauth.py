"""The address an authenticator app reads from a QR code (Google's Key URI format)."""

from urllib.parse import quote, urlencode

from django.conf import settings

from accounts.codes import base32
from accounts.models import User


def uri(user: User, secret: bytes) -> str:
    """Return otpauth://totp/<site>:<username> with the secret; SHA-1, 6 digits and 30 s are what apps assume."""
    label = quote(f"{settings.OTP_TOTP_ISSUER}:{user.username}", safe=":")
    return f"otpauth://totp/{label}?{urlencode({'secret': base32(secret), 'issuer': settings.OTP_TOTP_ISSUER})}"
