"""Reads one ticket's `policy.Case` from the database, in a fixed number of queries."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import CharField, Count, Exists, F, Max, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from accounts.mail.models import Mail
from recoverydesk.projects import people
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
from recoverydesk.recovery.probing.verdicts import Verdict

TO_THE_CONTACT = (
    "recovery_challenge", "recovery_challenge_without_repositories", "recovery_challenge_added",
    "recovery_confirm_contact",
)  # fmt: skip
CHALLENGE_MAILS = (*TO_THE_CONTACT, "recovery_notice", "recovery_co_owner")
LOST = (Mail.State.FAILED, Mail.State.BOUNCED)
NEEDS_A_PERSON = {Verdict.NOT_A_REPOSITORY, Verdict.MOVED, Verdict.BLOCKED, Verdict.AMBIGUOUS}
STOPPED_LATELY = timedelta(days=30)
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


def read(ticket: RecoveryTicket, now: datetime, boundaries: list[Boundary] | None = None) -> policy.Case:
    """Read the case as it is now. `boundaries` saves a query where the caller has them. Four queries otherwise."""
    all_rows = list(ticket.boundaries.all()) if boundaries is None else boundaries
    asked = [row for row in all_rows if row.kind == Boundary.Kind.ASKED]
    own = [row for row in asked if row.own]
    standing = people.standing(ticket.subject)
    beside, mails = _beside(ticket, now), _mails(ticket)
    return policy.Case(
        claim=ticket.claim,
        status=ticket.status,
        asked=len(asked),
        proved=_proved(asked),
        own=len(own),
        own_proved=_proved(own),
        added_proved=_proved([row for row in asked if row.added_by_id is not None]),
        excepted=beside["excepted"],
        exceptions_asked=beside["exceptions_asked"],
        account_proofs=beside["account_proofs"],
        other_proofs=beside["proofs_given"],
        role_gained=beside["role_gained"],
        approved=beside["approved"],
        has_projects=standing.projects > 0 or int(ticket.facts.get("projects", 0)) > 0,
        critical=standing.critical or bool(ticket.facts.get("critical", False)),
        subject_is_staff=_is_staff(ticket),
        disputed_at=ticket.disputed_at,
        stopped_lately=beside["stopped_lately"],
        signed_in=ticket.blocked_at is not None,
        bounced=ticket.contact_bounced_at is not None,
        frozen=ticket.subject.frozen_at is not None or not ticket.subject.is_active,
        contact_taken=ticket.claim != Claim.SECOND_FACTOR and beside["contact_taken"],
        contact_changed=beside["contact_changed"],
        never_reset=ticket.subject.never_reset,
        mailbox_confirmed_at=ticket.mailbox_confirmed_at,
        notices_settled_at=mails.settled_at,
        old_addresses_dead=mails.old_addresses_dead,
        wait_until=ticket.wait_until,
        written=frozenset(ticket.wait_rows),
        needs_a_person=any(row.proved_at is None and row.last_verdict in NEEDS_A_PERSON for row in asked),
        objected=objected(ticket),
        host_failing=any(_host_fails(row, now) for row in asked),
    )


def _proved(rows: list[Boundary]) -> int:
    return sum(row.proved_at is not None for row in rows)


def _is_staff(ticket: RecoveryTicket) -> bool:
    """Rights that are gone since the ticket opened make no row milder."""
    return ticket.subject.is_staff or ticket.subject.is_superuser or bool(ticket.facts.get("staff", False))


def objected(ticket: RecoveryTicket) -> bool:
    """Somebody said no after the reset, with a freeze or again (which only asks us to look), and it is not settled."""
    if ticket.completed_at is None:
        return False
    said = [at for at in (ticket.objected_at, ticket.disputed_at) if at is not None and at >= ticket.completed_at]
    settled = ticket.objection_settled_at
    return bool(said) and (settled is None or max(said) > settled)


def _host_fails(row: Boundary, now: datetime) -> bool:
    recent = row.last_probed_at is not None and row.last_probed_at > now - HOST_FAILING
    return row.proved_at is None and recent and row.last_verdict == Verdict.UNREACHABLE


def _beside(ticket: RecoveryTicket, now: datetime) -> dict[str, Any]:
    """What stands in the tables beside the ticket, in one query."""
    others = RecoveryTicket.objects.filter(subject_id=ticket.subject_id).exclude(pk=ticket.pk)
    spelled = {ticket.contact, ticket.contact.lower()}  # allauth keeps lower case; ignoring case would read every row
    taken = EmailAddress.objects.filter(email__in=spelled, verified=True).exclude(user=ticket.subject_id)
    rows = RecoveryTicket.objects.filter(pk=ticket.pk).annotate(
        stopped_lately=Exists(others.filter(status=Status.STOPPED, closed_at__gte=now - STOPPED_LATELY)),
        contact_taken=Exists(taken),
        contact_changed=_contact_changed(ticket, spelled),
        approved=Exists(live_approvals(OuterRef("pk"))),
        account_proofs=Count(
            "other_proofs", filter=Q(other_proofs__kind__in=OtherProof.BOUND), distinct=True
        ),
        proofs_given=Count("other_proofs", distinct=True),
        role_gained=Exists(Role.objects.filter(user=OuterRef("subject"), created_at__gte=OuterRef("requested_at"))),
        excepted=Count("boundaries", filter=_exception(approved=True), distinct=True),
        exceptions_asked=Count("boundaries", filter=_exception(approved=None), distinct=True),
    )  # fmt: skip
    names = (
        "stopped_lately", "contact_taken", "contact_changed", "approved", "account_proofs", "proofs_given",
        "role_gained", "excepted", "exceptions_asked",
    )  # fmt: skip
    return dict(rows.values(*names).get())


def _contact_changed(ticket: RecoveryTicket, spelled: set[str]) -> Q:
    """Whether the contact is no longer the address that this claim may name (see `contacts.choose`).

    A lost second factor is answered to the verified primary address; an address never verified is on file, of an
    account that has no verified one.
    """
    mine = EmailAddress.objects.filter(user=ticket.subject_id)
    here = mine.filter(email__in=spelled)
    if ticket.claim == Claim.SECOND_FACTOR:
        return ~Q(Exists(here.filter(primary=True, verified=True)))
    if ticket.claim == Claim.UNVERIFIED_EMAIL:
        return Q(Exists(mine.filter(verified=True))) | ~Q(Exists(here))
    return Q(pk=None)


def _exception(*, approved: bool | None) -> Q:
    """Boundaries that lack their proof and have such an exception."""
    rows = BoundaryException.objects.filter(boundary=OuterRef("boundaries__pk"))
    wanted = rows.filter(approved=True) if approved else rows.filter(approved__isnull=True)
    return Q(Exists(wanted), boundaries__kind=Boundary.Kind.ASKED, boundaries__proved_at=None)


def live_approvals(ticket: Any) -> QuerySet[Approval]:
    """Approvals that have not died, of people who could still give them today."""
    alive = Q(by__is_active=True, by__frozen_at=None, by__is_staff=True)
    return Approval.objects.filter(alive, ticket=ticket, dead_at=None).exclude(by=F("ticket__subject"))


def lost_mails() -> QuerySet[Mail]:
    """Mails to a contact that came back or were refused for good.

    Inside a query of tickets: those of the ticket at hand.
    """
    filed_as = Concat(Value("ticket:"), Cast(OuterRef("pk"), CharField()), output_field=CharField())
    return Mail.objects.filter(reference=filed_as, kind__in=TO_THE_CONTACT, state__in=LOST)


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
    """Tickets near or before their wait whose contact a mail did not reach, and nobody has noted it."""
    near = (Status.CHALLENGED, Status.WAITING, Status.READY)
    return RecoveryTicket.objects.filter(Exists(unmended(lost_mails())), status__in=near, contact_bounced_at=None)


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

    The old addresses are dead when every notice we sent them ourselves failed for good.
    """
    if ticket.challenged_at is None:
        return Mails(None, old_addresses_dead=False)
    first = (notices.challenge_key(ticket), notices.confirming_key(ticket))
    again = Q(kind__in=TO_THE_CONTACT) & ~Q(dedupe_key__in=first)
    mails = Mail.objects.filter(reference=ticket.reference, kind__in=CHALLENGE_MAILS).exclude(again)
    notice = Q(kind="recovery_notice")
    found = mails.aggregate(
        waiting=Count("id", filter=Q(state=Mail.State.QUEUED)),
        last=Max("settled_at"),
        told=Count("id", filter=notice),
        lost=Count("id", filter=notice & Q(state__in=LOST)),
    )
    dead = found["told"] > 0 and found["told"] == found["lost"]
    return Mails(None if found["waiting"] else found["last"], dead)
