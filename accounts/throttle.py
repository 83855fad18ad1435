"""How often something may be asked: per account, browser, network, link or token, never longer than an hour.

The numbers are in settings.ACCOUNT_RATE_LIMITS; a network is an IPv4 address or an IPv6 /64. Counters live in the
cache and are used up before any transaction begins, so that no rollback gives a try back. How a refusal is said is in
accounts/too_often.py.
"""

import hashlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

from allauth.core.internal.ratelimit import Rate, apply_rate, cache_lock, parse_rates
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

from accounts import known_browsers, networks
from accounts.models import User
from audit.log import origin_of

BUSY = 1  # seconds, when the counter itself is being written by others all the time


class TooOften(Exception):
    """Not now; `seconds` says when again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def count(request: HttpRequest, action: str, *, key: str = "") -> None:
    """Count one against every rate of this action; raises TooOften. An action without a rate is never too often."""
    for counter in counters(request, action, key=key):
        counter.count()


def give_back(request: HttpRequest, action: str, *, key: str = "") -> None:
    """Take the newest one back: what was counted was no guess."""
    for counter in counters(request, action, key=key):
        counter.give_back()


def count_code(request: HttpRequest, user: User, action: str) -> None:
    """Count one try of a code or key (POST), apart for a browser the account has signed in with. Raises TooOften."""
    if request.method == "POST":
        count(request, action, key=f"{user.pk}:{known_browsers.known(request, user)}")


def counters(request: HttpRequest, action: str, *, key: str = "") -> "Iterator[Counter]":
    """What one request is counted by under this name."""
    for rate in parse_rates(settings.ACCOUNT_RATE_LIMITS.get(action)):
        who = hashlib.sha256(_who(request, rate, key).encode()).hexdigest()
        yield Counter(f"limit:{action}:{rate}:{who}", rate)


def _who(request: HttpRequest, rate: Rate, key: str) -> str:
    if rate.per == "key":
        return key
    if rate.per == "user" and isinstance(request.user, User):
        return f"user:{request.user.pk}"
    return network(request)


def network(request: HttpRequest) -> str:
    """The network a request came from, as it is counted."""
    return f"network:{networks.network_of(origin_of(request).network)}"


@dataclass(frozen=True)
class Counter:
    """The times of the latest requests, newest first, under one name of the cache."""

    name: str
    rate: Rate

    def count(self) -> None:
        """Raises TooOften."""
        with cache_lock(self.name) as locked:
            if not locked:
                raise TooOften(BUSY)
            now = time.time()
            allowed, times = apply_rate(cache.get(self.name, []), now, self.rate)
            if not allowed:
                raise TooOften(max(1, math.ceil(times[-1] + self.rate.duration - now)))
            cache.set(self.name, times, self.rate.duration)

    def give_back(self) -> None:
        with cache_lock(self.name) as locked:
            if locked:
                cache.set(self.name, cache.get(self.name, [])[1:], self.rate.duration)
