"""What stands beside the boundaries on a ticket: exceptions asked or made, other proofs, approvals. Reads only."""

from typing import Any

from recoverydesk.projects.models import Role
from recoverydesk.recovery import policy
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Boundary, BoundaryException, OtherProof, RecoveryTicket, Status

KINDS = BoundaryException.OtherProof.choices


def read(ticket: RecoveryTicket, boundaries: list[Boundary], case: policy.Case) -> dict[str, Any]:
    """Live exceptions by boundary, other proofs, living approvals and roles on hold: one query where there are any."""
    exceptions = _exceptions(boundaries) if case.excepted or case.exceptions_asked else {}
    return {
        "held_roles": _held(ticket) if ticket.status == Status.COMPLETED else [],
        "exceptions": exceptions,
        "exception_kinds": KINDS,
        "may_except": [row for row in boundaries if _open(row) and row.pk not in exceptions],
        "other_proofs": _other_proofs(ticket) if case.other_proof else [],
        "approvals": cases.counting_approvals(ticket) if case.approved else [],
    }


def _exceptions(boundaries: list[Boundary]) -> dict[int, BoundaryException]:
    asked = BoundaryException.objects.filter(boundary__in=[row.pk for row in boundaries]).exclude(approved=False)
    return {row.boundary_id: row for row in asked.select_related("asked_by", "decided_by")}


def _other_proofs(ticket: RecoveryTicket) -> list[OtherProof]:
    return list(OtherProof.objects.filter(ticket=ticket).select_related("by").order_by("id"))


def _held(ticket: RecoveryTicket) -> list[Role]:
    held = Role.objects.filter(user=ticket.subject_id, held_for=ticket.pk, held_at__isnull=False)
    return list(held.select_related("project").order_by("id"))


def _open(row: Boundary) -> bool:
    return row.kind == Boundary.Kind.ASKED and row.proved_at is None
