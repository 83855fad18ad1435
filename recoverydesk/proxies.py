"""Requests whose X-Forwarded-For is shorter than TRUSTED_PROXY_COUNT: the setting is wrong, and nobody's address known.

Without this a limit would count all visitors as one, or the page would answer 500.
"""

import logging
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

logger = logging.getLogger(__name__)
Handler = Callable[[HttpRequest], HttpResponse]


def counted(get_response: Handler) -> Handler:
    """Middleware: answer 400 with one sentence, and write both numbers into the log. No header is no proxy."""

    def handle(request: HttpRequest) -> HttpResponse:
        header = request.headers.get("X-Forwarded-For", "")
        length = len(header.split(",")) if header else 0
        wanted = settings.ALLAUTH_TRUSTED_PROXY_COUNT
        if header and length < wanted:
            sentence = f"X-Forwarded-For holds {length} of {wanted} addresses: TRUSTED_PROXY_COUNT is too high."
            logger.error(sentence)
            return HttpResponse(f"{sentence}\n", status=400, content_type="text/plain; charset=utf-8")
        return get_response(request)

    return handle
