"""The table of moves: from which statuses a verb may be used, where it may lead, and by whom."""

from dataclasses import dataclass
from enum import StrEnum

from recoverydesk.recovery.models import OPEN_STATUSES, Status
from recoverydesk.recovery.permissions import Who


class Verb(StrEnum):
    """Everything that can happen to a ticket."""

    CHALLENGE = "challenge"
    RESEND = "resend"
    CONFIRM_MAILBOX = "confirm_mailbox"
    TAKE_RETURN_CODE = "take_return_code"
    CHECK_NOW = "check_now"
    RECORD_PROBE = "record_probe"
    OFFER_PROOF = "offer_proof"
    WRITE = "write"
    VOUCH = "vouch"
    ADD_BOUNDARY = "add_boundary"
    ASK_EXCEPTION = "ask_exception"
    APPROVE_EXCEPTION = "approve_exception"
    DECLINE_EXCEPTION = "decline_exception"
    DISPUTE = "dispute"
    NOTE_BOUNCE = "note_bounce"
    MEND_BOUNCE = "mend_bounce"
    START_CLOCK = "start_clock"
    WAIT_OVER = "wait_over"
    APPROVE = "approve"
    SEND_BACK = "send_back"
    RESET = "reset"
    REJECT = "reject"
    STOP = "stop"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    OBJECT = "object"
    SETTLE_OBJECTION = "settle_objection"
    REMIND = "remind"
    BREAK_GLASS = "break_glass"


@dataclass(frozen=True)
class Move:
    """From which statuses a verb may be used, where it may lead, and by whom."""

    sources: frozenset[Status]
    targets: frozenset[Status]
    who: frozenset[Who]


STAFF = frozenset({Who.MODERATOR, Who.ADMIN})
OUTSIDE = frozenset({Who.CLAIMANT, Who.ADDRESS_HOLDER, Who.SUBJECT, Who.CO_OWNER})
# What a person decides about an account: each needs a second factor shown for it, on the ticket as they saw it. The
# other verbs of staff ask, wait, close or object: they give nobody anything, and the claimant can ask again.
DECISIONS = frozenset({
    Verb.RESET, Verb.APPROVE, Verb.ASK_EXCEPTION, Verb.APPROVE_EXCEPTION, Verb.DECLINE_EXCEPTION,
    Verb.SETTLE_OBJECTION,
})  # fmt: skip
UNCONFIRMED_MAY = frozenset({Verb.CONFIRM_MAILBOX, Verb.TAKE_RETURN_CODE, Verb.WITHDRAW})

_NEW, _CHALLENGED = frozenset({Status.NEW}), frozenset({Status.CHALLENGED})
_WAITING_OR_READY = frozenset({Status.WAITING, Status.READY})
_OPEN = frozenset(OPEN_STATUSES)
_PROVING = _CHALLENGED | _WAITING_OR_READY
_COMPLETED = frozenset({Status.COMPLETED})
_DESK = frozenset({Who.MODERATOR, Who.ADMIN})
_SYSTEM = frozenset({Who.SYSTEM})
_CLAIMANT = frozenset({Who.CLAIMANT})
_MODERATOR = frozenset({Who.MODERATOR})

TRANSITIONS: dict[Verb, Move] = {
    Verb.CHALLENGE: Move(_NEW, _CHALLENGED, _SYSTEM | _MODERATOR),
    Verb.RESEND: Move(_PROVING, _PROVING, _SYSTEM | _CLAIMANT | _MODERATOR),
    Verb.CONFIRM_MAILBOX: Move(_PROVING, _PROVING, _CLAIMANT),
    Verb.TAKE_RETURN_CODE: Move(_PROVING, _PROVING, _CLAIMANT),
    Verb.CHECK_NOW: Move(_CHALLENGED, _CHALLENGED, _SYSTEM | _CLAIMANT | _MODERATOR),
    Verb.RECORD_PROBE: Move(_CHALLENGED, _PROVING, _SYSTEM),
    Verb.OFFER_PROOF: Move(_CHALLENGED, _PROVING, _CLAIMANT),
    Verb.WRITE: Move(_PROVING, _PROVING, _CLAIMANT),
    Verb.VOUCH: Move(_OPEN, _OPEN, frozenset({Who.CO_OWNER})),
    Verb.ADD_BOUNDARY: Move(_NEW | _CHALLENGED, _NEW | _CHALLENGED, _MODERATOR),
    Verb.ASK_EXCEPTION: Move(_CHALLENGED, _CHALLENGED, _MODERATOR),
    Verb.APPROVE_EXCEPTION: Move(_CHALLENGED, _PROVING, _DESK),
    Verb.DECLINE_EXCEPTION: Move(_CHALLENGED, _CHALLENGED, _DESK),
    Verb.DISPUTE: Move(_OPEN, _OPEN, _SYSTEM | {Who.CO_OWNER, Who.MODERATOR}),
    Verb.NOTE_BOUNCE: Move(_CHALLENGED, _CHALLENGED, _SYSTEM),
    Verb.MEND_BOUNCE: Move(_CHALLENGED, _PROVING, _SYSTEM),
    Verb.START_CLOCK: Move(_CHALLENGED, _PROVING, _SYSTEM),
    Verb.WAIT_OVER: Move(frozenset({Status.WAITING}), _PROVING, _SYSTEM),
    Verb.APPROVE: Move(_PROVING, _PROVING, frozenset({Who.ADMIN})),
    Verb.SEND_BACK: Move(_WAITING_OR_READY, _PROVING, _SYSTEM | _DESK),
    Verb.RESET: Move(_WAITING_OR_READY, _PROVING | _COMPLETED, frozenset({Who.ADMIN})),
    Verb.REJECT: Move(_OPEN, frozenset({Status.REJECTED}), _DESK),
    Verb.STOP: Move(_OPEN | {Status.STOPPED}, _OPEN | {Status.STOPPED}, frozenset({Who.ADDRESS_HOLDER, Who.SUBJECT})),
    Verb.WITHDRAW: Move(_OPEN, _OPEN | {Status.WITHDRAWN}, _CLAIMANT | {Who.SUBJECT}),
    Verb.EXPIRE: Move(_CHALLENGED, frozenset({Status.EXPIRED}), _SYSTEM),
    Verb.OBJECT: Move(_COMPLETED, _COMPLETED, frozenset({Who.ADDRESS_HOLDER})),
    Verb.SETTLE_OBJECTION: Move(_COMPLETED, _COMPLETED, frozenset({Who.ADMIN})),
    Verb.REMIND: Move(_OPEN, _OPEN, _SYSTEM),
    Verb.BREAK_GLASS: Move(_OPEN, _COMPLETED, frozenset({Who.OPERATOR})),
}
