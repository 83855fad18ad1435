"""Pages of whoever is signed in: their own requests, those of people they share projects with, tokens on hold."""

from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.second_factors import has_primary_factor, recent_second_factor, require_recent_second_factor
from audit.log import origin_of
from recoverydesk.projects import holds
from recoverydesk.recovery import errors, permissions, workflow
from recoverydesk.recovery.after_reset import held_roles
from recoverydesk.recovery.after_reset import held_tokens as held
from recoverydesk.recovery.models import RecoveryTicket
from recoverydesk.recovery.public import co_owners, repeated
from recoverydesk.recovery.public.private_page import private

LONGEST_NUMBER = 19


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
@private
def co_owner_page(request: HttpRequest) -> HttpResponse:
    """What a co-owner can say: "I know they asked", "I object", and which roles on hold may act again."""
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
            messages.success(request, _("Written down. Thank you."))
        except errors.RecoveryError as refusal:
            messages.error(request, str(refusal))
        return redirect("recover_beside")
    page = {"tickets": co_owners.open_tickets_of_co_owners(user), "held": holds.releasable_by(user)}
    return render(request, "recovery/co_owners.html", page)


def _say(request: HttpRequest, actor: permissions.Actor) -> None:
    if "release" in request.POST:
        _release(int_or_zero(request.POST.get("role", "")), actor, request)
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


def int_or_zero(text: str) -> int:
    """A row's number; 0, which no row has, for whatever is none."""
    return int(text) if text.isdecimal() and len(text) < LONGEST_NUMBER else 0


@login_required
@require_recent_second_factor
@private
def held_tokens(request: HttpRequest) -> HttpResponse:
    """After a recovery: each held token is confirmed or revoked, all on one page."""
    user = request.user
    assert isinstance(user, User)
    if request.method == "POST":
        done = held.decide(user, request.POST.dict(), origin=origin_of(request))
        messages.success(request, _("%(kept)d kept, %(revoked)d revoked.") % done)
        if done["missed"]:
            messages.error(request, _("Some of these tokens are not on hold any more. The list shows what is left."))
        return redirect("recover_held_tokens")
    return render(request, "recovery/held_tokens.html", {"tokens": held.choices(user)})


def _answered(ticket_id: int) -> str:
    """What became of the request: with a young second factor a no disputes and does not close."""
    if RecoveryTicket.objects.get(pk=ticket_id).is_open:
        return _("We wrote down that you object. Two of our staff look at the request before anything happens.")
    return _("The request is closed.")


def _number(text: str) -> int:
    """A ticket's number; one that is not there is answered like somebody else's, which the verb refuses."""
    number = int_or_zero(text)
    if not RecoveryTicket.objects.filter(pk=number).exists():
        raise errors.NotAllowed
    return number


def _answer(ticket_id: int, form: Any, actor: permissions.Actor) -> None:
    if "withdraw" in form:
        workflow.withdraw(ticket_id, actor=actor)
    elif "stop" in form or "lock" in form:
        workflow.stop(ticket_id, actor=actor, lock_account="lock" in form)
