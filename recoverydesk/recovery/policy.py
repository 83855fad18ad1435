"""What proof suffices, how long to wait, how many people, whose turn it is and the one next step.

Pure: a `Case` and the clock are passed in, nothing is read and nothing is written. The rows are the table of
claims in docs/recovery-policy.md; where several apply, the strictest of each column wins.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

NEW_CONTACT = frozenset({"email", "email_and_second_factor"})
CLOSED = frozenset({"completed", "rejected", "stopped", "withdrawn", "expired"})


class Missing(StrEnum):
    """What still stands between a ticket and its reset, in the order people deal with it."""

    BOUNDARIES = "boundaries"
    ONE_BOUNDARY = "one_boundary"
    ACCOUNT_PROOF = "account_proof"
    BOUNDARY_OR_PROOF = "boundary_or_proof"
    MAILBOX = "mailbox"
    NOTICES = "notices"
    CLOCK = "clock"
    WAITING_PERIOD = "waiting_period"
    APPROVAL = "approval"


class Block(StrEnum):
    """What stops a ticket from moving on, whatever has been proved."""

    SIGNED_IN = "signed_in"
    BOUNCED = "bounced"
    FROZEN = "frozen"
    SWITCHED_OFF = "switched_off"
    CONTACT_TAKEN = "contact_taken"
    CONTACT_CHANGED = "contact_changed"


class Step(StrEnum):
    """The one next step of a ticket: the primary button, or what it waits for."""

    CHALLENGE = "challenge"
    PROBE = "probe"
    APPROVE_EXCEPTION = "approve_exception"
    APPROVE = "approve"
    RESET = "reset"
    AWAIT_CLOCK = "await_clock"
    AWAIT_CLAIMANT = "await_claimant"
    AWAIT_OWNER = "await_owner"
    LOOK = "look"
    NONE = "none"


@dataclass(frozen=True)
class Numbers:
    """The settings policy works with."""

    objection_window: timedelta
    objection_window_critical: timedelta
    wait_without_boundary: timedelta
    expires_after: timedelta
    object_within: timedelta
    wait_careful: timedelta = timedelta(days=7)
    wait_new_contact: timedelta = timedelta(days=14)
    wait_nothing_bound: timedelta = timedelta(days=30)
    always_two: bool = False
    human_reset: bool = True


@dataclass(frozen=True)
class Case:
    """Everything policy may know of one ticket, read from the database in one go (see `cases.read_case`).

    `asked` counts all boundaries asked for; `own` only those frozen when the ticket opened that would be asked for
    without invitations and young roles; `added_proved` those of staff's additions that are proved. `account_proof`:
    one bound to the account was given (password, API token, signed-in device, factor); `other_proof`: one, or a
    co-owner's word. `role_gained`: since the request, with boundaries of its own perhaps. `written` names the rows the
    waiting period was written for; empty while it is not.
    """

    claim: str
    status: str
    asked: int
    proved: int
    has_projects: bool
    critical: bool
    subject_is_staff: bool
    recently_stopped: bool
    signed_in: bool
    bounced: bool
    frozen: bool
    mailbox_confirmed_at: datetime | None
    notices_settled_at: datetime | None
    wait_until: datetime | None
    needs_a_person: bool
    objected: bool
    host_failing: bool
    own: int = 0
    own_proved: int = 0
    added_proved: int = 0
    excepted: int = 0
    exceptions_asked: int = 0
    account_proof: bool = False
    other_proof: bool = False
    role_gained: bool = False
    old_addresses_dead: bool = False
    contact_taken: bool = False
    contact_changed: bool = False
    never_reset: bool = False
    disputed_at: datetime | None = None
    approved: bool = False
    written: frozenset[str] = field(default=frozenset())

    @property
    def disputed(self) -> bool:
        return self.disputed_at is not None

    @property
    def all_served(self) -> bool:
        """Every boundary is proved, or excepted by two people."""
        return self.proved + self.excepted >= self.asked


@dataclass(frozen=True)
class PolicyRow:
    """One row of the table: how long to wait, from when, how many people must agree, and what other proof."""

    name: str
    wait: timedelta
    after_mailbox: bool = True
    after_dispute: bool = False
    people: int = 1
    superuser: bool = False
    asks: tuple[Missing, ...] = ()


def rows(case: Case, numbers: Numbers) -> list[PolicyRow]:
    """Return every row of the table that applies to this case: the claim's own first."""
    return [_claims_row(case, numbers), *_special_rows(case, numbers)]


def _claims_row(case: Case, numbers: Numbers) -> PolicyRow:
    if case.claim in NEW_CONTACT:
        return _new_contact(case, numbers)
    if case.claim == "unverified_email":
        return PolicyRow("unverified address", numbers.wait_careful)
    return _second_factor(case, numbers)


def _new_contact(case: Case, numbers: Numbers) -> PolicyRow:
    """Without anything bound to the account only the silence of every old address counts, and it counts slowly."""
    if not case.account_proof and case.old_addresses_dead:
        name = "new contact, nothing bound to the account"
        return PolicyRow(name, numbers.wait_nothing_bound, people=2, asks=(Missing.ONE_BOUNDARY,))
    asks = (Missing.ONE_BOUNDARY, Missing.ACCOUNT_PROOF)
    return PolicyRow("new contact", numbers.wait_new_contact, people=2, asks=asks)


def _second_factor(case: Case, numbers: Numbers) -> PolicyRow:
    """A boundary that staff added, or that is planted, never makes the row of accounts without one less strict."""
    if not case.has_projects and not case.asked:
        return PolicyRow("second factor, no projects", timedelta(0), after_mailbox=False)
    window = numbers.objection_window_critical if case.critical else numbers.objection_window
    critical = ", critical" if case.critical else ""
    if case.own:
        return PolicyRow(f"second factor, repositories{critical}", window, after_mailbox=False)
    return PolicyRow(f"second factor, no boundary{critical}", max(numbers.wait_without_boundary, window))


def _special_rows(case: Case, numbers: Numbers) -> list[PolicyRow]:
    """What makes any claim stricter."""
    wait = numbers.wait_careful
    there = {
        PolicyRow("exception", wait, people=2, asks=(Missing.BOUNDARY_OR_PROOF,)): case.excepted > 0,
        PolicyRow("disputed", wait, after_dispute=True, people=2): case.disputed,
        PolicyRow("stopped lately", wait, people=2): case.recently_stopped,
        PolicyRow("staff", wait, people=2, superuser=True): case.subject_is_staff,
        PolicyRow("two people always", timedelta(0), after_mailbox=False, people=2): numbers.always_two,
    }
    return [one for one, applies in there.items() if applies]


def row(case: Case, numbers: Numbers) -> PolicyRow:
    """The strictest of each column of all rows that apply, as one row."""
    found = rows(case, numbers)
    return PolicyRow(
        name="; ".join(one.name for one in found),
        wait=max(one.wait for one in found),
        after_mailbox=any(one.after_mailbox for one in found),
        after_dispute=any(one.after_dispute for one in found),
        people=max(one.people for one in found),
        superuser=any(one.superuser for one in found),
        asks=tuple(dict.fromkeys(ask for one in found for ask in one.asks)),
    )


def missing(case: Case, now: datetime, numbers: Numbers) -> list[Missing]:
    """List what policy still asks, in the order people deal with it. Times are aware; `now` is the database's."""
    rule = row(case, numbers)
    open_ = {ask for ask in rule.asks if _PROOFS[ask](case)}
    open_ |= {Missing.BOUNDARIES} if not case.all_served else set()
    open_ |= {Missing.MAILBOX} if case.mailbox_confirmed_at is None else set()
    open_ |= {_why_no_clock(case)} if case.wait_until is None else set()
    open_ |= {Missing.WAITING_PERIOD} if case.wait_until is not None and now < case.wait_until else set()
    open_ |= {Missing.APPROVAL} if rule.people > 1 and not case.approved else set()
    return [ask for ask in Missing if ask in open_]


def _why_no_clock(case: Case) -> Missing:
    """The notices are named only while they lack; else the mailbox does, or the next sweep starts the clock."""
    return Missing.NOTICES if case.notices_settled_at is None else Missing.CLOCK


def _no_boundary_proved(case: Case) -> bool:
    """One that somebody else planted never counts as the one; nor does staff's with nothing bound to the account."""
    return case.own_proved + (case.added_proved if case.account_proof else 0) < 1


_NONE = timedelta(0)
_NO_NUMBERS = Numbers(_NONE, _NONE, _NONE, _NONE, _NONE)  # what a row asks as proof hangs on no setting
_PROOFS: dict[Missing, Callable[[Case], bool]] = {
    Missing.ONE_BOUNDARY: _no_boundary_proved,
    Missing.ACCOUNT_PROOF: lambda case: not case.account_proof,
    Missing.BOUNDARY_OR_PROOF: lambda case: case.own_proved < 1 and not case.account_proof,
}


def blocks(case: Case, numbers: Numbers) -> list[Block]:
    """List what stops this ticket from moving on."""
    found = {
        Block.SIGNED_IN: case.signed_in,
        Block.BOUNCED: case.bounced,
        Block.FROZEN: case.frozen,
        Block.SWITCHED_OFF: switched_off(case.claim, never_reset=case.never_reset, numbers=numbers),
        Block.CONTACT_TAKEN: case.contact_taken,
        Block.CONTACT_CHANGED: case.contact_changed,
    }
    return [block for block, there in found.items() if there]


def switched_off(claim: str, *, never_reset: bool, numbers: Numbers) -> bool:
    """The site lets no person reset anything, or the owner wants no person to reset their second factors."""
    return not numbers.human_reset or (never_reset and claim in ("second_factor", "email_and_second_factor"))


def clock_ends(case: Case, numbers: Numbers) -> datetime | None:
    """When the waiting period ends, or None while its clock cannot start.

    Every clock starts when all notices have left the outbox; a clock of days not before the mailbox is confirmed,
    that of a dispute not before the dispute. The latest end of all rows counts.
    """
    ends = [_ends(one, case) for one in rows(case, numbers)]
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def _ends(rule: PolicyRow, case: Case) -> datetime | None:
    starts = [case.notices_settled_at]
    starts += [case.mailbox_confirmed_at] if rule.after_mailbox else []
    starts += [case.disputed_at] if rule.after_dispute else []
    known = [start for start in starts if start is not None]
    return max(known) + rule.wait if len(known) == len(starts) else None


def row_names(case: Case, numbers: Numbers) -> list[str]:
    """The rows a waiting period is written for."""
    return [one.name for one in rows(case, numbers)]


def later_end(case: Case, numbers: Numbers) -> datetime | None:
    """The end that a dispute or a stricter row gives a clock that is written already; None while that one stands."""
    if case.wait_until is None or set(row_names(case, numbers)) <= case.written:
        return None
    settled = case.notices_settled_at or case.disputed_at  # they left before the clock was written, known or not
    ends = clock_ends(replace(case, notices_settled_at=settled), numbers)
    return ends if ends is not None and ends > case.wait_until else None


def advances_to(case: Case, now: datetime, numbers: Numbers) -> str | None:
    """Where a challenged ticket may go: "waiting" while the clock runs, "ready" after it, None while anything lacks.

    The second person's yes is not waited for: it can be given to a ready ticket.
    """
    if blocks(case, numbers):
        return None
    lacking = set(missing(case, now, numbers)) - {Missing.APPROVAL}
    if not lacking:
        return "ready"
    return "waiting" if lacking == {Missing.WAITING_PERIOD} else None


def still_holds(case: Case, now: datetime, numbers: Numbers) -> bool:
    """Whether everything but the clock and the approval is still there for a ticket that waits or is ready."""
    allowed = {Missing.WAITING_PERIOD, Missing.APPROVAL}
    return not blocks(case, numbers) and set(missing(case, now, numbers)) <= allowed


def whose_turn(case: Case) -> str:
    """ours, theirs, clock, subject or nobody."""
    if case.status in CLOSED:
        return "ours" if case.objected else "nobody"
    if case.signed_in:
        return "subject"
    if case.status == "waiting":
        return "clock"
    looked_at = case.bounced or case.disputed or case.frozen or case.contact_taken or case.contact_changed
    if case.status in ("new", "ready") or looked_at:
        return "ours"
    if case.exceptions_asked or (case.needs_a_person and not case.all_served):
        return "ours"
    return _turn_while_challenged(case)


def _turn_while_challenged(case: Case) -> str:
    """Once the claimant has done everything, only the clock is left to wait for."""
    done = case.all_served and case.mailbox_confirmed_at is not None
    lacks = any(_PROOFS[ask](case) for one in rows(case, _NO_NUMBERS) for ask in one.asks)
    return "clock" if done and not lacks else "theirs"


@dataclass(frozen=True)
class Explanation:
    """What is missing and who acts: the one answer behind the sentence, the button and the verb's guard."""

    step: Step
    turn: str
    lacking: tuple[Missing, ...]
    blocks: tuple[Block, ...]


def explain(case: Case, now: datetime, numbers: Numbers) -> Explanation:
    """Say what the ticket's one next step is, whose turn it is and everything that lacks or blocks."""
    open_ = case.status not in CLOSED and case.status != "new"
    lacking = tuple(missing(case, now, numbers)) if open_ else ()
    blocked = tuple(blocks(case, numbers)) if case.status not in CLOSED else ()
    return Explanation(_step(case, lacking, blocked), whose_turn(case), lacking, blocked)


def _step(case: Case, lacking: tuple[Missing, ...], blocked: tuple[Block, ...]) -> Step:
    turn = whose_turn(case)
    if turn in ("subject", "nobody"):
        return Step.AWAIT_OWNER if turn == "subject" else Step.NONE
    if case.status == "ready" and not blocked:
        return Step.APPROVE if Missing.APPROVAL in lacking else Step.RESET
    if case.status in ("new", "waiting"):
        return Step.CHALLENGE if case.status == "new" else Step.AWAIT_CLOCK
    if case.status == "challenged" and not blocked:
        return _step_while_challenged(case, turn)
    return Step.LOOK


def _step_while_challenged(case: Case, turn: str) -> Step:
    if case.exceptions_asked:
        return Step.APPROVE_EXCEPTION
    if not case.all_served:
        return Step.PROBE
    return {"theirs": Step.AWAIT_CLAIMANT, "clock": Step.AWAIT_CLOCK}.get(turn, Step.LOOK)


def may_object(
    case_completed_at: datetime | None, now: datetime, numbers: Numbers, *, hold_until: datetime | None = None
) -> bool:
    """Whether a stop link still freezes the account after the reset: for 7 days, and until a password hold is over."""
    if case_completed_at is None:
        return False
    ends = case_completed_at + numbers.object_within
    return now <= (max(ends, hold_until) if hold_until else ends)


def expired(case: Case, their_time: timedelta, numbers: Numbers) -> bool:
    """Whether a challenged ticket has used up its turn. Our own turns never count, nor does a host that is down."""
    return case.status == "challenged" and not case.host_failing and their_time >= numbers.expires_after
