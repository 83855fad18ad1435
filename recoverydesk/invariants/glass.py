"""What an operator reset from the shell: it asked for no evidence, so that much more must it say who, why and what."""

from collections.abc import Iterator

from django.db.models import Q

from audit.models import Event
from audit.tags import Tag
from recoverydesk.invariants.broken import Broken
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status
from recoverydesk.recovery.reasons import REASON_MIN_LENGTH

OPERATOR = "operator"
Said = dict[int | None, tuple[str, str]]


def broken_glass() -> Iterator[Broken]:
    """A reset by nobody is the operator's: marked as one, for a lost factor, with event, reason and return code.

    What everybody was told and what was taken is asked of it as of every reset (`letters`, `remains`, `chain`).
    """
    said = _said()
    by_nobody = RecoveryTicket.objects.filter(Q(broke_glass=True) | Q(status=Status.COMPLETED, reset_by=None))
    seen = set()
    for ticket in by_nobody.iterator():
        seen.add(ticket.pk)
        for fault in _faults(ticket, said):
            yield Broken("broken_glass", f"ticket:{ticket.pk}", fault)
    for number in sorted(one for one in said.keys() - seen if one is not None):
        yield Broken("broken_glass", f"ticket:{number}", "the log says that an operator reset it, the ticket does not")


def _said() -> Said:
    events = Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_BREAK_GLASS).values_list("ticket", "actor_name", "data")
    return {ticket: (actor, str(data.get("reason", ""))) for ticket, actor, data in events}


def _faults(ticket: RecoveryTicket, said: Said) -> Iterator[str]:
    if not ticket.broke_glass:
        yield "completed by nobody"
    if ticket.reset_by_id is not None or ticket.status != Status.COMPLETED or ticket.claim != Claim.SECOND_FACTOR:
        yield "marked as reset from the shell, and it was not"
    actor, reason = said.get(ticket.pk, ("", ""))
    if actor != OPERATOR or len(reason) < REASON_MIN_LENGTH:
        yield "no event says that an operator did it, and why"
    if not ticket.return_code_digest:
        yield "no return code was made"
