"""An address that takes another method answers with a page in words, not with a white one."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string


def worded(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Fill the empty 405 of Django's decorators for whoever takes HTML."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content and _reads_html(request):
            response.content = render_to_string("405.html", request=request)
        return response

    return middleware


def _reads_html(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html"]) is not None
