"""Nobody types a NUL, and PostgreSQL takes none: an address or a form that holds one never reaches a page."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponseBase


class TextOnly:
    """404 to such an address, 400 to such a form. Doors of programs need no CSRF token and read their own bodies."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, _args: object, _kwargs: dict[str, Any]) -> None:
        """Raises Http404 or BadRequest."""
        if "\0" in request.path_info:
            raise Http404
        if getattr(view, "csrf_exempt", False):
            return
        given = (
            text for part in (request.GET, request.POST) for name, texts in part.lists() for text in (name, *texts)
        )
        if any("\0" in text for text in given):
            raise BadRequest
