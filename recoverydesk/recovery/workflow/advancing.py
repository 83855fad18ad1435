"""Advance: private, tried by every verb that may have brought the last missing thing, and by the sweep."""

from datetime import datetime

from django.db.models.functions import Now

from audit.tags import Tag
from recoverydesk.recovery import policy
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Approval, RecoveryTicket, Status
from recoverydesk.recovery.workflow.locked_ticket import LockedTicket, move, save

WAITING_OR_READY = frozenset({Status.WAITING, Status.READY})


def advance(locked: LockedTicket, case: policy.Case | None = None) -> RecoveryTicket:
    """Move a challenged ticket on when everything policy asks but the approval is there and nothing blocks.

    `case` saves reading where the caller has read it as it stands now.
    """
    case = case or locked.case()
    if move_clock(locked, case):
        case = locked.case()
    target = policy.advances_to(case, locked.now, cases.numbers())
    if target is None or target == locked.ticket.status or _another_waits_or_is_ready(locked):
        return locked.ticket
    return move(locked, Status(target), Tag.ACCOUNT_RECOVERY_ADVANCE)


def write_clock(locked: LockedTicket) -> policy.Case:
    """Write `wait_until` once its clock can start; returns the case as it is then."""
    case = locked.case()
    ends = policy.ends(case, cases.numbers()) if case.wait_until is None else None
    if ends is None:
        return case
    _write(locked, case, ends)
    return locked.case()


def move_clock(locked: LockedTicket, case: policy.Case) -> bool:
    """A doubt raised, or a project become critical, moves the end that is written; True if so."""
    ends = policy.later_end(case, cases.numbers())
    return ends is not None and _write(locked, case, ends)


def _write(locked: LockedTicket, case: policy.Case, ends: datetime) -> bool:
    ticket = locked.ticket
    begin = policy.begins(case)
    if begin is not None:  # else the mailbox lacks: once it is confirmed the whole wait of the new doubt counts
        ticket.wait_from, ticket.doubt = begin, policy.doubt(case)
    ticket.wait_until = ends
    save(
        locked, Tag.ACCOUNT_RECOVERY_WAIT_STARTED, "wait_from", "wait_until", "doubt",
        until=ends.isoformat(), doubt=ticket.doubt,
    )  # fmt: skip
    return True


def go_back(locked: LockedTicket, reason: str) -> RecoveryTicket:
    """Back to challenged: proofs stay, approvals die."""
    end_approvals(locked.ticket)
    return move(locked, Status.CHALLENGED, Tag.ACCOUNT_RECOVERY_SEND_BACK, reason=reason)


def end_approvals(ticket: RecoveryTicket) -> None:
    """What somebody said yes to is not what stands there now."""
    Approval.objects.filter(ticket=ticket, dead_at=None).update(dead_at=Now())


def evidence_holds(locked: LockedTicket) -> bool:
    """Ask policy again, with the clock moved first where a doubt has grown."""
    case = locked.case()
    return not move_clock(locked, case) and policy.still_holds(case, locked.now, cases.numbers())


def still_stands(case: policy.Case, now: datetime) -> bool:
    """What `evidence_holds` would find, without writing anything: while it stands nobody can send the ticket back."""
    numbers = cases.numbers()
    return policy.later_end(case, numbers) is None and policy.still_holds(case, now, numbers)


def _another_waits_or_is_ready(locked: LockedTicket) -> bool:
    """At most one ticket of an account waits or is ready; the later one stays challenged."""
    others = RecoveryTicket.objects.filter(subject_id=locked.ticket.subject_id, status__in=WAITING_OR_READY)
    return others.exclude(pk=locked.ticket.pk).exists()
