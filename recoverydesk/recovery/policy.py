"""What proof suffices, how long to wait, how many people, whose turn it is and the one next step.

Pure: a `Case` and the clock are passed in, nothing is read and nothing is written. The doubt of a case is a rung of
the ladder in docs/recovery-policy.md, and the rung says the rest. The terms are in `policy_terms`.
"""

from datetime import datetime, timedelta
from itertools import accumulate

from recoverydesk.recovery.policy_terms import (
    FACTORS,
    NEW_CONTACT,
    OPEN,
    UNVERIFIED,
    Block,
    Case,
    Claim,
    Explanation,
    Missing,
    No,
    Numbers,
    Status,
    Step,
    Turn,
    Voice,
)

__all__ = [
    "FACTORS", "NEW_CONTACT", "OPEN", "UNVERIFIED", "Block", "Case", "Claim", "Explanation", "Missing", "No",
    "Numbers", "Status", "Step", "Turn", "Voice",
]  # fmt: skip
TWO_PEOPLE, NEW_ADDRESS, NOTHING_BOUND = 3, 4, 5  # rungs of the ladder


# The ladder: how far this request is from the account's own mailbox and its own repositories ------------------------


def doubt(case: Case) -> int:
    """0 to 5; the highest that applies."""
    new, bound = case.claim in NEW_CONTACT, case.account_proof
    if not bound and ((new and case.old_addresses_dead) or (case.excepted and not case.named_proved)):
        return NOTHING_BOUND
    if new or case.signed_in_at:
        return NEW_ADDRESS
    if case.excepted or case.disputed_at or case.recently_stopped or case.subject_is_staff:
        return TWO_PEOPLE
    if case.claim in UNVERIFIED or case.mailbox_young:
        return 2
    if not case.has_projects and not case.asked:
        return 0
    return 1 if case.named else 2


def people(case: Case, numbers: Numbers) -> int:
    """How many must agree."""
    return people_on(doubt(case), numbers)


def people_on(rung: int, numbers: Numbers) -> int:
    """How many must agree on this rung."""
    return 2 if rung >= TWO_PEOPLE or numbers.always_two else 1


def waits(numbers: Numbers, *, critical: bool) -> tuple[timedelta, ...]:
    """The wait of each rung: none waits shorter than the one below."""
    window = numbers.objection_window_critical if critical else numbers.objection_window
    careful, new = numbers.wait_careful, numbers.wait_new_contact
    given = (timedelta(0), window, numbers.wait_without_boundary, careful, new, numbers.wait_nothing_bound)
    return tuple(accumulate(given, max))


def wait(case: Case, numbers: Numbers) -> timedelta:
    """How long the rung of this case waits."""
    return waits(numbers, critical=case.critical)[doubt(case)]


def begins(case: Case) -> datetime | None:
    """When the wait begins: all notices have left, from rung 2 the mailbox is confirmed. None while it cannot.

    They left before a wait was written, whether it is known when or not.
    """
    left = case.wait_from or case.notices_settled_at
    if left is None and case.wait_until is not None:
        left = case.disputed_at or case.signed_in_at
    if left is None or doubt(case) < 2:
        return left
    return max(left, case.mailbox_confirmed_at) if case.mailbox_confirmed_at else None


def ends(case: Case, numbers: Numbers) -> datetime | None:
    """When the wait ends, or None while it cannot begin. A doubt somebody raised has its rung's wait from then."""
    begin = begins(case)
    return max([begin + wait(case, numbers), *_since_doubts(case, numbers)]) if begin else None


def _since_doubts(case: Case, numbers: Numbers) -> list[datetime]:
    span = waits(numbers, critical=case.critical)
    raised = ((case.disputed_at, TWO_PEOPLE), (case.signed_in_at, NEW_ADDRESS))
    return [at + span[rung] for at, rung in raised if at is not None]


def later_end(case: Case, numbers: Numbers) -> datetime | None:
    """The end that a new doubt gives a wait that is written already; None while that one stands. Never an earlier."""
    if case.wait_until is None:
        return None
    end = ends(case, numbers)
    risen = case.written is None or doubt(case) > case.written or case.critical
    found = [end] if end is not None and risen else _since_doubts(case, numbers)
    return max((one for one in found if one > case.wait_until), default=None)


# What lacks, what blocks, and where that leaves the ticket -----------------------------------------------------------


def _other_proof(case: Case) -> list[Missing]:
    """A new address needs one boundary (one that staff added only with something bound) and, below rung 5, both."""
    if case.claim not in NEW_CONTACT:
        return []
    one = case.proved if case.account_proof else case.named_proved
    bound = case.account_proof or case.old_addresses_dead
    lacks = ((Missing.ONE_BOUNDARY, one < 1), (Missing.ACCOUNT_PROOF, not bound))
    return [ask for ask, there in lacks if there]


def missing(case: Case, now: datetime, numbers: Numbers) -> list[Missing]:
    """List what policy still asks, in the order people deal with it. Times are aware; `now` is the database's."""
    running, settled = case.wait_until is not None, case.notices_settled_at is not None
    lacks = (
        (Missing.BOUNDARIES, not case.all_served),
        *((ask, True) for ask in _other_proof(case)),
        (Missing.MAILBOX, case.mailbox_confirmed_at is None),
        (Missing.NOTICES, not running and not settled),
        (Missing.CLOCK, not running and settled),  # the mailbox lacks, or the next sweep writes it
        (Missing.WAITING_PERIOD, case.wait_until is not None and now < case.wait_until),
        (Missing.APPROVAL, people(case, numbers) > 1 and not case.approved),
    )
    return [ask for ask, there in lacks if there]


def blocks(case: Case, numbers: Numbers) -> list[Block]:
    """List what stops this ticket from moving on."""
    stops = (
        (Block.BOUNCED, case.bounced),
        (Block.FROZEN, case.frozen),
        (Block.SWITCHED_OFF, switched_off(case.claim, never_reset=case.never_reset, numbers=numbers)),
        (Block.CONTACT_TAKEN, case.contact_taken),
        (Block.CONTACT_CHANGED, case.contact_changed),
        (Block.INCIDENT, case.incident),
    )
    return [block for block, there in stops if there]


def switched_off(claim: str, *, never_reset: bool, numbers: Numbers) -> bool:
    """The site lets no person reset anything, or the owner wants no person to reset their second factors."""
    return not numbers.human_reset or (never_reset and claim in FACTORS)


def out_of_reach(case: Case) -> bool:
    """A new address needs one boundary proved, and there is none to prove: as things are, nothing grants this."""
    return case.claim in NEW_CONTACT and case.asked == 0 and case.status in OPEN


def advances_to(case: Case, now: datetime, numbers: Numbers) -> Status | None:
    """Where a challenged ticket may go: waiting while the clock runs, ready after it, None while anything lacks.

    The second person's yes is not waited for: it can be given to a ready ticket.
    """
    if not still_holds(case, now, numbers):
        return None
    return Status.WAITING if Missing.WAITING_PERIOD in missing(case, now, numbers) else Status.READY


def still_holds(case: Case, now: datetime, numbers: Numbers) -> bool:
    """Whether everything but the clock and the approval is there, and nothing blocks."""
    allowed = {Missing.WAITING_PERIOD, Missing.APPROVAL}
    return not blocks(case, numbers) and set(missing(case, now, numbers)) <= allowed


def whose_turn(case: Case) -> Turn:
    """Once the claimant has done everything, only the clock is left to wait for."""
    if case.status not in OPEN:
        return Turn.OURS if case.objected else Turn.NOBODY
    if case.status == Status.WAITING:
        return Turn.OURS if case.unanswered else Turn.CLOCK
    doubted = case.disputed_at or case.signed_in_at
    stopped = case.bounced or case.frozen or case.contact_taken or case.contact_changed or case.incident
    if case.status != Status.CHALLENGED or doubted or stopped:
        return Turn.OURS
    if case.exceptions_asked or case.unanswered or (case.needs_a_person and not case.all_served):
        return Turn.OURS
    done = case.all_served and case.mailbox_confirmed_at and not _other_proof(case)
    return Turn.CLOCK if done else Turn.THEIRS


def explain(case: Case, now: datetime, numbers: Numbers) -> Explanation:
    """Say what the ticket's one next step is, whose turn it is and everything that lacks or blocks."""
    asks = case.status in OPEN - {Status.NEW}
    lacking = tuple(missing(case, now, numbers)) if asks else ()
    blocked = tuple(blocks(case, numbers)) if case.status in OPEN else ()
    return Explanation(_step(case, lacking, blocked), whose_turn(case), lacking, blocked)


def _step(case: Case, lacking: tuple[Missing, ...], blocked: tuple[Block, ...]) -> Step:
    turn = whose_turn(case)
    if turn == Turn.NOBODY:
        return Step.NONE
    if case.status in (Status.NEW, Status.WAITING):
        return Step.CHALLENGE if case.status == Status.NEW else Step.AWAIT_CLOCK
    if blocked or case.status not in OPEN:
        return Step.LOOK
    if case.status == Status.READY:
        return Step.APPROVE if Missing.APPROVAL in lacking else Step.RESET
    if out_of_reach(case):
        return Step.OUT_OF_REACH
    if case.exceptions_asked or not case.all_served:
        return Step.APPROVE_EXCEPTION if case.exceptions_asked else Step.PROBE
    return {Turn.THEIRS: Step.AWAIT_CLAIMANT, Turn.CLOCK: Step.AWAIT_CLOCK}.get(turn, Step.LOOK)


# Who says no, and when it is over ------------------------------------------------------------------------------------


def no(voice: Voice, *, after_reset: bool) -> No:
    """A strong no ends a request and freezes after a reset; a weak one raises the doubt once, and asks us to look.

    Otherwise an intruder with an address or a factor on the account could keep its owner out for ever.
    """
    strong = voice.owners and not voice.young and not voice.again
    if after_reset:
        return No.FREEZES if strong else No.LOOKS
    return No.ENDS if strong or voice.claimants else No.DOUBTS


def may_object(
    completed_at: datetime | None, now: datetime, numbers: Numbers, *, hold_until: datetime | None = None
) -> bool:
    """Whether a stop link still freezes the account after the reset: for 7 days, and until a password hold is over."""
    if completed_at is None:
        return False
    end = completed_at + numbers.object_within
    return now <= (max(end, hold_until) if hold_until else end)


def expired(case: Case, their_time: timedelta, numbers: Numbers) -> bool:
    """Whether a challenged ticket has used up its turn. Our own turns never count, nor does a host that is down."""
    return case.status == Status.CHALLENGED and not case.host_failing and their_time >= numbers.expires_after
