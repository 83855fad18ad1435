"""What the status page says of a ticket."""

from typing import Any

from common.clock import database_now
from recoverydesk.projects import links as project_links
from recoverydesk.recovery import policy, queue_place
from recoverydesk.recovery.code_hosts.described import stored_hosts
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Boundary, OtherProof, RecoveryTicket, Status
from recoverydesk.recovery.public.checklist import checklist
from recoverydesk.recovery.public.mails_sent import mails_sent
from recoverydesk.recovery.repository_urls import pushing
from recoverydesk.recovery.summary import boundary_rows
from recoverydesk.recovery.workflow import other_proofs, timetable


def status_page(ticket: RecoveryTicket, *, return_code: str = "") -> dict[str, Any]:
    """What the claimant sees: never the branch token, never staff, never another address."""
    now = database_now()
    asked = list(ticket.boundaries.filter(kind=Boundary.Kind.ASKED).order_by("host", "namespace"))
    case = cases.read_case(ticket, now)
    return {
        "ticket": ticket,
        "out_of_reach": policy.out_of_reach(case),
        "now": now,
        "rows": boundary_rows(asked, now),
        "return_code": return_code,
        "may_confirm": ticket.status in (Status.CHALLENGED, Status.WAITING, Status.READY)
        and not (ticket.return_code_digest and ticket.mailbox_confirmed_at and _all_proved(asked)),
        "checklist": checklist(case, now),
        "deadline": timetable.deadline(ticket, cases.numbers().expires_after),
        "mails": mails_sent(ticket),
        "place": queue_place.place_of_ticket(ticket),
        "notices_wait": policy.Missing.NOTICES in policy.missing(case, now, cases.numbers()),
        "may_write": ticket.status in (Status.CHALLENGED, Status.WAITING, Status.READY),
        "may_offer": other_proofs.may_offer(ticket),
        "ways": _ways(asked) if ticket.status == Status.CHALLENGED else [],
        "any_link": bool(asked) or project_links.any_link(ticket.subject, before=ticket.requested_at),
        "proofs": [proof.get_kind_display() for proof in ticket.other_proofs.filter(kind__in=OtherProof.BOUND)],
    }


def is_out_of_reach(ticket: RecoveryTicket) -> bool:
    """Whether no rule can ever grant it, as things are now."""
    return policy.out_of_reach(cases.read_case(ticket, database_now()))


def _ways(asked: list[Boundary]) -> list[tuple[Boundary, pushing.Way]]:
    """How to make the branch for each owner that is not proved yet, in the newest of its repositories."""
    hosts = stored_hosts() if asked else {}
    found = []
    for row in asked:
        ways = (pushing.way(repository["url"], hosts) for repository in row.repositories)
        way = None if row.proved_at else next((one for one in ways if one is not None), None)
        if way is not None:
            found.append((row, way))
    return found


def _all_proved(asked: list[Boundary]) -> bool:
    return all(boundary.proved_at is not None for boundary in asked)
