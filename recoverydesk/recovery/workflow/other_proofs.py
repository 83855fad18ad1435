"""Other proofs: something bound to the account, offered by the claimant, and a co-owner vouches.

What is bound to the account (the current password, a live API token, a signed-in browser, a remaining factor) is
asked for on rung 4, and keeps an exception off rung 5. It never replaces a boundary and never shortens a clock. A
co-owner's word is shown to staff and does neither.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import F

from accounts import second_factors, sign_in, webauthn
from accounts.models import User
from audit.log import RequestOrigin
from audit.tags import Tag
from recoverydesk.projects import people
from recoverydesk.projects.roles import in_quarantine
from recoverydesk.recovery import errors
from recoverydesk.recovery.evidence import ages
from recoverydesk.recovery.models import OtherProof, RecoveryTicket, Status
from recoverydesk.recovery.permissions import Actor, factor_since
from recoverydesk.recovery.workflow.advancing import advance
from recoverydesk.recovery.workflow.locked_ticket import LockedTicket, record, save, verb
from recoverydesk.recovery.workflow.table import Verb
from tokens import checking

MOST_FAILURES = 5
Kind = OtherProof.Kind


@dataclass(frozen=True)
class Offer:
    """What the claimant offers: a typed secret, a security key's answer, or who is signed in since when.

    `key` checks the answer for the account it is given, inside the verb's transaction; it raises webauthn.KeyRefused.
    """

    kind: str
    secret: str = ""
    visitor: User | None = None
    origin: RequestOrigin | None = None
    key: Callable[[User], object] | None = None
    signed_in_at: datetime | None = None


def may_offer(ticket: RecoveryTicket) -> bool:
    """Whether the claimant may still offer something: while the ticket asks for proof, until five were wrong."""
    return ticket.status == Status.CHALLENGED and ticket.proof_failures < MOST_FAILURES


def offer_proof(ticket_id: int, *, actor: Actor, offer: Offer) -> RecoveryTicket:
    """Check an offered proof and keep it. Five wrong ones per ticket are counted; none is checked after that.

    Raises WrongProof, NoTriesLeft, and YoungProof for one that is right and too young. The caller has asked the
    sign-in limiter.
    """
    with verb(Verb.OFFER_PROOF, ticket_id, actor) as locked:
        ticket = locked.ticket
        if ticket.proof_failures >= MOST_FAILURES:
            raise errors.NoTriesLeft
        since = _since(ticket, offer)
        if since is not None:
            _check_age(ticket, offer, since)
            _keep(locked, offer.kind)
            return advance(locked)
        RecoveryTicket.objects.filter(pk=ticket.pk).update(proof_failures=F("proof_failures") + 1)
        record(
            Tag.ACCOUNT_RECOVERY_REFUSED, ticket, actor,
            verb=Verb.OFFER_PROOF.value, status=ticket.status, error="WrongProof", kind=offer.kind,
        )  # fmt: skip
    raise errors.WrongProof


LONG_AGO = datetime.min.replace(tzinfo=UTC)


def _since(ticket: RecoveryTicket, offer: Offer) -> datetime | None:
    """Since when the account has what is offered; None where it has no such thing."""
    subject = ticket.subject
    if offer.kind == Kind.PASSWORD:
        return _password_since(ticket, offer.secret)
    if offer.kind == Kind.API_TOKEN:
        return _token_since(subject, offer.secret)
    if offer.kind == Kind.FACTOR and offer.key is not None:
        return _factor_since(ticket, _answering(offer.key, subject))
    if offer.kind == Kind.FACTOR:
        device = second_factors.verify_code(subject, offer.secret, origin=offer.origin, counted=False)
        return _factor_since(ticket, device)
    visits = offer.kind == Kind.DEVICE and offer.visitor is not None and offer.visitor.pk == subject.pk
    return offer.signed_in_at if visits else None


def _factor_since(ticket: RecoveryTicket, device: object | None) -> datetime | None:
    """A factor of no known date counts as one added with the request."""
    return None if device is None else factor_since(device) or ticket.requested_at


def _check_age(ticket: RecoveryTicket, offer: Offer, since: datetime) -> None:
    """A browser, which no visit keeps signed in for a day, only has to have been signed in before the request."""
    asked = ticket.requested_at
    if since > (asked if offer.kind == Kind.DEVICE else ages.old_before(asked)):
        raise errors.YoungProof


def _password_since(ticket: RecoveryTicket, typed: str) -> datetime | None:
    """No table says when a password was set; the log says whether somebody set it recently."""
    if not sign_in.password_is_right(ticket.subject, typed):
        return None
    return LONG_AGO if ages.password_is_old(ticket.subject, ticket.requested_at) else ticket.requested_at


def _answering(key: Callable[[User], object], subject: User) -> object:
    """The security key of this very account that answered the question asked for this ticket; None when none did."""
    try:
        return key(subject)
    except webauthn.KeyRefused:
        return None


def _token_since(subject: User, text: str) -> datetime | None:
    """When a token that opens something today was made by this very account."""
    try:
        token = checking.open_token(text.strip())
    except checking.TokenRefused:
        return None
    own = token.user.pk == subject.pk and not token.row.publishers  # a workflow got those, and no person
    return token.row.created_at if own and not token.only_reads else None  # one that only installs lies in many builds


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
