"""Other proofs: something bound to the account, offered by the claimant, and a co-owner's word.

What is bound to the account (the current password, a live API token, a signed-in browser, a remaining factor) can
open a row of the policy table that is closed without it. It never replaces a boundary and never shortens a clock. A
co-owner's word is shown to staff and does neither.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import F

from accounts import second_factors, sign_in, webauthn
from accounts.models import User
from audit.log import RequestOrigin
from audit.tags import Tag
from recoverydesk.projects import people
from recoverydesk.projects.roles import in_quarantine
from recoverydesk.recovery import errors
from recoverydesk.recovery.models import OtherProof, RecoveryTicket, Status
from recoverydesk.recovery.permissions import Actor
from recoverydesk.recovery.workflow.advancing import advance
from recoverydesk.recovery.workflow.locked_ticket import LockedTicket, record, save, verb
from recoverydesk.recovery.workflow.table import Verb
from tokens import checking

MOST_FAILURES = 5
Kind = OtherProof.Kind


@dataclass(frozen=True)
class Offer:
    """What the claimant offers: a typed secret, a security key's answer, or who is signed in in this browser.

    `key` checks the answer for the account it is given, inside the verb's transaction; it raises webauthn.KeyRefused.
    """

    kind: str
    secret: str = ""
    visitor: User | None = None
    origin: RequestOrigin | None = None
    key: Callable[[User], object] | None = None


def may_offer(ticket: RecoveryTicket) -> bool:
    """Whether the claimant may still offer something: while the ticket asks for proof, until five were wrong."""
    return ticket.status == Status.CHALLENGED and ticket.proof_failures < MOST_FAILURES


def offer_proof(ticket_id: int, *, actor: Actor, offer: Offer) -> RecoveryTicket:
    """Check an offered proof and keep it. Five wrong ones per ticket are counted; none is checked after that.

    Raises WrongProof and NoTriesLeft. The caller has asked the sign-in limiter.
    """
    with verb(Verb.OFFER_PROOF, ticket_id, actor) as locked:
        ticket = locked.ticket
        if ticket.proof_failures >= MOST_FAILURES:
            raise errors.NoTriesLeft
        right = _is_right(ticket.subject, offer)
        if right:
            _keep(locked, offer.kind)
            return advance(locked)
        RecoveryTicket.objects.filter(pk=ticket.pk).update(proof_failures=F("proof_failures") + 1)
        record(
            Tag.ACCOUNT_RECOVERY_REFUSED, ticket, actor,
            verb=Verb.OFFER_PROOF.value, status=ticket.status, error="WrongProof", kind=offer.kind,
        )  # fmt: skip
    raise errors.WrongProof


def _is_right(subject: User, offer: Offer) -> bool:
    if offer.kind == Kind.PASSWORD:
        return sign_in.password_is_right(subject, offer.secret)
    if offer.kind == Kind.API_TOKEN:
        return _is_own_token(subject, offer.secret)
    if offer.kind == Kind.FACTOR and offer.key is not None:
        return _answers(offer.key, subject)
    if offer.kind == Kind.FACTOR:
        return second_factors.verify_code(subject, offer.secret, origin=offer.origin, counted=False) is not None
    return offer.kind == Kind.DEVICE and offer.visitor is not None and offer.visitor.pk == subject.pk


def _answers(key: Callable[[User], object], subject: User) -> bool:
    """A security key of this very account answered the question asked for this ticket."""
    try:
        key(subject)
    except webauthn.KeyRefused:
        return False
    return True


def _is_own_token(subject: User, text: str) -> bool:
    """A token that opens something today, made by this very account."""
    try:
        return checking.open_token(text.strip()).user.pk == subject.pk
    except checking.TokenRefused:
        return False


def _keep(locked: LockedTicket, kind: str) -> None:
    _proof, new = OtherProof.objects.get_or_create(ticket=locked.ticket, kind=kind, by=None)
    if new:
        save(locked, Tag.ACCOUNT_RECOVERY_OTHER_PROOF, kind=kind)


def check_word(owner: User, subject: User) -> None:
    """Design rule 9: whoever was let back in recently vouches for nobody. Raises InQuarantine and RoleRests."""
    if in_quarantine(owner):
        raise errors.InQuarantine
    if not people.co_owns(owner, subject, acting=True):
        raise errors.RoleRests


def vouch(ticket_id: int, *, actor: Actor) -> RecoveryTicket:
    """A co-owner says, from their own account and with a second factor, that this is the owner.

    Staff see it; it is never bound to the account. Raises StepUpRequired, and what `check_word` raises.
    """
    with verb(Verb.VOUCH, ticket_id, actor) as locked:
        if not actor.recent or actor.user is None:
            raise errors.StepUpRequired
        check_word(actor.user, locked.ticket.subject)
        _word, new = OtherProof.objects.get_or_create(ticket=locked.ticket, kind=Kind.CO_OWNER, by=actor.user)
        if new:
            save(locked, Tag.ACCOUNT_RECOVERY_VOUCH)
        return locked.ticket
