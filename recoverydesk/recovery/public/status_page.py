"""What the status page says of a ticket."""

from collections.abc import Iterable
from typing import Any

from common.clock import database_now
from recoverydesk.recovery import policy, queue_place, wording
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Boundary, OtherProof, RecoveryTicket, Status
from recoverydesk.recovery.summary import boundary_rows
from recoverydesk.recovery.workflow import other_proofs


def status_page(ticket: RecoveryTicket, *, return_code: str = "") -> dict[str, Any]:
    """What the claimant sees: never the branch token, never staff, never another address."""
    now = database_now()
    asked = list(ticket.boundaries.filter(kind=Boundary.Kind.ASKED).order_by("host", "namespace"))
    lacking = policy.explain(cases.read_case(ticket, now), now, cases.numbers()).lacking
    return {
        "ticket": ticket,
        "now": now,
        "rows": boundary_rows(asked, now),
        "proved": sum(row.proved_at is not None for row in asked),
        "return_code": return_code,
        "may_confirm": ticket.status in (Status.CHALLENGED, Status.WAITING, Status.READY)
        and not (ticket.return_code_digest and ticket.mailbox_confirmed_at and _all_proved(asked)),
        "live": ticket.status in (Status.CHALLENGED, Status.WAITING) and not return_code,
        "place": queue_place.place_of_ticket(ticket),
        "said": _said(lacking),
        "notices_wait": policy.Missing.NOTICES in lacking,
        "may_offer": other_proofs.may_offer(ticket),
        "proofs": [proof.get_kind_display() for proof in ticket.other_proofs.filter(kind__in=OtherProof.BOUND)],
    }


def _said(lacking: Iterable[policy.Missing]) -> str:
    """What the claimant can still do, in the words of the policy; nothing of what is ours."""
    return "; ".join(str(wording.ASKED_OF_CLAIMANTS[ask]) for ask in lacking if ask in wording.ASKED_OF_CLAIMANTS)


def _all_proved(asked: list[Boundary]) -> bool:
    return all(boundary.proved_at is not None for boundary in asked)
