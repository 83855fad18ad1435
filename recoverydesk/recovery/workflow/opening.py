"""How a ticket comes to be: facts and boundaries are frozen here, once."""

import secrets
from copy import copy
from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Now

from accounts.models import User
from audit import log
from audit.tags import Tag
from common import failpoints, keys
from recoverydesk.projects import links as project_links
from recoverydesk.projects import people
from recoverydesk.recovery import errors, policy
from recoverydesk.recovery.evidence import boundaries, boundary_rows, cases, contacts, facts, frozen_now
from recoverydesk.recovery.models import Boundary, Claim, RecoveryTicket, Source, Status
from recoverydesk.recovery.permissions import Actor, Who
from recoverydesk.recovery.workflow import issue_tracker, timetable
from recoverydesk.recovery.workflow.checks import check_not_co_owner, check_not_own


@dataclass(frozen=True)
class Opened:
    """The ticket a request led to; `joined` when it was open already and nothing in it changed."""

    ticket: RecoveryTicket
    joined: bool


def open_ticket(
    *,
    subject: User,
    claim: Claim,
    actor: Actor,
    source: Source,
    contact: str = "",
    requested_at: datetime | None = None,
    says_codes_lost: bool = True,
    issue_url: str = "",
) -> Opened:
    """Open a ticket, or join the one that is open for this subject and contact.

    `requested_at` (aware, not in the future) dates the request: only what was published before it counts. From
    staff who are no superusers it may leave out nothing that would be asked for today (BackDated).
    Raises NotAllowed, OwnTicket, CoOwnedTicket, ResetsSwitchedOff, NoContact and
    BadIssue (an issue that is not in the tracker); a refusal is an event.
    """
    try:
        with transaction.atomic():
            _check_actor(subject, actor)
            if issue_url and not issue_tracker.holds(issue_url):
                raise errors.BadIssue
            locked = _lock(subject, "" if claim == Claim.SECOND_FACTOR else contact)
            subject, contact = locked.subject, contacts.choose(locked.subject, claim, locked.primary, contact)
            _check_switch(subject, claim)
            if locked.open_ticket is not None:
                _record_join(actor, subject, locked.open_ticket, claim, source)
                return Opened(RecoveryTicket.objects.get(pk=locked.open_ticket), joined=True)
            ticket = create(
                subject=subject, claim=claim, source=source, contact=contact, requested_at=requested_at,
                says_codes_lost=says_codes_lost, issue_url=issue_url, locked=locked,
            )  # fmt: skip
            _check_date(ticket, actor, locked.now)
            _record(Tag.ACCOUNT_RECOVERY_OPEN, actor, subject, ticket.pk, claim, source)
            failpoints.reach("open", "written")
            return Opened(ticket, joined=False)
    except errors.RecoveryError as refusal:
        _record_refusal(actor, subject, refusal)
        raise


def _record_refusal(actor: Actor, subject: User, refusal: errors.RecoveryError) -> None:
    error = type(refusal).__name__
    tag, party, origin = Tag.ACCOUNT_RECOVERY_REFUSED, actor.party, actor.origin
    log.record(tag, actor=party, subject=subject, origin=origin, verb="open", error=error)


def _record(tag: Tag, actor: Actor, subject: User, ticket: int, claim: Claim, source: Source) -> None:
    log.record(
        tag, actor=actor.party, subject=subject, ticket=ticket, origin=actor.origin,
        claim=claim.value, source=source.value,
    )  # fmt: skip


def _record_join(actor: Actor, subject: User, ticket: int, claim: Claim, source: Source) -> None:
    """Anybody can send the form all day: one event an hour."""
    log.record_hourly(
        Tag.ACCOUNT_RECOVERY_JOIN, actor=actor.party, subject=subject, ticket=ticket, origin=actor.origin, verb="join",
        claim=claim.value, source=source.value,
    )  # fmt: skip


def create(
    *,
    subject: User,
    claim: Claim,
    source: Source,
    contact: str,
    requested_at: datetime | None,
    says_codes_lost: bool = True,
    issue_url: str = "",
    locked: "Locked | None" = None,
) -> RecoveryTicket:
    """Write a new ticket's rows: facts and boundaries as they are now. `open_ticket` is the verb around it."""
    locked = locked or _lock(subject)
    requested = min(requested_at or locked.now, locked.now)
    known = (locked.primary, locked.standing)
    ticket = RecoveryTicket(
        subject=subject,
        claim=claim,
        says_codes_lost=says_codes_lost,
        contact=contact,
        source=source,
        issue_url=issue_url,
        status=Status.NEW,
        opened_at=locked.now,
        turn_since=locked.now,
        next_notice_at=locked.now + timetable.WHILE_OURS,
        requested_at=requested,
        nonce=secrets.token_hex(16),
        key_id=keys.current_key_id(),
        facts=facts.snapshot(
            locked.subject, contact=contact, now=locked.now, requested_at=requested, known=known
        ),  # fmt: skip
    )
    ticket.challenges_itself = settings.RECOVERY_AUTO_CHALLENGE and facts.matches(claim, ticket.facts)
    ticket.save(force_insert=True)
    _freeze_boundaries(ticket)
    return ticket


def _check_actor(subject: User, actor: Actor) -> None:
    if not actor.parts & {Who.SYSTEM, Who.MODERATOR}:
        raise errors.NotAllowed
    check_not_own(subject, actor)
    check_not_co_owner(subject, actor)


def _check_switch(subject: User, claim: Claim) -> None:
    """Where no person may reset, no ticket is opened either."""
    if policy.switched_off(claim, never_reset=subject.never_reset, numbers=cases.numbers()):
        raise errors.ResetsSwitchedOff


def _check_date(ticket: RecoveryTicket, actor: Actor, now: datetime) -> None:
    """Whatever date a member of staff gives, the evidence gets no weaker by it (design rule 1)."""
    if actor.user is None or actor.user.is_superuser or ticket.requested_at == now:
        return
    today = copy(ticket)
    today.requested_at = now
    if _asked_places(today) - _asked_places(ticket):
        raise errors.BackDated


def _asked_places(ticket: RecoveryTicket) -> set[tuple[str, str]]:
    links = project_links.subject_links(ticket.subject, before=ticket.requested_at)
    return {(one.host, one.namespace) for one in _frozen(ticket, links) if one.kind == Boundary.Kind.ASKED}


@dataclass(frozen=True)
class Locked:
    """A locked subject and what opening has to know first."""

    subject: User
    now: datetime
    primary: str | None
    open_ticket: int | None
    standing: people.Standing


def _lock(subject: User, contact: str = "") -> Locked:
    """Lock the subject, then read all of it in one query: opening is the dearest thing a stranger can make us do.

    Never both in one: after a wait for the lock PostgreSQL would still show the tickets from before the wait. A
    request joins by its contact: the one given, or else the verified primary address.
    """
    subject = User.objects.select_for_update().get(pk=subject.pk)
    primary = EmailAddress.objects.filter(user=OuterRef("pk"), primary=True, verified=True)
    known = RecoveryTicket.objects.open().filter(subject=OuterRef("pk"), contact__iexact=OuterRef("wanted"))
    accepted = Q(roles__accepted_at__isnull=False)
    critical = Count("roles", filter=accepted & Q(roles__project__critical=True))
    rows = User.objects.values("pk").annotate(projects=Count("roles", filter=accepted), critical=critical, now=Now())
    rows = rows.annotate(primary_address=Subquery(primary.values("email")[:1]))
    wanted = Value(contacts.plain(contact)) if contact else F("primary_address")
    rows = rows.annotate(wanted=wanted)
    row = rows.annotate(open_ticket=Subquery(known.values("pk")[:1])).get(pk=subject.pk)
    standing = people.Standing(row["projects"], row["critical"] > 0)
    return Locked(subject, row["now"], row["primary_address"], row["open_ticket"], standing)


def _freeze_boundaries(ticket: RecoveryTicket) -> None:
    links = project_links.subject_links(ticket.subject, before=ticket.requested_at)
    boundary_rows.write(ticket, _frozen(ticket, links))


def _frozen(ticket: RecoveryTicket, links: list[project_links.LinkFact]) -> list[boundaries.FrozenBoundary]:
    return frozen_now.of_links(links, ticket.requested_at)
