"""The page behind the link to choose a password."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import outcomes, password_tries, second_factors
from accounts.mail import links
from accounts.mail.models import Link
from accounts.models import User
from accounts.second_factors import has_primary_factor
from accounts.stages import sign_in_with_new_password
from audit.log import origin_of
from common.clock import database_now
from recoverydesk.recovery import errors
from recoverydesk.recovery.after_reset import choose_password
from recoverydesk.recovery.models import RecoveryTicket
from recoverydesk.recovery.public import repeated
from recoverydesk.recovery.public.forms import ChoosePasswordForm
from recoverydesk.recovery.public.private_page import dead_link, private
from recoverydesk.recovery.public.views import outcome_of


@private
def password(request: HttpRequest, key: str) -> HttpResponse:
    """Choose a password after a reset; an expired link can be renewed for seven days, to the same mailbox."""
    try:
        link, expired = links.resolve(key, "choose_password"), False
    except links.ExpiredLink as late:
        link, expired = late.link, True
    except links.SpentLink as spent:
        return _renewed_before(request, spent.link)
    except links.BadLink:
        return dead_link(request)
    ticket = choose_password.ticket_of(link)
    try:
        if request.method == "POST" and (expired or "renew" in request.POST):
            choose_password.renew(link, origin=origin_of(request))
            outcomes.keep_outcome(request, outcome_of(link))
            return redirect(request.path)
        if request.method == "POST" and "hold" in request.POST:
            choose_password.start_hold(link, origin=origin_of(request))
            return redirect(request.path)
    except errors.RecoveryError as refusal:
        messages.error(request, str(refusal))
        return redirect(request.path)
    if request.method != "POST" and outcomes.take_outcome(request, outcome_of(link)):
        return render(request, "recovery/password_renewed.html")
    if expired:
        return render(
            request,
            "recovery/password_expired.html",
            {"ticket": ticket, "renewable": choose_password.renewable(ticket)},
        )
    return _choose(request, link, ticket)


def _renewed_before(request: HttpRequest, link: Link) -> HttpResponse:
    """The link gave way to a newer one: said to the browser that asked for it, also if it asks again."""
    if "renew" in request.POST and repeated.was_renewed(link):
        outcomes.keep_outcome(request, outcome_of(link))
        return redirect(request.path)
    if request.method != "POST" and outcomes.take_outcome(request, outcome_of(link)):
        return render(request, "recovery/password_renewed.html")
    return dead_link(request)


def _let_in(request: HttpRequest, user: User) -> HttpResponse:
    """Signed in at once, as with the password just typed; who has no second factor goes on to add an app."""
    password_tries.let_in(request, user)
    messages.success(request, _("Your new password is set."))
    answer = cast(HttpResponse, sign_in_with_new_password(request, user, reverse("account_security")))
    if has_primary_factor(user) or not request.user.is_authenticated:
        return answer
    return redirect("account_totp_confirm", second_factors.start_totp(user, _("Authenticator app")).pk)


def _choose(request: HttpRequest, link: Link, ticket: RecoveryTicket) -> HttpResponse:
    held = ticket.password_hold_until
    over = held is not None and database_now() >= held
    form = ChoosePasswordForm(request.POST or None, user=ticket.subject, needs_code=not over)
    if request.method == "POST" and form.is_valid():
        attempt = choose_password.Attempt(form.cleaned_data.get("code", ""), form.cleaned_data["password"])
        try:
            done = choose_password.choose(link, attempt, origin=origin_of(request))
            return _let_in(request, done.subject)
        except errors.WrongReturnCode as refusal:
            form.add_error("code", str(refusal))
        except errors.RecoveryError as refusal:
            form.add_error(None, str(refusal))
    return render(request, "recovery/password.html", {"form": form, "ticket": ticket, "held_until": held, "over": over})
