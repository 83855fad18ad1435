"""Reads one ticket's `policy.Case` from the database, in a fixed number of queries."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat

from accounts.mail.models import Mail
from accounts.models import User
from recoverydesk.projects import incidents, people
from recoverydesk.projects.models import Role
from recoverydesk.recovery import notices, policy
from recoverydesk.recovery.models import (
    Approval,
    Boundary,
    BoundaryException,
    Claim,
    OtherProof,
    RecoveryTicket,
    Status,
)
from recoverydesk.recovery.permissions import RESET, staff
from recoverydesk.recovery.probing.verdicts import Verdict

TO_THE_CONTACT = (
    "recovery_challenge", "recovery_challenge_without_repositories", "recovery_challenge_added",
    *notices.CONFIRMING,
)  # fmt: skip
CHALLENGE_MAILS = (*TO_THE_CONTACT, "recovery_notice", "recovery_co_owner")
LOST = (Mail.State.FAILED, Mail.State.BOUNCED)
NEEDS_A_PERSON = {Verdict.NOT_A_REPOSITORY, Verdict.MOVED, Verdict.BLOCKED, Verdict.AMBIGUOUS}
STOP_COUNTS_FOR = timedelta(days=30)
HOST_FAILING = timedelta(days=1)


def numbers() -> policy.Numbers:
    """The settings in force."""
    return policy.Numbers(
        objection_window=settings.RECOVERY_OBJECTION_WINDOW,
        objection_window_critical=settings.RECOVERY_OBJECTION_WINDOW_CRITICAL,
        wait_without_boundary=settings.RECOVERY_WAIT_WITHOUT_BOUNDARY,
        wait_careful=settings.RECOVERY_WAIT_CAREFUL,
        wait_new_contact=settings.RECOVERY_WAIT_NEW_CONTACT,
        wait_nothing_bound=settings.RECOVERY_WAIT_NOTHING_BOUND,
        expires_after=settings.RECOVERY_EXPIRES_AFTER,
        object_within=settings.RECOVERY_OBJECT_WITHIN,
        always_two=settings.RECOVERY_TWO_PERSON == "always",
        human_reset=settings.RECOVERY_HUMAN_RESET,
    )


def read_case(ticket: RecoveryTicket, now: datetime, boundaries: list[Boundary] | None = None) -> policy.Case:
    """Read the case as it is now, in at most five queries; `boundaries` saves one where the caller has them.

    Who approved is looked up as well, where somebody has.
    """
    all_rows = list(ticket.boundaries.all()) if boundaries is None else boundaries
    asked = [row for row in all_rows if row.kind == Boundary.Kind.ASKED]
    named = [row for row in asked if row.added_by_id is None]
    related = _related_rows().get(pk=ticket.pk)
    contact, mails, exceptions = _contact(ticket), _mails(ticket), _exceptions(asked)
    return policy.Case(
        claim=policy.Claim(ticket.claim),
        status=policy.Status(ticket.status),
        asked=len(asked),
        proved=_proved(asked),
        named=len(named),
        named_proved=_proved(named),
        excepted=exceptions.count(True),
        exceptions_asked=exceptions.count(None),
        account_proof=related["account_proof"],
        mailbox_young=bool(ticket.facts.get("contact_young", False)),
        approved=related["approved"] and bool(counting_approvals(ticket)),
        has_projects=related["has_projects"] or int(ticket.facts.get("projects", 0)) > 0,
        critical=related["critical"] or bool(ticket.facts.get("critical", False)),
        subject_is_staff=_is_staff(ticket),
        disputed_at=ticket.disputed_at,
        signed_in_at=ticket.signed_in_at or ticket.blocked_at,
        recently_stopped=_within(STOP_COUNTS_FOR, related["stopped_at"], now),
        unanswered=ticket.claimant_wrote_at is not None,
        bounced=ticket.contact_bounced_at is not None,
        frozen=ticket.subject.frozen_at is not None or not ticket.subject.is_active,
        contact_taken=contact.taken,
        contact_changed=contact.changed,
        incident=related["incident"],
        never_reset=ticket.subject.never_reset,
        mailbox_confirmed_at=ticket.mailbox_confirmed_at,
        notices_settled_at=mails.settled_at,
        old_addresses_dead=mails.old_addresses_dead,
        wait_until=ticket.wait_until,
        wait_from=ticket.wait_from,
        written=ticket.doubt,
        needs_a_person=any(row.proved_at is None and row.last_verdict in NEEDS_A_PERSON for row in asked),
        objected=objected(ticket),
        host_failing=any(_host_fails(row, now) for row in asked),
    )


def needs_two_people(case: policy.Case) -> bool:
    """Whether two people decide about this ticket; then whoever resets types the account's name."""
    return policy.people(case, numbers()) > 1


def _proved(rows: list[Boundary]) -> int:
    return sum(row.proved_at is not None for row in rows)


def _is_staff(ticket: RecoveryTicket) -> bool:
    """Rights that are gone since the ticket opened lower no doubt."""
    return ticket.subject.is_staff or ticket.subject.is_superuser or bool(ticket.facts.get("staff", False))


def objected(ticket: RecoveryTicket) -> bool:
    """Somebody said no after the reset, with a freeze or again (which only asks us to look), and it is not settled."""
    if ticket.completed_at is None:
        return False
    said = [at for at in (ticket.objected_at, ticket.disputed_at) if at is not None and at >= ticket.completed_at]
    settled = ticket.objection_settled_at
    return bool(said) and (settled is None or max(said) > settled)


def _host_fails(row: Boundary, now: datetime) -> bool:
    recent = _within(HOST_FAILING, row.last_probed_at, now)
    return row.proved_at is None and recent and row.last_verdict == Verdict.UNREACHABLE


def _within(span: timedelta, at: datetime | None, now: datetime) -> bool:
    return at is not None and at >= now - span


@cache
def _related_rows() -> QuerySet[RecoveryTicket, dict[str, Any]]:
    """What other tables hold about a ticket. Built once: building it takes Django longer than the answer takes."""
    others = RecoveryTicket.objects.filter(subject=OuterRef("subject")).exclude(pk=OuterRef("pk"))
    roles = Role.objects.filter(user=OuterRef("subject"), accepted_at__isnull=False)
    proofs = OtherProof.objects.filter(ticket=OuterRef("pk"), kind__in=OtherProof.BOUND)
    related = {
        "stopped_at": Subquery(others.filter(status=Status.STOPPED).order_by("-closed_at").values("closed_at")[:1]),
        "has_projects": Exists(roles),
        "critical": Exists(roles.filter(project__critical=True)),
        "approved": Exists(live_approvals(OuterRef("pk"))),
        "account_proof": Exists(proofs),
        "incident": Exists(incidents.touching(OuterRef("subject"))),
    }
    tickets: QuerySet[RecoveryTicket, dict[str, Any]] = RecoveryTicket.objects.annotate(**related).values(*related)
    return tickets


def _exceptions(asked: list[Boundary]) -> list[bool | None]:
    """The live exceptions (one a boundary) of boundaries without proof: True, or None where one is asked for."""
    lacking = [row.pk for row in asked if row.proved_at is None]
    rows = BoundaryException.objects.filter(boundary__in=lacking)
    return [said for said in rows.values_list("approved", flat=True) if said is not False] if lacking else []


@dataclass(frozen=True)
class Contact:
    """What became of the contact since the ticket opened."""

    taken: bool
    changed: bool


def _contact(ticket: RecoveryTicket) -> Contact:
    """Whether another account verified it, and whether it is no longer the address this claim may name.

    See `contacts.choose`: a lost second factor is answered to the verified primary address; an address never verified
    is on file, of an account that has no verified one.
    """
    spelled = {ticket.contact, ticket.contact.lower()}  # allauth keeps lower case; ignoring case would read every row
    rows = EmailAddress.objects.filter(Q(user=ticket.subject_id) | Q(email__in=spelled, verified=True))
    found = list(rows.values_list("user_id", "email", "primary", "verified"))
    mine = [row for row in found if row[0] == ticket.subject_id]
    here = [row for row in mine if row[1] in spelled]
    if ticket.claim == Claim.SECOND_FACTOR:
        return Contact(taken=False, changed=not any(primary and verified for *_, primary, verified in here))
    changed = ticket.claim in policy.UNVERIFIED and (not here or any(verified for *_, verified in mine))
    return Contact(taken=len(found) > len(mine), changed=changed)


def live_approvals(ticket: Any) -> QuerySet[Approval]:
    """Approvals that have not died, of people who could still give them today."""
    alive = Q(by__is_active=True, by__frozen_at=None, by__is_staff=True)
    return Approval.objects.filter(alive, ticket=ticket, dead_at=None).exclude(by=F("ticket__subject"))


def counting_approvals(ticket: RecoveryTicket) -> list[Approval]:
    """The live approvals that count at a reset. Four queries for one of them, and read only where there is one."""
    given = live_approvals(ticket).select_related("by").order_by("id")
    return [one for one in given if could_approve(one.by, ticket)]


def could_approve(user: User, ticket: RecoveryTicket) -> bool:
    """Whether this person could still approve today: rights, no project in common, a superuser where one is asked."""
    if RESET not in staff(user).rights or people.co_owns(user, ticket.subject):
        return False
    return user.is_superuser or not _is_staff(ticket)


def lost_mails() -> QuerySet[Mail]:
    """Mails to a contact that came back or were refused for good.

    Inside a query of tickets: those of the ticket at hand.
    """
    return Mail.objects.filter(reference=_filed_as(), kind__in=TO_THE_CONTACT, state__in=LOST)


def queued_mails() -> QuerySet[Mail]:
    """Inside a query of tickets: mails of the challenge that have not left; no clock can start (see `_mails`)."""
    counts = _of_the_challenge(_filed_as(":challenge:0"), _filed_as(":confirm:0"))
    return Mail.objects.filter(counts, reference=_filed_as(), state=Mail.State.QUEUED)


def _of_the_challenge(*first: object) -> Q:
    """Mails of the challenge; of those to the contact only the first, not what was sent again later on."""
    return Q(kind__in=CHALLENGE_MAILS) & (~Q(kind__in=TO_THE_CONTACT) | Q(dedupe_key__in=first))


def _filed_as(rest: str = "") -> Concat:
    parts = (Value("ticket:"), Cast(OuterRef("pk"), CharField()), Value(rest))
    return Concat(*parts, output_field=CharField())


def unmended(lost: QuerySet[Mail]) -> QuerySet[Mail]:
    """Those of them that no later mail to the contact made good.

    A later one that was delivered does; one of which we know no more than that the next server took it makes good a
    mail that was refused at that door, and none that came back.
    """
    outer = {"reference": OuterRef("reference"), "recipient": OuterRef("recipient"), "pk__gt": OuterRef("pk")}
    later = Mail.objects.filter(kind__in=TO_THE_CONTACT, **outer)
    delivered = Exists(later.filter(state=Mail.State.DELIVERED))
    return lost.exclude(delivered | Q(Q(state=Mail.State.FAILED), Exists(later.filter(state=Mail.State.SENT))))


def bounced() -> QuerySet[RecoveryTicket]:
    """Tickets challenged, waiting or ready whose contact a mail did not reach, and nobody has noted it."""
    unfinished = (Status.CHALLENGED, Status.WAITING, Status.READY)
    return RecoveryTicket.objects.filter(Exists(unmended(lost_mails())), status__in=unfinished, contact_bounced_at=None)


def mended() -> QuerySet[RecoveryTicket]:
    """Tickets noted as bounced whose contact a later mail did reach."""
    noted = RecoveryTicket.objects.filter(status=Status.CHALLENGED, contact_bounced_at__isnull=False)
    return noted.filter(Exists(lost_mails())).exclude(Exists(unmended(lost_mails())))


@dataclass(frozen=True)
class Mails:
    """What became of the challenge's mails."""

    settled_at: datetime | None
    old_addresses_dead: bool


def _mails(ticket: RecoveryTicket) -> Mails:
    """When the last mail of the challenge left the queue; what is sent again later on delays nothing.

    The old addresses are dead when every notice we sent them ourselves failed for good. A mail to the contact that
    has a stop link is such a notice.
    """
    if ticket.challenged_at is None:
        return Mails(None, old_addresses_dead=False)
    counts = _of_the_challenge(notices.challenge_key(ticket), notices.confirming_key(ticket))
    mails = Mail.objects.filter(counts, reference=ticket.reference)
    rows = list(mails.values_list("kind", "links", "state", "settled_at"))
    told = [state for kind, ways, state, _ in rows if kind == "recovery_notice" or "stop" in ways]
    left = [at for *_, at in rows if at is not None]
    waiting = any(state == Mail.State.QUEUED for *_, state, _ in rows)
    dead = bool(told) and all(state in LOST for state in told)
    return Mails(None if waiting else max(left, default=None), dead)
