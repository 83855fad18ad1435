"""The page of sessions: where the account is signed in, end one, end all the others."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import browsers, networks, visits
from accounts.models import Session
from accounts.visitor import account_of
from audit.log import origin_of


@never_cache
@login_required
@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    """Every browser that is signed in, this one first."""
    here = visits.current(request)
    lines = [_line(row, here, request) for row in visits.visits_of_user(account_of(request))]
    lines.sort(key=lambda line: not line["here"])
    return render(request, "accounts/sessions.html", {"sessions": lines})


def _line(row: Session, here: str, request: HttpRequest) -> dict[str, Any]:
    return {
        "uid": row.uid,
        "here": str(row.uid) == here,
        "device": browsers.describe(row.device) or _("an unknown browser"),
        "network": networks.describe(row.network, origin_of(request).network),
        "signed_in_at": row.signed_in_at,
        "last_seen": row.last_seen,
    }


@login_required
@require_POST
def session_end(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Sign one browser out."""
    user = account_of(request)
    if not visits.end(user, uid, actor=user, origin=origin_of(request)):
        raise Http404
    messages.success(request, _("That session was ended."))
    return redirect("account_sessions")


@login_required
@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    """Sign every other browser out."""
    user = account_of(request)
    ended = visits.end_others(user, request.session.session_key or "", actor=user, origin=origin_of(request))
    said = ngettext("%(number)s other session was ended.", "%(number)s other sessions were ended.", ended)
    messages.success(request, said % {"number": ended})
    return redirect("account_sessions")
