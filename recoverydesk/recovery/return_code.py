"""The return code: shown once on the status page, asked for when the new password is chosen.

Whoever grabs only the choose-password mail does not have it.
"""

import base64
import hmac
import secrets

from accounts import codes
from common import keys
from recoverydesk.recovery.models import RecoveryTicket

BYTES = 10
MAX_FAILURES = 5


def make_code() -> str:
    """Sixteen characters of base32 (80 bits) in groups of four."""
    text = base64.b32encode(secrets.token_bytes(BYTES)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def digest(code: str, ticket: RecoveryTicket) -> str:
    """What the ticket keeps of a code, read as recovery codes are."""
    return keys.mac("return-code", ticket.key_id, str(ticket.pk), codes.base32_of(code).lower())


def matches(code: str, ticket: RecoveryTicket) -> bool:
    """Compare in constant time; a ticket whose code was never shown has none that matches."""
    return bool(ticket.return_code_digest) and hmac.compare_digest(digest(code, ticket), ticket.return_code_digest)
