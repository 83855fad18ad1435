"""The demo's pages: who can sign in with what, and every mail the desk has sent."""

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import icons
from recoverydesk.demo import inbox, logins, styles

PER_PAGE = 40
RELOAD = 10  # seconds: codes change and mails arrive while one looks


def _reloading(response: HttpResponse) -> HttpResponse:
    response.headers["Refresh"] = str(RELOAD)
    return response


@never_cache
@require_safe
def login_list(request: HttpRequest) -> HttpResponse:
    """Show every sample login with its password and its current code."""
    context = {"rows": logins.shown_logins(), "password": logins.PASSWORD, "wide": True}
    return _reloading(render(request, "demo/logins.html", context))


@never_cache
@require_safe
def inbox_list(request: HttpRequest) -> HttpResponse:
    """List all mails, newest first."""
    page = Paginator(inbox.names(), PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "letters": [inbox.read_mail(name) for name in page], "wide": True}
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


@require_safe
def styles_page(request: HttpRequest) -> HttpResponse:
    """Show every part that account and claimant pages are made of, in every state."""
    return render(request, "demo/styles.html", _styles() | {"buttons": styles.BUTTONS, "errors": styles.ERRORS})


@require_safe
def styles_desk_page(request: HttpRequest) -> HttpResponse:
    """Show the same parts in the frame of the desk."""
    context = {**admin.site.each_context(request), **_styles(), "buttons": styles.DESK_BUTTONS, "title": _("Styles")}
    return render(request, "demo/styles_desk.html", context)


def _styles() -> dict[str, object]:
    return {
        "badges": styles.BADGES,
        "notices": styles.NOTICES,
        "icons": icons.ICONS,
        "colours": styles.colours(),
        "form": styles.SampleForm(styles.SAMPLE),
    }


@require_safe
def styles_error_page(request: HttpRequest, name: str) -> HttpResponse:
    """Show the page of one error."""
    if name not in styles.ERRORS:
        raise Http404
    return HttpResponse(styles.error_page(request, name))
