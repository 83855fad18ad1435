"""The table of moves, and every verb under one name: the only writers of a ticket's status.

Every verb takes the ticket's id and a keyword-only `actor`, locks, looks in TRANSITIONS, asks policy inside the
lock, saves named fields, records an event and queues mail rows in the same transaction. A refusal raises an error
of `errors` by name, changes nothing and is an event. How a ticket comes to be is in `opening`.
"""

from recoverydesk.recovery.challenging import (
    challenge,
    check_now,
    confirm_mailbox,
    leave_to_staff,
    resend,
    take_return_code,
)
from recoverydesk.recovery.disputing import block, dispute, dispute_silence, mend_bounce, note_bounce
from recoverydesk.recovery.ending import expire, reject, stop, withdraw
from recoverydesk.recovery.exceptions import add_boundary, approve_exception, ask_exception, decline_exception
from recoverydesk.recovery.models import OPEN_STATUSES, Status
from recoverydesk.recovery.objecting import object_after_reset, settle_objection
from recoverydesk.recovery.opening import open_ticket
from recoverydesk.recovery.other_proofs import Offer, offer_proof, vouch
from recoverydesk.recovery.permissions import Who
from recoverydesk.recovery.pressing import Outcome, break_glass, reset
from recoverydesk.recovery.proving import record_probe
from recoverydesk.recovery.second_people import approve
from recoverydesk.recovery.transitions import Move, Verb
from recoverydesk.recovery.waiting import remind, send_back, start_clock, wait_over

__all__ = [
    "TRANSITIONS",
    "Move",
    "Offer",
    "Outcome",
    "Verb",
    "add_boundary",
    "approve",
    "approve_exception",
    "ask_exception",
    "block",
    "break_glass",
    "challenge",
    "check_now",
    "confirm_mailbox",
    "decline_exception",
    "dispute",
    "dispute_silence",
    "expire",
    "leave_to_staff",
    "mend_bounce",
    "note_bounce",
    "object_after_reset",
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

_NEW, _CHALLENGED = frozenset({Status.NEW}), frozenset({Status.CHALLENGED})
_NEAR = frozenset({Status.WAITING, Status.READY})
_OPEN = frozenset(OPEN_STATUSES)
_PROVING = _CHALLENGED | _NEAR
_COMPLETED = frozenset({Status.COMPLETED})
_DESK = frozenset({Who.MODERATOR, Who.ADMIN})
_SYSTEM = frozenset({Who.SYSTEM})
_CLAIMANT = frozenset({Who.CLAIMANT})
_MODERATOR = frozenset({Who.MODERATOR})

TRANSITIONS: dict[Verb, Move] = {
    Verb.CHALLENGE: Move(_NEW, _CHALLENGED, _SYSTEM | _MODERATOR),
    Verb.RESEND: Move(_CHALLENGED, _CHALLENGED, _SYSTEM | _CLAIMANT | _MODERATOR),
    Verb.CONFIRM_MAILBOX: Move(_PROVING, _PROVING, _CLAIMANT),
    Verb.TAKE_RETURN_CODE: Move(_PROVING, _PROVING, _CLAIMANT),
    Verb.CHECK_NOW: Move(_CHALLENGED, _CHALLENGED, _SYSTEM | _CLAIMANT | _MODERATOR),
    Verb.RECORD_PROBE: Move(_CHALLENGED, _PROVING, _SYSTEM),
    Verb.OFFER_PROOF: Move(_CHALLENGED, _PROVING, _CLAIMANT),
    Verb.VOUCH: Move(_OPEN, _OPEN, frozenset({Who.CO_OWNER})),
    Verb.ADD_BOUNDARY: Move(_NEW | _CHALLENGED, _NEW | _CHALLENGED, _MODERATOR),
    Verb.ASK_EXCEPTION: Move(_CHALLENGED, _CHALLENGED, _MODERATOR),
    Verb.APPROVE_EXCEPTION: Move(_CHALLENGED, _PROVING, _DESK),
    Verb.DECLINE_EXCEPTION: Move(_CHALLENGED, _CHALLENGED, _DESK),
    Verb.DISPUTE: Move(_OPEN, _OPEN, _SYSTEM | {Who.CO_OWNER, Who.MODERATOR}),
    Verb.BLOCK: Move(_OPEN, _OPEN, _SYSTEM),
    Verb.NOTE_BOUNCE: Move(_CHALLENGED, _CHALLENGED, _SYSTEM),
    Verb.MEND_BOUNCE: Move(_CHALLENGED, _PROVING, _SYSTEM),
    Verb.START_CLOCK: Move(_CHALLENGED, _PROVING, _SYSTEM),
    Verb.WAIT_OVER: Move(frozenset({Status.WAITING}), _PROVING, _SYSTEM),
    Verb.APPROVE: Move(_PROVING, _PROVING, frozenset({Who.ADMIN})),
    Verb.SEND_BACK: Move(_NEAR, _PROVING, _SYSTEM | _DESK),
    Verb.RESET: Move(_NEAR, _PROVING | _COMPLETED, frozenset({Who.ADMIN})),
    Verb.REJECT: Move(_OPEN, frozenset({Status.REJECTED}), _DESK),
    Verb.STOP: Move(_OPEN | {Status.STOPPED}, _OPEN | {Status.STOPPED}, frozenset({Who.ADDRESS_HOLDER, Who.SUBJECT})),
    Verb.WITHDRAW: Move(_OPEN, _OPEN | {Status.WITHDRAWN}, _CLAIMANT | {Who.SUBJECT}),
    Verb.EXPIRE: Move(_CHALLENGED, frozenset({Status.EXPIRED}), _SYSTEM),
    Verb.OBJECT: Move(_COMPLETED, _COMPLETED, frozenset({Who.ADDRESS_HOLDER})),
    Verb.SETTLE_OBJECTION: Move(_COMPLETED, _COMPLETED, frozenset({Who.ADMIN})),
    Verb.REMIND: Move(_OPEN, _OPEN, _SYSTEM),
    Verb.BREAK_GLASS: Move(_OPEN, _COMPLETED, frozenset({Who.OPERATOR})),
}
