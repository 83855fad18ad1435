"""The public pages. A GET changes nothing: mail scanners follow links."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts import outcomes, throttle
from accounts.mail import links
from accounts.mail.models import Link
from accounts.views.sign_in import KEY_FIELD
from audit.log import origin_of
from common import wake
from recoverydesk.recovery import errors, permissions, workflow
from recoverydesk.recovery.background import intake
from recoverydesk.recovery.models import RecoveryTicket, Status
from recoverydesk.recovery.public import ended_page, policy_page, proof_views, repeated, status_page
from recoverydesk.recovery.public.forms import ProofForm, RecoverForm
from recoverydesk.recovery.public.private_page import dead_link, private, ticket_of
from recoverydesk.recovery.workflow import closing

CHANGED = gettext_lazy("Your request has changed since you opened this page. This is where it stands now.")


@require_http_methods(["GET", "HEAD", "POST"])
def recover(request: HttpRequest) -> HttpResponse:
    """Ask to be let back in: notes down one row, whoever it names, and always answers the same."""
    if not settings.RECOVERY_HUMAN_RESET:
        return render(request, "recovery/switched_off.html")
    form = RecoverForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        throttle.count(request, "recover_request")
        intake.note_request(
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
            outcomes.keep_outcome(request, outcome_of(link), {"spent": used_up}, secret=code or None)
        return redirect(request.path)
    outcome = outcomes.take_outcome(request, outcome_of(link))
    code = outcome.secret or "" if outcome else ""
    if link.purpose == "confirm_contact":
        ticket = ticket_of(link)
        never = status_page.is_out_of_reach(ticket)
        return render(request, "recovery/confirm.html", {"ticket": ticket, "out_of_reach": never})
    page = status_page.status_page(ticket_of(link), return_code=code)
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


def outcome_of(link: Link) -> str:
    """Under which name the page waits that a button of this link leads to."""
    return f"{link.purpose} {link.pk}"


def _spent(request: HttpRequest, link: Link) -> HttpResponse:
    """The link is used up: how its request ended; or, while it is open, what its button led to."""
    ticket = ticket_of(link)
    if not ended_page.is_shown(ticket):
        return _confirmed(request, link, ticket)
    if request.method == "POST":
        if not ("withdraw" in request.POST and repeated.was_withdrawn(ticket)):
            messages.info(request, CHANGED)
        return redirect(request.path)
    return render(request, "recovery/ended.html", ended_page.ended_page(ticket, link))


def _confirmed(request: HttpRequest, link: Link, ticket: RecoveryTicket) -> HttpResponse:
    """The confirming button used the link up: said to the browser that sent it, also if it sends it again."""
    if request.method == "POST":
        if not ("pushed" in request.POST and repeated.was_confirmed_with(link, ticket)):
            return dead_link(request)
        outcomes.keep_outcome(request, outcome_of(link), {"spent": True})
        return redirect(request.path)
    outcome = outcomes.take_outcome(request, outcome_of(link))
    if outcome is None or not outcome.facts["spent"] or ticket.mailbox_confirmed_at is None:
        return dead_link(request)
    return render(request, "recovery/confirmed.html", {"ticket": ticket, "return_code": outcome.secret or ""})


def links_still(link: Link) -> bool:
    """Whether a link survived what was just done with it."""
    return Link.objects.filter(pk=link.pk, dead_at=None, used_at=None).exists()


def _act_as_claimant(request: HttpRequest, link: Link) -> str:
    """Do what the button says; returns the return code when there is one to show."""
    actor, ticket = permissions.claimant(link, origin_of(request)), ticket_of(link)
    try:
        if "withdraw" in request.POST:
            workflow.withdraw(ticket.pk, actor=actor)
        elif "pushed" in request.POST:
            return _confirm(ticket, actor)
        elif "message" in request.POST:
            workflow.write(ticket.pk, actor=actor, text=request.POST.get("text", ""))
            messages.success(request, _("Our staff have your message. They answer by mail."))
        elif link.purpose == "status" and ("proof" in request.POST or KEY_FIELD in request.POST):
            proof_views.offer(request, ticket, actor)
    except errors.InvalidTransition:  # looks and clocks move a request while its page is open
        messages.info(request, CHANGED)
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
        outcomes.keep_outcome(request, outcome_of(link), _no(request, link))
        return redirect(request.path)
    ticket, done = ticket_of(link), outcomes.take_outcome(request, outcome_of(link))
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


@require_http_methods(["GET", "HEAD"])
def policy(request: HttpRequest) -> HttpResponse:
    """What we ask for and how long it takes, with the numbers in force."""
    return render(request, "recovery/policy.html", policy_page.show_policy())
