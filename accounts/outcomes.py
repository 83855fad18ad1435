"""What a POST leaves for the page its redirect leads to: plain facts, and a secret that is shown once.

It waits in the session of the browser that posted, for five minutes; the secret is encrypted there. So a reloaded
page repeats nothing: it makes no second token and no new codes.
"""

import base64
import json
import time
from typing import Any, NamedTuple

from django.http import HttpRequest

from accounts import keys

KEPT_FOR = 300  # seconds
PURPOSE = "outcome"
NAME = "outcome:"  # how the session's entries begin


class Outcome(NamedTuple):
    """What was done; `secret` is None where there is none to show any more."""

    facts: dict[str, Any]
    secret: Any = None


def keep(request: HttpRequest, name: str, facts: dict[str, Any] | None = None, *, secret: Any = None) -> None:
    """Leave facts and secret (both JSON) under this name. One that waits there unseen gives way to another only."""
    entry: dict[str, Any] = {**_waiting(request, name), "at": time.time(), "facts": facts or {}}
    if secret is not None:
        sealed = keys.encrypt(f"{PURPOSE}:{name}", json.dumps(secret).encode())
        entry["sealed"] = base64.b64encode(sealed).decode()
    request.session[NAME + name] = entry


def take(request: HttpRequest, name: str) -> Outcome | None:
    """What was left under this name, its secret for the last time; None when it is older than KEPT_FOR. For a GET."""
    entry = _waiting(request, name)
    return Outcome(entry["facts"], _opened(request, name, entry)) if entry else None


def _waiting(request: HttpRequest, name: str) -> dict[str, Any]:
    """The entry of this name; one past its time is dropped."""
    entry: dict[str, Any] = request.session.get(NAME + name, {})
    if entry and not 0 <= time.time() - entry["at"] <= KEPT_FOR:
        del request.session[NAME + name]
        return {}
    return entry


def _opened(request: HttpRequest, name: str, entry: dict[str, Any]) -> Any:
    if request.method != "GET" or "sealed" not in entry:  # a HEAD shows nothing
        return None
    request.session[NAME + name] = {key: value for key, value in entry.items() if key != "sealed"}
    try:
        return json.loads(keys.decrypt(f"{PURPOSE}:{name}", base64.b64decode(entry["sealed"])))
    except keys.BadCiphertext:  # its key left FIELD_KEYS
        return None
