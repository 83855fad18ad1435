"""The public pages. A GET changes nothing: mail scanners follow links."""

from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import outcomes, password_tries, throttle
from accounts.mail import links
from accounts.mail.models import Link
from accounts.models import User
from accounts.second_factors import has_primary_factor, recent_second_factor, require_recent_second_factor
from accounts.views.sign_in import KEY_FIELD
from audit.log import origin_of
from common import wake
from common.clock import database_now
from recoverydesk.projects import holds
from recoverydesk.recovery import errors, hooks, permissions, summary, workflow
from recoverydesk.recovery.after_reset import choose_password, held_roles
from recoverydesk.recovery.after_reset import held_tokens as held
from recoverydesk.recovery.background import intake
from recoverydesk.recovery.models import RecoveryTicket, Status
from recoverydesk.recovery.public import policy_page, proof_views, repeated
from recoverydesk.recovery.public.forms import ChoosePasswordForm, ProofForm, RecoverForm
from recoverydesk.recovery.public.private_page import dead_link, private, ticket_of
from recoverydesk.recovery.workflow import closing

LONGEST_NUMBER = 19


@require_http_methods(["GET", "HEAD", "POST"])
def recover(request: HttpRequest) -> HttpResponse:
    """Ask to be let back in: notes down one row, whoever it names, and always answers the same."""
    if not settings.RECOVERY_HUMAN_RESET:
        return render(request, "recovery/switched_off.html")
    form = RecoverForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        throttle.count(request, "recover_request")
        intake.ask(
            username=form.cleaned_data["username"],
            claim=form.cleaned_data["claim"],
            says_codes_lost=form.cleaned_data["codes"] == "lost",
            network=origin_of(request).network,
            contact=form.cleaned_data["contact"],
        )
        wake.wake()
        return redirect("recover_received")
    return render(request, "recovery/recover.html", {"form": form})


@require_http_methods(["GET", "HEAD"])
def received(request: HttpRequest) -> HttpResponse:
    """The one answer to every request."""
    return render(request, "recovery/received.html")


@private
def status(request: HttpRequest, key: str) -> HttpResponse:
    """The claimant's page: state, repositories, "I have pushed them". A new contact confirms itself here first."""
    try:
        link = _resolve_first(key, "status", "confirm_contact")
    except links.SpentLink as spent:
        return _spent(request, spent.link)
    except links.BadLink:
        return dead_link(request)
    if request.method == "POST":
        code = _act_as_claimant(request, link)
        if (used_up := not links_still(link)) or code:
            outcomes.keep(request, _outcome(link), {"spent": used_up}, secret=code or None)
        return redirect(request.path)
    outcome = outcomes.take(request, _outcome(link))
    code = outcome.secret or "" if outcome else ""
    if link.purpose == "confirm_contact":
        return render(request, "recovery/confirm.html", {"ticket": ticket_of(link)})
    page = summary.status_page(ticket_of(link), return_code=code)
    options = reverse("recover_key_options", args=[key])
    return render(request, "recovery/status.html", page | {"proof_form": ProofForm(), "key_options": options})


def _resolve_first(key: str, *purposes: str) -> Link:
    """The link of the first purpose this key opens; raises BadLink for none."""
    for purpose in purposes[:-1]:
        try:
            return links.resolve(key, purpose)
        except links.OldLink:
            raise
        except links.BadLink:
            continue
    return links.resolve(key, purposes[-1])


def _outcome(link: Link) -> str:
    """Under which name the page waits that a button of this link leads to."""
    return f"{link.purpose} {link.pk}"


def _spent(request: HttpRequest, link: Link) -> HttpResponse:
    """A button used the link up: the page it leads to, for the browser that pressed it, also if pressed again."""
    if request.method == "POST":
        if not _was_pressed_before(request, link):
            return dead_link(request)
        outcomes.keep(request, _outcome(link), {"spent": True})
        return redirect(request.path)
    outcome = outcomes.take(request, _outcome(link))
    if outcome is None or not outcome.facts["spent"]:  # it ended otherwise: by a reset, a stop, its time
        return dead_link(request)
    ticket = ticket_of(link)
    if link.purpose == "status" or ticket.mailbox_confirmed_at is None:
        return render(request, "recovery/closed.html", {"ticket": ticket})
    return render(request, "recovery/confirmed.html", {"ticket": ticket, "return_code": outcome.secret or ""})


def _was_pressed_before(request: HttpRequest, link: Link) -> bool:
    ticket = ticket_of(link)
    if "withdraw" in request.POST:
        return repeated.was_withdrawn(ticket)
    return "pushed" in request.POST and repeated.was_confirmed_with(link, ticket)


def links_still(link: Link) -> bool:
    """Whether a link survived what was just done with it."""
    return Link.objects.filter(pk=link.pk, dead_at=None, used_at=None).exists()


def _act_as_claimant(request: HttpRequest, link: Link) -> str:
    """Do what the pressed button says; returns the return code when there is one to show."""
    actor, ticket = permissions.claimant(link, origin_of(request)), ticket_of(link)
    try:
        if "withdraw" in request.POST:
            workflow.withdraw(ticket.pk, actor=actor)
        elif "pushed" in request.POST:
            return _confirm(ticket, actor)
        elif link.purpose == "status" and ("proof" in request.POST or KEY_FIELD in request.POST):
            proof_views.offer(request, ticket, actor)
    except errors.InvalidTransition:  # looks and clocks move a request while its page is open
        messages.info(request, _("Your request went on while this page was open. This is where it stands now."))
    except errors.RecoveryError as refusal:
        messages.error(request, str(refusal))
    return ""


def _confirm(ticket: RecoveryTicket, actor: permissions.Actor) -> str:
    """The confirming POST: mailbox confirmed, looks due, the return code shown this once."""
    workflow.confirm_mailbox(ticket.pk, actor=actor)
    wake.wake()
    return workflow.take_return_code(ticket.pk, actor=actor)


@private
def stop(request: HttpRequest, key: str) -> HttpResponse:
    """The owner's page: "this wasn't me". The mailed link opens it, only its buttons do anything."""
    try:
        link = links.resolve(key, "stop")
    except links.BadLink:
        return dead_link(request)
    if request.method == "POST":
        outcomes.keep(request, _outcome(link), _no(request, link))
        return redirect(request.path)
    ticket, done = ticket_of(link), outcomes.take(request, _outcome(link))
    facts = done.facts if done else {"refused": ""}
    template = "recovery/stop.html" if "refused" in facts else "recovery/stopped.html"
    may_lock = closing.may_still_lock(ticket, link.recipient.lower())
    return render(request, template, {"ticket": ticket, "may_lock": may_lock, **facts})


def _no(request: HttpRequest, link: Link) -> dict[str, Any]:
    """Say no, and return what the next page tells: whether the account was locked, or why it was refused."""
    ticket, lock = ticket_of(link), "lock" in request.POST
    try:
        _stop(ticket, permissions.address_holder(link, origin_of(request)), lock=lock)
    except errors.RecoveryError as refusal:
        if not repeated.was_stopped_with(link, ticket_of(link), lock=lock):
            return {"refused": str(refusal)}
    return {"locked": lock}


def _stop(ticket: RecoveryTicket, actor: permissions.Actor, *, lock: bool) -> None:
    """Stop it; when it is reset already, or in this very moment, object."""
    if ticket.status != Status.COMPLETED:
        try:
            workflow.stop(ticket.pk, actor=actor, lock_account=lock)
        except errors.InvalidTransition:
            if not RecoveryTicket.objects.filter(pk=ticket.pk, status=Status.COMPLETED).exists():
                raise
        else:
            return
    workflow.object_after_reset(ticket.pk, actor=actor)


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
        since = hooks.factor_since(getattr(user, "otp_device", None))
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
def beside(request: HttpRequest) -> HttpResponse:
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
    page = {"tickets": held_roles.open_beside(user), "held": holds.held_beside(user)}
    return render(request, "recovery/beside.html", page)


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


@require_http_methods(["GET", "HEAD"])
def policy(request: HttpRequest) -> HttpResponse:
    """What we ask for and how long it takes, with the numbers in force."""
    return render(request, "recovery/policy.html", policy_page.page())


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


def _answer(ticket_id: int, pressed: Any, actor: permissions.Actor) -> None:
    if "withdraw" in pressed:
        workflow.withdraw(ticket_id, actor=actor)
    elif "stop" in pressed or "lock" in pressed:
        workflow.stop(ticket_id, actor=actor, lock_account="lock" in pressed)


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
            outcomes.keep(request, _outcome(link))
            return redirect(request.path)
        if request.method == "POST" and "hold" in request.POST:
            choose_password.start_hold(link, origin=origin_of(request))
            return redirect(request.path)
    except errors.RecoveryError as refusal:
        messages.error(request, str(refusal))
        return redirect(request.path)
    if request.method != "POST" and outcomes.take(request, _outcome(link)):
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
        outcomes.keep(request, _outcome(link))
        return redirect(request.path)
    if request.method != "POST" and outcomes.take(request, _outcome(link)):
        return render(request, "recovery/password_renewed.html")
    return dead_link(request)


def _choose(request: HttpRequest, link: Link, ticket: RecoveryTicket) -> HttpResponse:
    held = ticket.password_hold_until
    over = held is not None and database_now() >= held
    form = ChoosePasswordForm(request.POST or None, user=ticket.subject, needs_code=not over)
    if request.method == "POST" and form.is_valid():
        attempt = choose_password.Attempt(form.cleaned_data.get("code", ""), form.cleaned_data["password"])
        try:
            choose_password.choose(link, attempt, origin=origin_of(request))
            password_tries.let_in(request, ticket.subject)
            messages.success(request, _("Your new password is set. Sign in, then add a second factor."))
            return redirect("account_login")
        except errors.WrongReturnCode as refusal:
            form.add_error("code", str(refusal))
        except errors.RecoveryError as refusal:
            form.add_error(None, str(refusal))
    return render(request, "recovery/password.html", {"form": form, "ticket": ticket, "held_until": held, "over": over})
