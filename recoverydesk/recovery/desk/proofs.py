"""What a ticket has besides its boundaries: exceptions asked or made, other proofs, approvals. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise

from recoverydesk.projects import holds
from recoverydesk.recovery import policy
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Approval, Boundary, BoundaryException, OtherProof, RecoveryTicket, Status

KINDS = BoundaryException.OtherProof.choices


@dataclass(frozen=True)
class Proofs:
    """What was taken in place of a branch, who agreed, and which roles rest after the reset."""

    rests: list[holds.Rest]
    exceptions: dict[int, BoundaryException]  # the live ones, by boundary
    exception_kinds: Sequence[tuple[str, str | Promise]]
    may_except: list[Boundary]
    other_proofs: list[OtherProof]
    approvals: list[Approval]


def read_proofs(ticket: RecoveryTicket, boundaries: list[Boundary], case: policy.Case) -> Proofs:
    """Read them: one query where there are any."""
    exceptions = _exceptions(boundaries) if case.excepted or case.exceptions_asked else {}
    return Proofs(
        rests=_rests(ticket) if ticket.status == Status.COMPLETED else [],
        exceptions=exceptions,
        exception_kinds=KINDS,
        may_except=[row for row in boundaries if _open(row) and row.pk not in exceptions],
        other_proofs=_other_proofs(ticket),
        approvals=cases.counting_approvals(ticket) if case.approved else [],
    )


def _exceptions(boundaries: list[Boundary]) -> dict[int, BoundaryException]:
    asked = BoundaryException.objects.filter(boundary__in=[row.pk for row in boundaries]).exclude(approved=False)
    return {row.boundary_id: row for row in asked.select_related("asked_by", "decided_by")}


def _other_proofs(ticket: RecoveryTicket) -> list[OtherProof]:
    return list(OtherProof.objects.filter(ticket=ticket).select_related("by").order_by("id"))


def _rests(ticket: RecoveryTicket) -> list[holds.Rest]:
    return holds.describe(holds.resting().filter(user=ticket.subject_id, held_for=ticket.pk))


def _open(row: Boundary) -> bool:
    return row.kind == Boundary.Kind.ASKED and row.proved_at is None
