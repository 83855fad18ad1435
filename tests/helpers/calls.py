"""Every verb of the table of moves as it is called, and what a status answers where it does not stay as it is."""

from collections.abc import Callable
from typing import Any

from recoverydesk.recovery import errors, workflow
from recoverydesk.recovery.models import OPEN_STATUSES, RecoveryTicket, Status
from recoverydesk.recovery.permissions import Actor
from recoverydesk.recovery.workflow import resets
from recoverydesk.recovery.workflow.table import Verb
from tests.helpers import decided, factories
from tests.helpers.tickets import (
    REASON,
)

NEW, CHALLENGED, WAITING, READY = OPEN_STATUSES
ANY_OPEN = set(OPEN_STATUSES)
PROVING = {CHALLENGED, WAITING, READY}
PASSWORD = workflow.Offer("password", factories.PASSWORD)
Outcome = Status | type[errors.RecoveryError] | None
CALLS: dict[Verb, tuple[Callable[[RecoveryTicket, Actor], Any], dict[Status, Outcome]]] = {
    Verb.CHALLENGE: (lambda t, a: workflow.challenge(t.pk, actor=a), {NEW: CHALLENGED}),
    Verb.RESEND: (lambda t, a: workflow.resend(t.pk, actor=a), {}),
    Verb.CONFIRM_MAILBOX: (lambda t, a: workflow.confirm_mailbox(t.pk, actor=a), {}),
    Verb.TAKE_RETURN_CODE: (lambda t, a: workflow.take_return_code(t.pk, actor=a), {}),
    Verb.CHECK_NOW: (lambda t, a: workflow.check_now(t.pk, actor=a), {}),
    Verb.RECORD_PROBE: (
        lambda t, a: workflow.record_probe(t.pk, t.boundaries.get().pk, actor=a, lease=None, results=[]),
        {},
    ),
    Verb.OFFER_PROOF: (lambda t, a: workflow.offer_proof(t.pk, actor=a, offer=PASSWORD), {}),
    Verb.WRITE: (lambda t, a: workflow.write(t.pk, actor=a, text="I have my old phone again"), {}),
    Verb.VOUCH: (lambda t, a: workflow.vouch(t.pk, actor=a), {}),
    Verb.ADD_BOUNDARY: (
        lambda t, a: workflow.add_boundary(t.pk, actor=a, url="https://github.com/website/tool", reason=REASON),
        {},
    ),
    Verb.ASK_EXCEPTION: (
        lambda t, a: decided.ask_exception(
            t.pk, actor=a, boundary_id=t.boundaries.get().pk, other_proof="archived", reason=REASON
        ),
        {},
    ),
    Verb.APPROVE_EXCEPTION: (
        lambda t, a: decided.approve_exception(t.pk, actor=a, boundary_id=t.boundaries.get().pk, reason=REASON),
        {CHALLENGED: errors.InvalidTransition},
    ),
    Verb.DECLINE_EXCEPTION: (
        lambda t, a: decided.decline_exception(t.pk, actor=a, boundary_id=t.boundaries.get().pk, reason=REASON),
        {CHALLENGED: errors.InvalidTransition},
    ),
    Verb.DISPUTE: (
        lambda t, a: workflow.dispute(t.pk, actor=a, reason=REASON),
        {READY: WAITING},
    ),
    Verb.NOTE_BOUNCE: (lambda t, a: workflow.note_bounce(t.pk, actor=a), {}),
    Verb.MEND_BOUNCE: (lambda t, a: workflow.mend_bounce(t.pk, actor=a), {CHALLENGED: errors.InvalidTransition}),
    Verb.START_CLOCK: (lambda t, a: workflow.start_clock(t.pk, actor=a), {}),
    Verb.WAIT_OVER: (lambda t, a: workflow.wait_over(t.pk, actor=a), {WAITING: errors.WaitingPeriodActive}),
    Verb.APPROVE: (
        lambda t, a: decided.approve(t.pk, actor=a, reason=REASON),
        dict.fromkeys(PROVING, errors.ApprovalNotNeeded),
    ),
    Verb.SEND_BACK: (
        lambda t, a: workflow.send_back(t.pk, actor=a, reason=REASON),
        {WAITING: errors.NothingAsksForIt, READY: errors.NothingAsksForIt},
    ),
    Verb.RESET: (
        lambda t, a: decided.reset(t.pk, actor=a, reason=REASON),
        {WAITING: errors.WaitingPeriodActive, READY: Status.COMPLETED},
    ),
    Verb.REJECT: (
        lambda t, a: workflow.reject(t.pk, actor=a, reason=REASON),
        dict.fromkeys(ANY_OPEN, Status.REJECTED),
    ),
    Verb.STOP: (
        lambda t, a: workflow.stop(t.pk, actor=a),
        dict.fromkeys(ANY_OPEN, Status.STOPPED) | {Status.STOPPED: errors.InvalidTransition},  # only to freeze
    ),
    Verb.WITHDRAW: (lambda t, a: workflow.withdraw(t.pk, actor=a), dict.fromkeys(ANY_OPEN, Status.WITHDRAWN)),
    Verb.EXPIRE: (lambda t, a: workflow.expire(t.pk, actor=a), {CHALLENGED: errors.InvalidTransition}),
    Verb.OBJECT: (lambda t, a: workflow.object_after_reset(t.pk, actor=a), {}),
    Verb.SETTLE_OBJECTION: (
        lambda t, a: decided.settle_objection(t.pk, actor=a, reason=REASON),
        {Status.COMPLETED: errors.InvalidTransition},
    ),
    Verb.REMIND: (lambda t, a: workflow.remind(t.pk, actor=a), dict.fromkeys(ANY_OPEN, errors.InvalidTransition)),
    Verb.BREAK_GLASS: (
        lambda t, a: resets.break_glass_on(t.pk, actor=a, reason=REASON),
        dict.fromkeys(ANY_OPEN, Status.COMPLETED),
    ),
}
