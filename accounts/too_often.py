"""The one answer to who asks too often: 429 with `Retry-After`, and a sentence that says when again."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

STATUS = 429
SOON = 60  # seconds, where nobody has counted
HTML, JSON, PROBLEM = "text/html", "application/json", "application/problem+json"


def answer(request: HttpRequest, seconds: int) -> HttpResponse:
    """The page, or JSON for a program that asks for it."""
    kind, said = request.get_preferred_type([HTML, JSON, PROBLEM]), sentence(seconds)
    if kind in (JSON, PROBLEM):
        body = {"type": "about:blank", "title": _("Too many requests"), "status": STATUS, "detail": said, "error": said}
        response: HttpResponse = JsonResponse(body, content_type=kind)
    else:
        response = render(request, "429.html", {"sentence": said})
    response.status_code = STATUS
    response.headers["Retry-After"] = str(seconds)
    response.headers["Cache-Control"] = "no-store"
    return response


def handler429(request: HttpRequest) -> HttpResponse:
    """What allauth answers with, should a limit of its own ever be reached."""
    return answer(request, SOON)


def headers(seconds: int) -> dict[str, str]:
    """RFC 9110 section 10.2.3."""
    return {"Retry-After": str(seconds)}


def sentence(seconds: int) -> str:
    """When again, in one sentence."""
    return _("That was too often. Try again in %(span)s, at %(time)s.") % when(seconds)


def when(seconds: int) -> dict[str, str]:
    """The span until then, rounded up ("42 seconds", "5 minutes"), and the time on the reader's clock."""
    time = localtime(timezone.now() + timedelta(seconds=seconds))
    return {"span": _span(seconds), "time": date_format(time, "H:i:s e")}


def _span(seconds: int) -> str:
    if seconds < 2 * 60:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    minutes = -(-seconds // 60)
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
