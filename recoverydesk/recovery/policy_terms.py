"""The terms of the policy: what it may know of a ticket, and what it can answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Claim(StrEnum):
    """What the claimant says is lost."""

    SECOND_FACTOR = "second_factor"
    EMAIL = "email"
    EMAIL_AND_SECOND_FACTOR = "email_and_second_factor"
    UNVERIFIED_EMAIL = "unverified_email"
    UNVERIFIED_AND_FACTOR = "unverified_and_factor"


class Status(StrEnum):
    """Where a ticket stands."""

    NEW = "new"
    CHALLENGED = "challenged"
    WAITING = "waiting"
    READY = "ready"
    COMPLETED = "completed"
    REJECTED = "rejected"
    STOPPED = "stopped"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Turn(StrEnum):
    """Who has to do something next."""

    OURS = "ours"
    THEIRS = "theirs"
    CLOCK = "clock"
    NOBODY = "nobody"


NEW_CONTACT = frozenset({Claim.EMAIL, Claim.EMAIL_AND_SECOND_FACTOR})
UNVERIFIED = frozenset({Claim.UNVERIFIED_EMAIL, Claim.UNVERIFIED_AND_FACTOR})
FACTORS = frozenset({Claim.SECOND_FACTOR, Claim.EMAIL_AND_SECOND_FACTOR, Claim.UNVERIFIED_AND_FACTOR})
OPEN = frozenset({Status.NEW, Status.CHALLENGED, Status.WAITING, Status.READY})


class Missing(StrEnum):
    """What still stands between a ticket and its reset, in the order people deal with it."""

    BOUNDARIES = "boundaries"
    ONE_BOUNDARY = "one_boundary"
    ACCOUNT_PROOF = "account_proof"
    MAILBOX = "mailbox"
    NOTICES = "notices"
    CLOCK = "clock"
    WAITING_PERIOD = "waiting_period"
    APPROVAL = "approval"


class Block(StrEnum):
    """What stops a ticket from moving on, whatever has been proved."""

    BOUNCED = "bounced"
    FROZEN = "frozen"
    SWITCHED_OFF = "switched_off"
    CONTACT_TAKEN = "contact_taken"
    CONTACT_CHANGED = "contact_changed"
    INCIDENT = "incident"


class Step(StrEnum):
    """The one next step of a ticket: the primary button, or what it waits for."""

    CHALLENGE = "challenge"
    PROBE = "probe"
    APPROVE_EXCEPTION = "approve_exception"
    APPROVE = "approve"
    RESET = "reset"
    AWAIT_CLOCK = "await_clock"
    AWAIT_CLAIMANT = "await_claimant"
    OUT_OF_REACH = "out_of_reach"
    LOOK = "look"
    NONE = "none"


class No(StrEnum):
    """What becomes of a ticket when somebody says no."""

    ENDS = "ends"
    DOUBTS = "doubts"
    FREEZES = "freezes"
    LOOKS = "looks"


@dataclass(frozen=True)
class Numbers:
    """The settings policy works with: the wait of each rung first."""

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

    `asked` counts all boundaries asked for, `named` those that releases name and staff did not add. `account_proof`:
    something bound to the account was given (password, API token, signed-in browser, factor). `unanswered`: the
    claimant wrote since our staff last did. `mailbox_young`: the contact was verified, or made the primary address,
    less than 30 days before the request. `wait_from`: when the written waiting period began, `written`: the doubt it
    was written for; None while none is.
    """

    claim: Claim
    status: Status
    asked: int
    proved: int
    has_projects: bool
    critical: bool
    subject_is_staff: bool
    recently_stopped: bool
    bounced: bool
    frozen: bool
    mailbox_confirmed_at: datetime | None
    notices_settled_at: datetime | None
    wait_until: datetime | None
    needs_a_person: bool
    objected: bool
    host_failing: bool
    named: int = 0
    named_proved: int = 0
    excepted: int = 0
    exceptions_asked: int = 0
    account_proof: bool = False
    mailbox_young: bool = False
    old_addresses_dead: bool = False
    contact_taken: bool = False
    contact_changed: bool = False
    incident: bool = False
    never_reset: bool = False
    disputed_at: datetime | None = None
    signed_in_at: datetime | None = None
    approved: bool = False
    unanswered: bool = False
    wait_from: datetime | None = None
    written: int | None = None

    @property
    def all_served(self) -> bool:
        """Every boundary is proved, or excepted by two people."""
        return self.proved + self.excepted >= self.asked


@dataclass(frozen=True)
class Voice:
    """Who says no: an owner's (an address, or signed in), `young` with an address or factor under 30 days, `again`
    in 30 days; the claimant's, who takes it back; or, with neither, anybody else's.
    """

    owners: bool = False
    claimants: bool = False
    young: bool = False
    again: bool = False


@dataclass(frozen=True)
class Explanation:
    """What is missing and who acts: the one answer behind the sentence, the button and the verb's guard."""

    step: Step
    turn: Turn
    lacking: tuple[Missing, ...]
    blocks: tuple[Block, ...]
