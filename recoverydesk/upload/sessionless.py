"""The simple index, its files and the JSON documents are for everybody, and answered before there is a session.

So no cookie is read or set, no answer varies by one, and shared caches may keep what they get. With INDEX_PRIVATE a
session may be what opens them, and they are answered further in (private.py).
"""

from collections.abc import Callable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseNotFound
from django.urls import Resolver404, resolve
from django.utils import translation

PREFIXES = ("/simple/", "/pypi/")
VIEWS = {"simple", "simple_project", "simple_file", "json_project", "json_release"}
NOT_FOUND = '<!DOCTYPE html>\n<html lang="en"><head><title>Not found</title></head><body>Not found</body></html>\n'
Answer = Callable[[HttpRequest], HttpResponseBase]


def without_session(get_response: Answer) -> Answer:
    """Answer what the index answers; leave everything else to the layers further in."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if settings.INDEX_PRIVATE or not request.path_info.startswith(PREFIXES):
            return get_response(request)
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return get_response(request)
        if match.view_name not in VIEWS:
            return get_response(request)
        with translation.override(settings.LANGUAGE_CODE):
            try:
                response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
                return response
            except Http404:
                return HttpResponseNotFound(NOT_FOUND)

    return middleware
