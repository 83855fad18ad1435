"""What waits to be published in the projects of whoever is signed in. The batch decides who may (staging/batch.py)."""

import functools
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import decisions
from accounts.models import User
from accounts.visitor import account_of
from audit.log import origin_of
from recoverydesk.projects.sightings import Reader
from recoverydesk.recovery.code_hosts.described import parse_stored, stored_hosts
from recoverydesk.recovery.public.private_page import private
from recoverydesk.staging import batch, errors, showing


@login_required
@private
def staged(request: HttpRequest) -> HttpResponse:
    """POST: `publish` or `discard`, with a `release` (id and digest as shown) for each that was chosen."""
    if request.method == "POST":
        return _answer(request)
    user = cast(User, request.user)
    pages = Paginator(showing.of(user), showing.ON_A_PAGE)
    page = pages.get_page(request.GET.get("page", ""))
    return render(request, "projects/staged.html", {"page": page, "shown": showing.show(page, user, _reader())})


def _answer(request: HttpRequest) -> HttpResponse:
    verb = batch.PUBLISH if batch.PUBLISH in request.POST else batch.DISCARD if batch.DISCARD in request.POST else ""
    chosen = request.POST.getlist("release")[: showing.ON_A_PAGE + 1]
    seen = list(filter(None, map(_seen, chosen)))
    confirmed = decisions.confirmed(request)
    try:
        done = batch.decide(verb, seen, actor=account_of(request), origin=origin_of(request), confirmed=confirmed)
    except decisions.ConfirmationNeeded as needed:
        return decisions.ask_for_factor(request, needed, back=reverse("account_staged"))
    except errors.StagingError as refusal:
        messages.error(request, str(refusal))
        return redirect("account_staged")
    for outcome in done:
        if outcome.refusal:
            messages.error(request, f"{outcome.name}: {outcome.refusal}")
        else:
            said = _("%(name)s is published.") if verb == batch.PUBLISH else _("%(name)s is discarded.")
            messages.success(request, said % {"name": outcome.name})
    return redirect("account_staged")


def _seen(text: str) -> batch.Seen | None:
    """What a checkbox carries; None for what none of ours does."""
    uid, colon, digest = text.partition(":")
    try:
        return batch.Seen(UUID(uid), digest) if colon else None
    except ValueError:
        return None


def _reader() -> Reader:
    """Read URLs with the code hosts of this moment: one query for all of them."""
    hosts = stored_hosts()

    @functools.cache
    def read(url: str) -> tuple[str, str, str]:
        place = parse_stored(url, hosts)
        return place.host, place.namespace, place.repository

    return read
