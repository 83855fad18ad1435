"""A second factor shown a moment ago, which the weighty pages ask for."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

from accounts.factors import has_primary_factor

METHOD = "second_factor"
KEY_DEVICES = "django_otp_webauthn.webauthncredential/"  # how django-otp's ids of security keys begin
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def recent_second_factor(request: HttpRequest) -> bool:
    """Whether this session's second factor was shown within RECENT_SECOND_FACTOR (app clock) and still exists."""
    user = request.user
    if not (user.is_authenticated and getattr(user, "otp_device", None)):
        return False
    return any(one.get("method") == METHOD for one in _recent_records(request))


def recent_staff_factor(request: HttpRequest) -> bool:
    """The same for a staff decision: with STAFF_STEP_UP=webauthn only a security key counts."""
    if not recent_second_factor(request):
        return False
    wanted = KEY_DEVICES if settings.STAFF_STEP_UP == "webauthn" else ""
    shown = (str(one.get("device", "")) for one in _recent_records(request) if one.get("method") == METHOD)
    return any(device.startswith(wanted) for device in shown)


def may_change_account(request: HttpRequest) -> bool:
    """A recent second factor; for an account that has none yet, a recently typed password."""
    if not request.user.is_authenticated:
        return False
    if has_primary_factor(request.user):
        return recent_second_factor(request)
    return any(one.get("reauthenticated") or one.get("method") == "password" for one in _recent_records(request))


def require_recent_second_factor(view: View[P]) -> View[P]:
    """Send the visitor to the step-up page first, and back here afterwards; a POST is replayed."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not may_change_account(request):
            raise ReauthenticationRequired
        return view(request, *args, **kwargs)

    return cast(View[P], guarded)


def require_recent_staff_factor(view: View[P]) -> View[P]:
    """For staff decisions: `recent_staff_factor`, or the step-up page first; a POST is replayed."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not recent_staff_factor(request):
            raise ReauthenticationRequired
        return view(request, *args, **kwargs)

    return cast(View[P], guarded)


def require_recent_second_factor_for_form(view: View[P]) -> View[P]:
    """The same for forms with passwords in them: a POST that comes too late is not kept, the form is shown again."""
    guarded = require_recent_second_factor(view)

    @wraps(view)
    def forgetful(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.method == "POST" and not may_change_account(request):
            return HttpResponseRedirect(request.path)
        return guarded(request, *args, **kwargs)

    return cast(View[P], forgetful)


def _recent_records(request: HttpRequest) -> list[dict[str, Any]]:
    if not request.user.is_authenticated:
        return []
    now, recent = time.time(), settings.RECENT_SECOND_FACTOR.total_seconds()  # a clock that was ahead proves nothing
    return [one for one in get_authentication_records(request, request.user) if abs(now - one["at"]) <= recent]
