"""What must be true after any fault: the invariants, and a post in which nothing is lost and nothing differs."""

from accounts.mail.models import Mail, Request
from recoverydesk.invariants import rules
from recoverydesk.recovery.models import RecoveryTicket, Status
from tests.services.postbox import Postbox
from tests.services.stack import eventually


def settle(within: float = 180) -> None:
    """Wait until nothing is due any more."""
    eventually(lambda: not _waiting(), "an empty queue", within)


def _waiting() -> bool:
    mails = Mail.objects.filter(state=Mail.State.QUEUED)
    return mails.exists() or Request.objects.filter(handled_at=None).exists()


def verdict(box: Postbox, *, repeats: int = 0, completed: int | None = None) -> list[str]:
    """List every fault found. `repeats` is how many mails may have come twice."""
    faults = [str(one) for one in rules.check_rules()]
    sent = set(Mail.objects.filter(state="sent").values_list("message_id", flat=True))
    faults += [f"sent, but never taken: {number}" for number in sent - box.taken.keys()]
    faults += [f"taken, but not noted as sent: {number}" for number in box.taken.keys() - sent]
    faults += [f"two mails under one Message-ID: {number}" for number in box.changed()]
    if box.repeated() > repeats:
        faults.append(f"{box.repeated()} mails came twice, {repeats} may")
    done = RecoveryTicket.objects.filter(status=Status.COMPLETED).count()
    if completed is not None and done != completed:
        faults.append(f"{done} tickets completed, {completed} expected")
    return faults
