"""For every request of somebody signed in: is the session still good, which language and clock do they read, and do
they owe their account a second factor first."""

import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.messages.storage.session import SessionStorage
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts import known_browsers, outcomes, requirement, visits
from accounts.models import User
from audit.log import origin_of, record
from audit.tags import Tag

SAID = (outcomes.NAME, SessionStorage.session_key)  # entries that tell what was done, and no more
Answer = Callable[[HttpRequest], HttpResponseBase]


class SessionMiddleware(DjangoSessionMiddleware):
    """Django's, for what ends the very session it is done in: a freeze, a stop, the same answer posted twice.

    What that has to say is kept in a session of a visitor, where Django would answer 400 in its place.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        try:
            return super().process_response(request, response)
        except SessionInterrupted:
            said = {key: value for key, value in request.session.items() if key.startswith(SAID)}
            request.session.flush()
            request.session.update(said)
            return super().process_response(request, response)


def signed_in(get_response: Answer) -> Answer:
    """End sessions whose time is up, note the others as seen, speak the account's language in its time zone."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        user = _still_here(request)
        if user is not None:
            _speak(request, user)
        with timezone.override(_zone(request, user)):
            response = _enrol_first(request) if requirement.closes(request) else get_response(request)
        known_browsers.set_cookie(request, response)
        return response

    return middleware


def no_store(get_response: Answer) -> Answer:
    """Nothing answered to a browser with a session is kept: neither by a proxy nor for Back after signing out.

    It stands outside all that answers early: redirects, refused forms, errors. Static files and the package index are
    the same for everybody and answered before there is a session.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        said = response.headers.get("Cache-Control", "")
        here = settings.SESSION_COOKIE_NAME in request.COOKIES or not request.session.is_empty()
        if here and "no-store" not in said:
            response.headers["Cache-Control"] = "no-store"
        return response

    return middleware


def _still_here(request: HttpRequest) -> User | None:
    user = request.user
    if not isinstance(user, User):
        return None
    if visits.over(request, user):
        record(Tag.ACCOUNT_SESSION_END, actor="system", subject=user, origin=origin_of(request), why="time")
        logout(request)
        return None
    visits.touch(request)
    return user


def _enrol_first(request: HttpRequest) -> HttpResponseBase:
    """Lead to the second factors. What was posted is dropped: nothing of it is kept or done later."""
    messages.info(
        request,
        _(
            "Your account needs a second factor. Add one now. Until then, you cannot open the "
            "other pages of your account."
        ),
    )
    return HttpResponseRedirect(reverse("account_security"))


def _speak(request: HttpRequest, user: User) -> None:
    if user.language in dict(settings.LANGUAGES):
        translation.activate(user.language)
        request.LANGUAGE_CODE = translation.get_language()


def _zone(request: HttpRequest, user: User | None) -> zoneinfo.ZoneInfo | None:
    """The account's time zone; None (the site's, UTC) for visitors and for the desk, whose times are compared."""
    if user is None or request.path.startswith(reverse("admin:index")):
        return None
    try:
        return zoneinfo.ZoneInfo(user.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None
