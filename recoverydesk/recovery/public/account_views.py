"""Pages of whoever is signed in: their own requests, those of people they share projects with, tokens on hold."""

from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.second_factors import has_primary_factor, recent_second_factor, require_recent_second_factor
from audit.log import origin_of
from common.clock import database_now
from common.numbers import whole_number
from recoverydesk.projects import holds, incidents
from recoverydesk.publishers import verbs
from recoverydesk.recovery import errors, permissions, workflow
from recoverydesk.recovery.after_reset import held_publishers, held_roles
from recoverydesk.recovery.after_reset import held_tokens as held
from recoverydesk.recovery.evidence import frozen_now, unused_links
from recoverydesk.recovery.models import Boundary, RecoveryTicket
from recoverydesk.recovery.public import co_owners, repeated
from recoverydesk.recovery.public.private_page import private


@login_required
@private
def mine(request: HttpRequest) -> HttpResponse:
    """What the subject, signed in, can say about the open requests for their account."""
    user = request.user
    assert isinstance(user, User)
    if request.method == "POST":
        recent = recent_second_factor(request)
        if "withdraw" in request.POST and not recent and has_primary_factor(user):
            raise ReauthenticationRequired
        since = permissions.factor_since(getattr(user, "otp_device", None))
        actor = permissions.signed_in(user, recent=recent, factor_since=since, origin=origin_of(request))
        try:
            ticket_id = _number(request.POST.get("ticket", ""))
            try:
                _answer(ticket_id, request.POST, actor)
            except errors.InvalidTransition:
                if not repeated.was_closed_by_subject(ticket_id, user):
                    raise
            messages.success(request, _answered(ticket_id))
        except errors.RecoveryError as refusal:
            messages.error(request, str(refusal))
        return redirect("recover_mine")
    tickets = RecoveryTicket.objects.open().filter(subject=user).order_by("id")
    return render(request, "recovery/mine.html", {"tickets": tickets})


@login_required
@require_safe
@private
def needed(request: HttpRequest) -> HttpResponse:
    """What the owner would have to prove if they lost their second factor today, and which links count for nothing."""
    user = request.user
    assert isinstance(user, User)
    now = database_now()
    asked = frozen_now.of_account(user, now)
    unused = unused_links.of_account(user, {(row.host, row.namespace) for row in asked}, now)
    kinds = {kind.value: [row for row in asked if row.kind == kind] for kind in Boundary.Kind}
    page = {**kinds, "unused": unused, "young_days": settings.RECOVERY_YOUNG_LINK.days}
    return render(request, "recovery/needed.html", page)


@login_required
@private
def co_owner_page(request: HttpRequest) -> HttpResponse:
    """What a co-owner can say: "I know they asked", "I object", and which resting roles may act again.

    Whose own roles rest sees here until when.
    """
    user = request.user
    assert isinstance(user, User)
    if request.method == "POST":
        recent = recent_second_factor(request)
        if "object" not in request.POST and not recent:
            if has_primary_factor(user):
                raise ReauthenticationRequired
            messages.error(request, str(errors.StepUpRequired()))
            return redirect("recover_beside")
        try:
            _say(request, permissions.signed_in(user, recent=recent, origin=origin_of(request)))
            messages.success(request, _("Thank you. We have your answer, and our staff see it."))
        except errors.RecoveryError as refusal:
            messages.error(request, str(refusal))
        return redirect("recover_beside")
    page = {
        "tickets": co_owners.open_tickets_of_co_owners(user),
        "rests": holds.describe(holds.releasable_by(user)),
        "own_rests": holds.describe(holds.resting().filter(user=user)),
    }
    return render(request, "recovery/co_owners.html", page)


def _say(request: HttpRequest, actor: permissions.Actor) -> None:
    if "release" in request.POST:
        _release(whole_number(request.POST.get("role", "")) or 0, actor, request)
        return
    ticket_id = _number(request.POST.get("ticket", ""))
    if "vouch" in request.POST:
        workflow.vouch(ticket_id, actor=actor)
    else:
        workflow.dispute(ticket_id, actor=actor, reason=request.POST.get("reason", "")[:500])


def _release(role_id: int, actor: permissions.Actor, request: HttpRequest) -> None:
    try:
        held_roles.release(role_id, actor=actor, origin=origin_of(request))
    except errors.RoleHeld:
        if actor.user is None or not repeated.was_released_by(role_id, actor.user):
            raise


@login_required
@require_recent_second_factor
@private
def held_tokens(request: HttpRequest) -> HttpResponse:
    """After a recovery: each held token and publisher is kept or ended, all on one page."""
    user = request.user
    assert isinstance(user, User)
    if request.method == "POST":
        form, origin = request.POST.dict(), origin_of(request)
        tokens, publishers = held.decide(user, form, origin=origin), held_publishers.decide(user, form, origin=origin)
        done = {name: tokens[name] + publishers[name] for name in tokens}
        messages.success(request, _("Tokens and trusted publishers: %(kept)d kept, %(revoked)d revoked.") % done)
        if incidents.touching(user).exists():
            messages.error(request, str(verbs.Incident()))
        elif done["missed"]:
            messages.error(request, _("Some of these tokens are not on hold any more. The list shows what is left."))
        return redirect("recover_held_tokens")
    page = {"tokens": held.choices(user), "publishers": held_publishers.choices(user)}
    return render(request, "recovery/held_tokens.html", page)


def _answered(ticket_id: int) -> str:
    """What became of the request: with a new second factor a no disputes and does not close."""
    if RecoveryTicket.objects.get(pk=ticket_id).is_open:
        return _("We have your objection. Nothing happens until two of our staff have decided.")
    return _("The request is closed.")


def _number(text: str) -> int:
    """A ticket's number; one that is not there is answered like somebody else's, which the verb refuses."""
    number = whole_number(text) or 0
    if not RecoveryTicket.objects.filter(pk=number).exists():
        raise errors.NotAllowed
    return number


def _answer(ticket_id: int, form: Any, actor: permissions.Actor) -> None:
    if "withdraw" in form:
        workflow.withdraw(ticket_id, actor=actor)
    elif "stop" in form or "lock" in form:
        workflow.stop(ticket_id, actor=actor, lock_account="lock" in form)
