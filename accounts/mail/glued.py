"""Mailed addresses with something glued to them: what makes links of plain text often takes along what follows.

The one place for every address that ends in a mailed key: those of all rooms whose argument is called `key`.
"""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import Resolver404, resolve
from django.utils.cache import patch_cache_control

# No key ends in any of these: punctuation, spaces, and their spellings as %3E, =3E and &gt;
GLUE = re.compile(r"(?:[%=][0-9A-Fa-f]{2}|&#?[A-Za-z0-9]{1,8};?|[^A-Za-z0-9_-])+\Z")
LONGEST = 1000  # characters; no mailed address is longer

Answer = Callable[[HttpRequest], HttpResponseBase]


def unglued(get_response: Answer) -> Answer:
    """Lead from such an address to the mailed one. A POST comes from a page of ours and is left as it is."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        path = mended(request.path_info) if request.method in ("GET", "HEAD") else ""
        return _lead(request, path) if path else get_response(request)

    return middleware


def mended(path: str) -> str:
    """The mailed address a path begins with; empty when it is one already, or none."""
    mailed = GLUE.sub("", path) + "/"
    if mailed == path or len(path) > LONGEST:
        return ""
    try:
        return mailed if "key" in resolve(mailed).kwargs else ""
    except Resolver404:
        return ""


def _lead(request: HttpRequest, path: str) -> HttpResponseBase:
    response = HttpResponseRedirect(request.path.removesuffix(request.path_info) + path)
    patch_cache_control(response, no_store=True, private=True)
    return response
