"""Where policy asked for two people, two people decided; where it asked for another proof, there is one."""

from collections.abc import Iterator

from django.db.models import F, Q

from audit.models import Event
from audit.tags import Tag
from recoverydesk.invariants.broken import Broken
from recoverydesk.invariants.evidence import completed_by_admin
from recoverydesk.recovery.models import Approval, BoundaryException, Claim, OtherProof, RecoveryTicket
from recoverydesk.recovery.policy import NEW_CONTACT, NOTHING_BOUND, TWO_PEOPLE


def asks_for_two(ticket: RecoveryTicket) -> bool:
    """Whether the doubt that this ticket was reset with asked for a second person."""
    disputed = ticket.disputed_at is not None and ticket.completed_at is not None
    doubted = disputed and ticket.disputed_at < ticket.completed_at  # type: ignore[operator]
    return (ticket.doubt or 0) >= TWO_PEOPLE or ticket.claim in NEW_CONTACT or doubted


def _two_were_asked() -> set[int]:
    """Tickets whose reset wrote down that two people decide, for a doubt or for the site's setting."""
    resets = Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_RESET, data__people=2)
    return {ticket for ticket in resets.values_list("ticket", flat=True) if ticket is not None}


def approval_missing() -> Iterator[Broken]:
    """An approval given before the reset and not dead, by neither who reset nor the subject."""
    others = Approval.objects.filter(dead_at=None, given_at__lte=F("ticket__completed_at"))
    others = others.exclude(by=F("ticket__reset_by")).exclude(by=F("ticket__subject"))
    approved = set(others.values_list("ticket", flat=True))
    two = _two_were_asked()
    excepted = set(BoundaryException.objects.filter(approved=True).values_list("boundary__ticket", flat=True))
    for ticket in completed_by_admin().iterator():
        if ticket.pk not in approved and (asks_for_two(ticket) or ticket.pk in two | excepted):
            yield Broken("approval_missing", f"ticket:{ticket.pk}", "two people were asked for, one decided")


def exception_by_one() -> Iterator[Broken]:
    """Who asks for an exception neither decides on it nor resets, and none is the subject."""
    mixed = Q(decided_by=F("asked_by")) | Q(boundary__ticket__reset_by=F("asked_by"))
    own = Q(asked_by=F("boundary__ticket__subject")) | Q(decided_by=F("boundary__ticket__subject"))
    for row in BoundaryException.objects.filter(mixed | own, approved=True).select_related("boundary"):
        yield Broken(
            "exception_by_one", f"boundaryexception:{row.pk}", f"#{row.boundary.ticket_id}: one person too few"
        )


def account_proof_missing() -> Iterator[Broken]:
    """A new contact needs something bound to the account, but for the row of dead old addresses."""
    bound = OtherProof.objects.filter(kind__in=OtherProof.BOUND, given_at__lte=F("ticket__completed_at"))
    for ticket in completed_by_admin().filter(claim__in=(Claim.EMAIL, Claim.EMAIL_AND_SECOND_FACTOR)).iterator():
        if ticket.doubt != NOTHING_BOUND and not bound.filter(ticket=ticket).exists():
            yield Broken(
                "account_proof_missing", f"ticket:{ticket.pk}", "a new contact and nothing bound to the account"
            )
