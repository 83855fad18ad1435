"""Every verb under one name: the only writers of a ticket's status.

Every verb takes the ticket's id and a keyword-only `actor`, locks, looks in TRANSITIONS (`table`), asks policy inside
the lock, saves named fields, records an event and queues mail rows in the same transaction. A refusal raises an error
of `errors` by name, changes nothing and is an event.
"""

from recoverydesk.recovery.workflow.approvals import approve
from recoverydesk.recovery.workflow.boundary_exceptions import (
    add_boundary,
    approve_exception,
    ask_exception,
    decline_exception,
)
from recoverydesk.recovery.workflow.branch_proofs import record_probe
from recoverydesk.recovery.workflow.challenges import (
    challenge,
    check_now,
    confirm_mailbox,
    leave_to_staff,
    mend_bounce,
    note_bounce,
    resend,
    take_return_code,
)
from recoverydesk.recovery.workflow.closing import expire, reject, stop, withdraw
from recoverydesk.recovery.workflow.disputes import dispute, note_alarm, note_sign_in
from recoverydesk.recovery.workflow.messages import write
from recoverydesk.recovery.workflow.objections import object_after_reset, settle_objection
from recoverydesk.recovery.workflow.opening import open_ticket
from recoverydesk.recovery.workflow.other_proofs import Offer, offer_proof, vouch
from recoverydesk.recovery.workflow.resets import Outcome, break_glass, reset
from recoverydesk.recovery.workflow.waiting_period import remind, send_back, start_clock, wait_over

__all__ = [
    "write",
    "Offer",
    "Outcome",
    "add_boundary",
    "approve",
    "approve_exception",
    "ask_exception",
    "break_glass",
    "challenge",
    "check_now",
    "confirm_mailbox",
    "decline_exception",
    "dispute",
    "expire",
    "leave_to_staff",
    "mend_bounce",
    "note_alarm",
    "note_bounce",
    "object_after_reset",
    "note_sign_in",
    "offer_proof",
    "open_ticket",
    "record_probe",
    "reject",
    "remind",
    "resend",
    "reset",
    "send_back",
    "settle_objection",
    "start_clock",
    "stop",
    "take_return_code",
    "vouch",
    "wait_over",
    "withdraw",
]
