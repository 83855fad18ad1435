"""For every completed ticket: the proofs, the clock and the people that policy asked for."""

from collections.abc import Iterator

from django.db.models import CharField, Count, DateTimeField, F, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat, Lower

from accounts.mail.models import Mail
from recoverydesk.invariants.broken import Broken
from recoverydesk.projects.models import Role
from recoverydesk.recovery.models import Boundary, RecoveryTicket, Status
from recoverydesk.recovery.probing.verdicts import Verdict

FIRST_NOTICES = ("recovery_notice", "recovery_co_owner")
WAITING_OR_READY = (Status.WAITING, Status.READY)


def completed_by_admin() -> QuerySet[RecoveryTicket]:
    """Completed by an admin's reset; what an operator did from the shell asked for no evidence."""
    return RecoveryTicket.objects.filter(status=Status.COMPLETED, reset_by__isnull=False)


def boundary_without_proof() -> Iterator[Broken]:
    """Every boundary asked for is proved, or excepted by two people, before a reset."""
    rows = Boundary.objects.filter(ticket__in=completed_by_admin(), kind=Boundary.Kind.ASKED, proved_at=None)
    rows = rows.exclude(exceptions__approved=True)
    for row in rows.iterator():
        yield Broken("boundary_without_proof", f"boundary:{row.pk}", f"#{row.ticket_id} was reset without {row}")


def proof_that_proves_nothing() -> Iterator[Broken]:
    """A proof is an exact `found`, in a repository of its own boundary's frozen list."""
    for row in Boundary.objects.filter(proof__isnull=False).select_related("proof").iterator():
        proof = row.proof
        own = proof is not None and proof.boundary_id == row.pk
        listed = proof is not None and proof.url in {one["url"] for one in row.repositories}
        if proof is None or not own or not listed or proof.verdict != Verdict.FOUND:
            yield Broken("proof_that_proves_nothing", f"boundary:{row.pk}", f"#{row.ticket_id} {row}: {proof}")


def mailbox_not_confirmed() -> Iterator[Broken]:
    """In every row of the table the mailbox of the contact is confirmed."""
    for ticket in completed_by_admin().filter(
        Q(mailbox_confirmed_at=None) | Q(mailbox_confirmed_at__gt=F("completed_at"))
    ):
        yield Broken("mailbox_not_confirmed", f"ticket:{ticket.pk}", "reset, its mailbox unconfirmed")


def reset_before_its_time() -> Iterator[Broken]:
    """No reset before the end of the waiting period."""
    for ticket in completed_by_admin().filter(Q(wait_until=None) | Q(wait_until__gt=F("completed_at"))):
        yield Broken("reset_before_its_time", f"ticket:{ticket.pk}", f"waits until {ticket.wait_until}")


def clock_before_notices() -> Iterator[Broken]:
    """Every clock starts when all notices of the challenge have left the outbox; a first mail can be one."""
    first = Q(kind__in=FIRST_NOTICES) | Q(links__has_key="stop", dedupe_key__regex=r":(challenge|confirm):0$")
    mails = Mail.objects.filter(first, reference=OuterRef("filed_as")).values("reference")
    tickets = RecoveryTicket.objects.filter(wait_until__isnull=False).annotate(
        filed_as=Concat(Value("ticket:"), Cast("pk", CharField()), output_field=CharField())
    )
    tickets = tickets.annotate(
        told_at=Subquery(mails.annotate(last=Max("settled_at")).values("last"), output_field=DateTimeField()),
        untold=Subquery(mails.filter(state=Mail.State.QUEUED).annotate(many=Count("id")).values("many")),
    )
    for ticket in tickets.filter(Q(told_at__gt=F("wait_until")) | Q(untold__gt=0)).iterator():
        yield Broken("clock_before_notices", f"ticket:{ticket.pk}", "a notice had not left")


def reset_by_wrong_person() -> Iterator[Broken]:
    """Nobody resets their own account, nor one they own a project with."""
    for ticket in completed_by_admin().filter(reset_by=F("subject")):
        yield Broken("reset_by_wrong_person", f"ticket:{ticket.pk}", "reset by its own subject")
    theirs = Role.objects.filter(user=OuterRef("subject"), accepted_at__lte=OuterRef("completed_at"))
    owner = Q(reset_by__roles__kind=Role.Kind.OWNER, reset_by__roles__accepted_at__lte=F("completed_at"))
    shared = Q(reset_by__roles__project__in=theirs.values("project"))
    for ticket in completed_by_admin().exclude(reset_by=F("subject")).filter(owner & shared).distinct():
        yield Broken("reset_by_wrong_person", f"ticket:{ticket.pk}", "reset by a co-owner")


def several_open() -> Iterator[Broken]:
    """One open ticket per subject and contact; one of an account waits or is ready."""
    open_ = RecoveryTicket.objects.open().values("subject", address=Lower("contact")).annotate(many=Count("id"))
    for row in open_.filter(many__gt=1):
        yield Broken("several_open", f"user:{row['subject']}", f"{row['many']} open tickets for one contact")
    some = RecoveryTicket.objects.filter(status__in=WAITING_OR_READY).values("subject").annotate(many=Count("id"))
    for subject, many in some.filter(many__gt=1).values_list("subject", "many"):
        yield Broken("several_open", f"user:{subject}", f"{many} tickets wait or are ready")
