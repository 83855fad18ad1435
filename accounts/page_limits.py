"""Every page that takes a POST, and every page behind a mailed key, has a limit: here, before its code runs.

A page is counted under the name of its address (settings.ACCOUNT_RATE_LIMITS), one without a line there under "page";
so a new page has a limit on its first day. The desk's pages are behind a gate of their own and are not counted.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import ResolverMatch

from accounts import throttle, too_often

SAFE = ("GET", "HEAD", "OPTIONS")
DEFAULT = "page"
KEY = "key"  # what addresses call the key a mail carries


class PageLimits:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: object, _args: object, kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Answer 429 where this page was asked for too often."""
        match = request.resolver_match
        if match is None or "admin" in match.namespaces or (request.method in SAFE and KEY not in kwargs):
            return None
        # Mail scanners open links: reading a page uses up nothing of what its buttons need.
        verb = "read" if request.method in SAFE else "write"
        try:
            throttle.count(request, action_of(match), key=f"{verb}:{kwargs.get(KEY, '')}")
        except throttle.TooOften as often:
            return too_often.answer(request, often.seconds)
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A page that counts something itself lets the refusal through to here."""
        return too_often.answer(request, error.seconds) if isinstance(error, throttle.TooOften) else None


def action_of(match: ResolverMatch) -> str:
    """The name this address is counted under."""
    return match.url_name if match.url_name in settings.ACCOUNT_RATE_LIMITS else DEFAULT
