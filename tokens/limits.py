"""How often a minute `GET /api/token` is answered. Uploading is never limited by it.

Counted in the cache, minute by minute: for a network before anything is looked at, for a token only once it has proved
genuine, so that nobody else can use up its share.
"""

import time

from django.core.cache import cache
from django.http import HttpRequest

from accounts.networks import network_of
from audit.log import origin_of
from tokens.models import ApiToken

MINUTE = 60  # seconds
OF_NETWORK = 120  # a minute
OF_TOKEN = 60


class TooOften(Exception):
    """Not now; `seconds` says when again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def count_network(request: HttpRequest) -> None:
    """Count one question from this network (an IPv4 address, an IPv6 /64). Raises TooOften."""
    _count(f"network:{network_of(origin_of(request).network)}", OF_NETWORK)


def count_token(row: ApiToken) -> None:
    """Count one question of a genuine token. Raises TooOften."""
    _count(f"token:{row.id}", OF_TOKEN)


def _count(who: str, most: int) -> None:
    minute, second = divmod(int(time.time()), MINUTE)
    key = f"api-token:{who}:{minute}"
    cache.add(key, 0, MINUTE)
    try:
        asked = cache.incr(key)
    except ValueError:  # the cache dropped it meanwhile
        asked = 1
    if asked > most:
        raise TooOften(MINUTE - second)
