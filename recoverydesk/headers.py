"""What every answer has: the security headers, also where an outer layer answers before any page is asked, and no body
where only the head was asked for."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.security import SecurityMiddleware


class SecurityHeaders(SecurityMiddleware):
    """Django's headers without its redirect: around everything, so that a 400 for a wrong host has them as well."""

    def process_request(self, request: HttpRequest) -> None:
        """Nothing: the redirect to https is Django's own, further in."""


def without_body(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Leave the body of an answer to HEAD out, and say how long it would be: gunicorn warns of each that has one."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.method == "HEAD" and isinstance(response, HttpResponse) and response.content:
            response.headers.setdefault("Content-Length", str(len(response.content)))
            response.content = b""
        return response

    return middleware
