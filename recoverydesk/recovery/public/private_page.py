"""What the pages behind a mailed key share."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods

from accounts import throttle
from accounts.mail.models import Link
from recoverydesk.recovery.models import RecoveryTicket

View = Callable[..., HttpResponse]


def private(view: View) -> View:
    """A page behind a mailed key: never cached. The site's Referrer-Policy (same-origin) keeps its address at home.

    `no-referrer` would be stricter, but then browsers send `Origin: null` with our own forms, and CSRF refuses them.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        patch_cache_control(response, no_store=True, private=True)
        response["X-Robots-Tag"] = "noindex"
        return response

    return require_http_methods(["GET", "HEAD", "POST"])(wrapped)


def dead_link(request: HttpRequest) -> HttpResponse:
    """The one answer to every key that opens nothing; raises TooOften for a network that tries many."""
    throttle.count(request, "dead_link")
    return render(request, "recovery/dead_link.html", status=404)


def ticket_of(link: Link) -> RecoveryTicket:
    """The ticket this mailed link belongs to."""
    return RecoveryTicket.objects.select_related("subject").get(pk=int(link.reference.removeprefix("ticket:")))
