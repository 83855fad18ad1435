"""The claimant shows something bound to the account: a typed secret, a signed-in browser, a security key.

Nothing here signs anybody in: a key's answer is checked for the ticket's account and for this ticket, and forgotten.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from accounts import throttle, visits, webauthn
from accounts.mail import links
from accounts.models import User
from accounts.views.sign_in import KEY_FIELD
from audit.log import origin_of
from recoverydesk.recovery import errors, workflow
from recoverydesk.recovery.models import Claim, OtherProof, RecoveryTicket
from recoverydesk.recovery.permissions import Actor
from recoverydesk.recovery.public.forms import ProofForm
from recoverydesk.recovery.public.private_page import dead_link, private, ticket_of
from recoverydesk.recovery.workflow import other_proofs

PURPOSE: webauthn.Purpose = "recovery"


@private
def key_options(request: HttpRequest, key: str) -> HttpResponse:
    """What the browser is to ask a security key of the ticket's account, as JSON; 403 when there is nothing to ask."""
    try:
        ticket = ticket_of(links.resolve(key, "status"))
    except links.BadLink:
        return dead_link(request)
    if request.method != "POST" or not other_proofs.may_offer(ticket):
        return JsonResponse({"error": str(errors.NoTriesLeft())}, status=403)
    listed = ticket.claim == Claim.SECOND_FACTOR  # a contact nobody knew yet is not told which keys there are
    about = ticket.reference
    return JsonResponse(
        webauthn.begin_authentication(request, ticket.subject, PURPOSE, about=about, listed=listed)
    )  # fmt: skip


def offer(request: HttpRequest, ticket: RecoveryTicket, actor: Actor) -> None:
    """Offer what the form or the key holds; raises errors.RecoveryError.

    Counted per account, apart from its sign-in: neither uses up what the other may try.
    """
    given = _by_key(request, ticket) if KEY_FIELD in request.POST else _by_form(request)
    if given is None:
        messages.error(request, _("Choose what you still have."))
        return
    if given.kind != OtherProof.Kind.DEVICE and other_proofs.may_offer(ticket):
        throttle.count(request, "recover_proof", key=str(ticket.subject_id))
    workflow.offer_proof(ticket.pk, actor=actor, offer=given)
    messages.success(request, _("Thank you. This proof matches the account."))


def _by_key(request: HttpRequest, ticket: RecoveryTicket) -> workflow.Offer:
    answer = request.POST[KEY_FIELD]

    def check(subject: User) -> object:
        return webauthn.authenticate(request, subject, PURPOSE, answer, about=ticket.reference)

    return workflow.Offer(OtherProof.Kind.FACTOR, key=check)


def _by_form(request: HttpRequest) -> workflow.Offer | None:
    form = ProofForm(request.POST)
    if not form.is_valid():
        return None
    visitor = request.user if isinstance(request.user, User) else None
    kind, secret, since = form.cleaned_data["kind"], form.cleaned_data["secret"], visits.since(request)
    return workflow.Offer(kind, secret, visitor, origin_of(request), signed_in_at=since)
