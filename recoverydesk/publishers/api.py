"""What clients of trusted publishing ask: the audience, a token for a statement, an end of a token.

The addresses and answers are those of PyPI, as pypa's action, uv and twine speak them. No cookie is read: hence no
CSRF token is asked for. What it says is for programs and stays in English.
"""

import json
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from accounts import throttle, too_often
from audit.log import origin_of
from recoverydesk.publishers import id_tokens, minting
from recoverydesk.publishers.id_tokens import BadToken
from recoverydesk.publishers.shapes import Unfit
from tokens import services
from tokens.checking import TokenRefused, open_token

LONGEST = 64 * 1024  # bytes of a body
OFF = "Trusted publishing is switched off here."
View = Callable[[HttpRequest], HttpResponse]


def _in_english(method: str) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @never_cache
        @csrf_exempt
        @wraps(view)
        def wrapped(request: HttpRequest) -> HttpResponse:
            with translation.override("en"):
                if request.method != method:
                    return JsonResponse(
                        {"message": f"Only {method} is answered here."}, status=405, headers={"Allow": method}
                    )
                try:
                    throttle.count(request, "publisher_token")
                except throttle.TooOften as error:
                    words = too_often.sentence(error.seconds)
                    return _refused(429, "too-often", words, **too_often.headers(error.seconds))
                return view(request)

        return wrapped

    return decorate


@_in_english("GET")
def audience(request: HttpRequest) -> HttpResponse:
    """Whom a statement must be for."""
    if not settings.PUBLISHER_ISSUERS:
        return JsonResponse({"message": OFF}, status=403)
    return JsonResponse({"audience": id_tokens.audience()})


@_in_english("POST")
def mint_token(request: HttpRequest) -> HttpResponse:
    """Swap `{"token": a statement}` for a token; 422 with a code and a sentence where it is refused."""
    if not settings.PUBLISHER_ISSUERS or not settings.UPLOADS:
        return _refused(422, "not-enabled", OFF if settings.UPLOADS else "Uploads are temporarily disabled.")
    text = _token_of(request)
    if text is None:
        return _refused(422, "invalid-payload", 'Send {"token": "…"} as JSON.')
    try:
        swapped = minting.swap(text, origin=origin_of(request))
    except (BadToken, Unfit) as error:
        return _refused(422, error.code, str(error))
    return JsonResponse({"success": True, "token": swapped.text, "expires": swapped.expires})


@_in_english("POST")
def burn_token(request: HttpRequest) -> HttpResponse:
    """Revoke `{"token": a publisher's token}`; 202 whatever it was, so that nobody learns of one by asking."""
    text = _token_of(request)
    try:
        opened = open_token(text or "")
    except TokenRefused:
        return HttpResponse(status=202)
    row = opened.row
    if row.publishers and not opened.narrowed:
        services.revoke(
            [row], actor=row.user, reason="its trusted publisher needs it no more", origin=origin_of(request)
        )
    return HttpResponse(status=202)


def _token_of(request: HttpRequest) -> str | None:
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST:
            return None
        found = json.loads(request.body)
    except (ValueError, RecursionError, BadRequest, RequestDataTooBig, UnreadablePostError):
        return None
    text = found.get("token") if isinstance(found, dict) else None
    return text if isinstance(text, str) and text.isascii() else None


def _refused(status: int, code: str, description: str, **headers: str) -> HttpResponse:
    body = {"message": "Token request failed", "errors": [{"code": code, "description": description}]}
    return JsonResponse(body, status=status, headers=headers)
