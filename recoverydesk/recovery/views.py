"""The public pages. A GET changes nothing: mail scanners follow links."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.core import ratelimit
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import background, throttle
from accounts.clock import database_now
from accounts.mail import links
from accounts.mail.models import Link
from accounts.models import User
from accounts.second_factors import has_primary_factor, recent_second_factor, require_recent_second_factor
from audit.log import origin_of
from recoverydesk.projects import holds
from recoverydesk.recovery import (
    co_owning,
    errors,
    held,
    hooks,
    intake,
    passwords,
    permissions,
    policy_page,
    repeated,
    showing,
    workflow,
)
from recoverydesk.recovery.forms import ChoosePasswordForm, ProofForm, RecoverForm
from recoverydesk.recovery.models import OtherProof, RecoveryTicket, Status

View = Callable[..., HttpResponse]
LONGEST_NUMBER = 19


def _private(view: View) -> View:
    """A page behind a mailed key: never cached. The site's Referrer-Policy (same-origin) keeps its address at home.

    `no-referrer` would be stricter, but then browsers send `Origin: null` with our own forms, and CSRF refuses them.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        patch_cache_control(response, no_store=True, private=True)
        response["X-Robots-Tag"] = "noindex"
        return response

    return require_http_methods(["GET", "HEAD", "POST"])(wrapped)


@require_http_methods(["GET", "HEAD", "POST"])
def recover(request: HttpRequest) -> HttpResponse:
    """Ask to be let back in: notes down one row, whoever it names, and always answers the same."""
    if not settings.RECOVERY_HUMAN_RESET:
        return render(request, "recovery/switched_off.html")
    form = RecoverForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if limited := ratelimit.consume_or_429(request, action="recover"):
            return limited
        intake.ask(
            username=form.cleaned_data["username"],
            claim=form.cleaned_data["claim"],
            says_codes_lost=form.cleaned_data["codes"] == "lost",
            network=origin_of(request).network,
            contact=form.cleaned_data["contact"],
        )
        background.wake()
        return redirect("recover_received")
    return render(request, "recovery/recover.html", {"form": form})


@require_http_methods(["GET", "HEAD"])
def received(request: HttpRequest) -> HttpResponse:
    """The one answer to every request."""
    return render(request, "recovery/received.html")


def _dead_link(request: HttpRequest) -> HttpResponse:
    return render(request, "recovery/dead_link.html", status=404)


@_private
def status(request: HttpRequest, key: str) -> HttpResponse:
    """The claimant's page: state, repositories, "I have pushed them". A new contact confirms itself here first."""
    try:
        link = _resolve_first(key, "status", "confirm_contact")
    except links.BadLink:
        return _dead_link(request)
    code = ""
    if request.method == "POST":
        code = _act_as_claimant(request, link)
        if link.purpose == "confirm_contact" and not links_still(link):
            return _confirmed(request, link, code)
        if not code:
            return redirect(request.path) if links_still(link) else _closed(request, link)
    if link.purpose == "confirm_contact":
        return render(request, "recovery/confirm.html", {"ticket": _ticket(link)})
    page = showing.status_page(_ticket(link), return_code=code)
    return render(request, "recovery/status.html", page | {"proof_form": ProofForm()})


def _resolve_first(key: str, *purposes: str) -> Link:
    """The link of the first purpose this key opens; raises BadLink for none."""
    for purpose in purposes[:-1]:
        try:
            return links.resolve(key, purpose)
        except links.BadLink:
            continue
    return links.resolve(key, purposes[-1])


def _confirmed(request: HttpRequest, link: Link, code: str) -> HttpResponse:
    """The confirming link is spent: by the confirmation, or by "I did not ask"."""
    ticket = _ticket(link)
    if ticket.mailbox_confirmed_at is None:
        return _closed(request, link)
    return render(request, "recovery/confirmed.html", {"ticket": ticket, "return_code": code})


def links_still(link: Link) -> bool:
    """Whether a link survived what was just done with it."""
    return Link.objects.filter(pk=link.pk, dead_at=None, used_at=None).exists()


def _closed(request: HttpRequest, link: Link) -> HttpResponse:
    return render(request, "recovery/closed.html", {"ticket": _ticket(link)})


def _act_as_claimant(request: HttpRequest, link: Link) -> str:
    """Do what the pressed button says; returns the return code when there is one to show."""
    actor, ticket = permissions.claimant(link), _ticket(link)
    try:
        if "withdraw" in request.POST:
            workflow.withdraw(ticket.pk, actor=actor)
        elif "pushed" in request.POST:
            return _confirm(ticket, actor)
        elif "proof" in request.POST and link.purpose == "status":
            _offer(request, ticket, actor)
    except errors.RecoveryError as refusal:
        messages.error(request, str(refusal))
    return ""


def _offer(request: HttpRequest, ticket: RecoveryTicket, actor: permissions.Actor) -> None:
    """Something bound to the account. A password or code goes through the same limits as at sign-in."""
    form = ProofForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose what you still have."))
        return
    kind, subject = form.cleaned_data["kind"], ticket.subject
    if not _may_try(request, kind, subject):
        raise errors.TooOften
    visitor = request.user if isinstance(request.user, User) else None
    offer = workflow.Offer(kind, form.cleaned_data["secret"], visitor, origin_of(request))
    workflow.offer_proof(ticket.pk, actor=actor, offer=offer)
    messages.success(request, _("This matches the account. Thank you."))


def _may_try(request: HttpRequest, kind: str, subject: User) -> bool:
    if kind == OtherProof.Kind.FACTOR:
        return throttle.code_refused(request, subject, "second_factor") is None
    return kind == OtherProof.Kind.DEVICE or throttle.password_allowed(request, subject.username, "")


def _confirm(ticket: RecoveryTicket, actor: permissions.Actor) -> str:
    """The confirming POST: mailbox confirmed, looks due, the return code shown this once."""
    if ticket.status == Status.CHALLENGED:
        workflow.confirm_mailbox(ticket.pk, actor=actor)
        background.wake()
    return workflow.take_return_code(ticket.pk, actor=actor)


def _ticket(link: Link) -> RecoveryTicket:
    return RecoveryTicket.objects.select_related("subject").get(pk=int(link.reference.removeprefix("ticket:")))


@_private
def stop(request: HttpRequest, key: str) -> HttpResponse:
    """The owner's page: "this wasn't me". The mailed link opens it, only its buttons do anything."""
    try:
        link = links.resolve(key, "stop")
    except links.BadLink:
        return _dead_link(request)
    ticket, refused = _ticket(link), ""
    if request.method == "POST":
        try:
            _stop(ticket, permissions.address_holder(link), lock="lock" in request.POST)
            return render(request, "recovery/stopped.html", {"ticket": _ticket(link), "locked": "lock" in request.POST})
        except errors.RecoveryError as refusal:
            if repeated.was_stopped_with(link, _ticket(link), lock="lock" in request.POST):
                locked = {"ticket": _ticket(link), "locked": "lock" in request.POST}
                return render(request, "recovery/stopped.html", locked)
            refused = str(refusal)
    return render(request, "recovery/stop.html", {"ticket": _ticket(link), "refused": refused})


def _stop(ticket: RecoveryTicket, actor: permissions.Actor, *, lock: bool) -> None:
    if ticket.status == Status.COMPLETED:
        workflow.object_after_reset(ticket.pk, actor=actor)
    else:
        workflow.stop(ticket.pk, actor=actor, lock_account=lock)


@login_required
@_private
def mine(request: HttpRequest) -> HttpResponse:
    """What the subject, signed in, can say about the open requests for their account."""
    user = request.user
    assert isinstance(user, User)
    if request.method == "POST":
        recent = recent_second_factor(request)
        if "withdraw" in request.POST and not recent and has_primary_factor(user):
            raise ReauthenticationRequired
        since = hooks.factor_since(getattr(user, "otp_device", None))
        actor = permissions.signed_in(user, recent=recent, factor_since=since)
        try:
            ticket_id = _number(request.POST.get("ticket", ""))
            _answer(ticket_id, request.POST, actor)
            messages.success(request, _answered(ticket_id))
        except errors.RecoveryError as refusal:
            messages.error(request, str(refusal))
        return redirect("recover_mine")
    tickets = RecoveryTicket.objects.open().filter(subject=user).order_by("id")
    return render(request, "recovery/mine.html", {"tickets": tickets})


@login_required
@_private
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
            _say(request, permissions.signed_in(user, recent=recent))
            messages.success(request, _("Written down. Thank you."))
        except errors.RecoveryError as refusal:
            messages.error(request, str(refusal))
        return redirect("recover_beside")
    page = {"tickets": co_owning.open_beside(user), "held": holds.held_beside(user)}
    return render(request, "recovery/beside.html", page)


def _say(request: HttpRequest, actor: permissions.Actor) -> None:
    if "release" in request.POST:
        co_owning.release(int_or_zero(request.POST.get("role", "")), actor=actor, origin=origin_of(request))
        return
    ticket_id = _number(request.POST.get("ticket", ""))
    if "vouch" in request.POST:
        workflow.vouch(ticket_id, actor=actor)
    else:
        workflow.dispute(ticket_id, actor=actor, reason=request.POST.get("reason", "")[:500])


def int_or_zero(text: str) -> int:
    """A row's number; 0, which no row has, for whatever is none."""
    return int(text) if text.isdecimal() and len(text) < LONGEST_NUMBER else 0


@require_http_methods(["GET", "HEAD"])
def policy(request: HttpRequest) -> HttpResponse:
    """What we ask for and how long it takes, with the numbers in force."""
    return render(request, "recovery/policy.html", policy_page.page())


@login_required
@require_recent_second_factor
@_private
def held_tokens(request: HttpRequest) -> HttpResponse:
    """After a recovery: each held token is confirmed or revoked, all on one page."""
    user = request.user
    assert isinstance(user, User)
    if request.method == "POST":
        done = held.decide(user, request.POST.dict(), origin=origin_of(request))
        messages.success(request, _("%(kept)d kept, %(revoked)d revoked.") % done)
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


@_private
def password(request: HttpRequest, key: str) -> HttpResponse:
    """Choose a password after a reset; an expired link can be renewed for seven days, to the same mailbox."""
    try:
        link, expired = links.resolve(key, "choose_password"), False
    except links.ExpiredLink as late:
        link, expired = late.link, True
    except links.BadLink:
        return _dead_link(request)
    ticket = passwords.ticket_of(link)
    try:
        if request.method == "POST" and (expired or "renew" in request.POST):
            passwords.renew(link)
            return render(request, "recovery/password_renewed.html")
        if request.method == "POST" and "hold" in request.POST:
            passwords.start_hold(link)
            return redirect(request.path)
    except errors.RecoveryError as refusal:
        messages.error(request, str(refusal))
        return redirect(request.path)
    if expired:
        return render(
            request, "recovery/password_expired.html", {"ticket": ticket, "renewable": passwords.renewable(ticket)}
        )
    return _choose(request, link, ticket)


def _choose(request: HttpRequest, link: Link, ticket: RecoveryTicket) -> HttpResponse:
    held = ticket.password_hold_until
    over = held is not None and database_now() >= held
    form = ChoosePasswordForm(request.POST or None, user=ticket.subject, needs_code=not over)
    if request.method == "POST" and form.is_valid():
        attempt = passwords.Attempt(form.cleaned_data.get("code", ""), form.cleaned_data["password"])
        try:
            passwords.choose(link, attempt, origin=origin_of(request))
            messages.success(request, _("Your new password is set. Sign in, then add a second factor."))
            return redirect("account_login")
        except errors.WrongReturnCode as refusal:
            form.add_error("code", str(refusal))
        except errors.RecoveryError as refusal:
            form.add_error(None, str(refusal))
    return render(request, "recovery/password.html", {"form": form, "ticket": ticket, "held_until": held, "over": over})
