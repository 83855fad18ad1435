"""The last word on a request that failed: a database error leaves open whether its change was made, and we say so."""

import sys

from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.defaults import server_error as plain_server_error

UNSURE = (OperationalError, InterfaceError, InternalError)  # a COMMIT may have arrived though its answer did not
SAFE = ("GET", "HEAD", "OPTIONS")


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500`: 503 and "we do not know whether it was done" for a database error, else the plain 500 page.

    Asks no database, nor who is signed in.
    """
    if not isinstance(sys.exc_info()[1], UNSURE):
        return plain_server_error(request)
    changing = request.method not in SAFE
    page = render_to_string("unknown.html", {"changing": changing, "back": _back(request)})
    return HttpResponse(page, status=503, headers={"Retry-After": "5", "Cache-Control": "no-store"})


def _back(request: HttpRequest) -> str:
    """The page the button was on; the address itself where the browser does not say."""
    referer = request.headers.get("Referer", "")
    inside = url_has_allowed_host_and_scheme(referer, {request.get_host()}, require_https=request.is_secure())
    return referer if inside and request.method not in SAFE else request.get_full_path()
