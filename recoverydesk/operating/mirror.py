"""What web and worker see, told to who holds SECRET_KEY: the doctor asks both whether they are set up as it is.

The question is a number signed for a minute, in a header of /livez or in a task; a file of that name lies in VAR_DIR.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest

from audit.log import origin_of
from recoverydesk import __version__

HEADER = "X-RecoveryDesk-Doctor"
HOLDS_FOR = 60  # seconds
NUMBER = re.compile(r"[0-9a-f]{32}")
SALT = "recoverydesk.operating.mirror"


@contextmanager
def question() -> Iterator[str]:
    """A new number, whose file lies in VAR_DIR meanwhile. Raises OSError."""
    number = secrets.token_hex(16)
    file = _file(number)
    file.touch(mode=0o644)
    try:
        yield number
    finally:
        file.unlink(missing_ok=True)


def signed(number: str) -> str:
    """The number as the header carries it."""
    return signing.TimestampSigner(salt=SALT).sign(number)


def _file(number: str) -> Path:
    return Path(settings.VAR_DIR) / f"doctor-{number}"


def seen(request: HttpRequest) -> dict[str, Any]:
    """What reached this process, for a header that is signed with our SECRET_KEY; else nothing."""
    try:
        signer = signing.TimestampSigner(salt=SALT)
        number = signer.unsign(request.headers.get(HEADER, ""), max_age=HOLDS_FOR)
    except signing.BadSignature:
        return {}
    return {
        "version": __version__,
        "secure": request.is_secure(),
        "proto": request.headers.get("X-Forwarded-Proto", ""),
        "client": origin_of(request).network,
        "forwarded": [one.strip() for one in request.headers.get("X-Forwarded-For", "").split(",") if one.strip()],
        "same_folder": _file(number).exists(),
    }


def note(number: str) -> None:
    """In the worker: put into the cache whether it sees the file."""
    if NUMBER.fullmatch(number):
        cache.set(_key(number), {"version": __version__, "same_folder": _file(number).exists()}, HOLDS_FOR)


def noted(number: str) -> dict[str, Any] | None:
    """What a worker put there; None as long as none has."""
    found: dict[str, Any] | None = cache.get(_key(number))
    return found


def _key(number: str) -> str:
    return f"doctor:{number}"
