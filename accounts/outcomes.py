"""What a POST leaves for the page its redirect leads to: plain facts, and a secret that is shown once.

It waits for five minutes in the session of the browser that posted, whose contents are encrypted. So a reloaded page
repeats nothing: it makes no second token and no new codes.
"""

import time
from typing import Any, NamedTuple

from django.http import HttpRequest

KEPT_FOR = 300  # seconds
NAME = "outcome:"  # how the session's entries begin


class Outcome(NamedTuple):
    """What was done; `secret` is None where there is none to show any more."""

    facts: dict[str, Any]
    secret: Any = None


def keep_outcome(request: HttpRequest, name: str, facts: dict[str, Any] | None = None, *, secret: Any = None) -> None:
    """Leave facts and secret (both JSON) under this name. One that waits there unseen gives way to another only."""
    entry = {"secret": _waiting(request, name).get("secret") if secret is None else secret}
    request.session[NAME + name] = {**entry, "at": time.time(), "facts": facts or {}}


def take_outcome(request: HttpRequest, name: str) -> Outcome | None:
    """What was left under this name, its secret for the last time; None when it is older than KEPT_FOR.

    For a GET: a HEAD, which shows nothing, leaves the secret where it is.
    """
    entry = _waiting(request, name)
    if not entry:
        return None
    if request.method != "GET" or entry["secret"] is None:
        return Outcome(entry["facts"])
    request.session[NAME + name] = {**entry, "secret": None}
    return Outcome(entry["facts"], entry["secret"])


def _waiting(request: HttpRequest, name: str) -> dict[str, Any]:
    """The entry of this name; one past its time is dropped."""
    entry: dict[str, Any] = request.session.get(NAME + name, {})
    if entry and not 0 <= time.time() - entry["at"] <= KEPT_FOR:
        del request.session[NAME + name]
        return {}
    return entry
