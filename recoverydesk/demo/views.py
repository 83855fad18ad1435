"""The demo's pages: who can sign in with what, and every mail the desk has sent."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from recoverydesk.demo import inbox, logins

PER_PAGE = 40
RELOAD = 10  # seconds: codes change and mails arrive while one looks


def _reloading(response: HttpResponse) -> HttpResponse:
    response.headers["Refresh"] = str(RELOAD)
    return response


@never_cache
@require_safe
def login_list(request: HttpRequest) -> HttpResponse:
    """Show every sample login with its password and its current code."""
    context = {"rows": logins.shown_logins(), "password": logins.PASSWORD}
    return _reloading(render(request, "demo/logins.html", context))


@never_cache
@require_safe
def inbox_list(request: HttpRequest) -> HttpResponse:
    """List all mails, newest first."""
    page = Paginator(inbox.names(), PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "letters": [inbox.read_mail(name) for name in page]}
    return _reloading(render(request, "demo/inbox.html", context))


@never_cache
@require_safe
def inbox_letter(request: HttpRequest, name: str) -> HttpResponse:
    """Show one mail as plain text with its links made clickable."""
    try:
        letter = inbox.read_mail(name)
    except FileNotFoundError as error:
        raise Http404 from error
    return render(request, "demo/letter.html", {"letter": letter})
