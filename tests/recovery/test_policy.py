"""The policy against a second statement of docs/recovery-policy.md, written from the page, over every combination.

THOROUGH=1 looks at all 102,400 combinations of flags and counts, the fast tier at a sample from everywhere in them.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import permutations, product
from typing import Any, NamedTuple

import pytest

from recoverydesk.recovery import policy, wording
from recoverydesk.recovery.policy import Block, Case, Claim, Missing, No, Numbers, Status, Step, Turn, Voice
from tests.tiers import THOROUGH, spread

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR, DAY, TICK = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
NUMBERS = Numbers(24 * HOUR, 72 * HOUR, 7 * DAY, 14 * DAY, 7 * DAY)
ALWAYS = replace(NUMBERS, always_two=True)
SLOW = replace(NUMBERS, objection_window=8 * DAY, objection_window_critical=20 * DAY)
SETTLED, DISPUTED, SIGNED_IN, CONFIRMED = NOW - 4 * HOUR, NOW - 3 * HOUR, NOW - 2 * HOUR, NOW - HOUR
PLAIN = Case(
    claim=Claim.SECOND_FACTOR, status=Status.CHALLENGED, asked=0, proved=0, has_projects=False, critical=False,
    subject_is_staff=False, recently_stopped=False, bounced=False, frozen=False, mailbox_confirmed_at=None,
    notices_settled_at=None, wait_until=None, needs_a_person=False, objected=False, host_failing=False,
)  # fmt: skip
OWNED = replace(PLAIN, has_projects=True, asked=1, named=1)
DONE = replace(OWNED, proved=1, named_proved=1, mailbox_confirmed_at=CONFIRMED, notices_settled_at=SETTLED)
CLOSED = {Status.COMPLETED, Status.REJECTED, Status.STOPPED, Status.WITHDRAWN, Status.EXPIRED}
FLAGS = ("critical", "subject_is_staff", "recently_stopped", "account_proof", "old_addresses_dead", "mailbox_young")
MOMENTS = {"disputed_at": DISPUTED, "signed_in_at": SIGNED_IN, "mailbox_confirmed_at": CONFIRMED}


# Every combination ---------------------------------------------------------------------------------------------------


def counts() -> Iterator[dict[str, Any]]:
    """Up to two boundaries that releases name and one that staff added; each proved, excepted or open."""
    ranges = (range(3), range(2), range(3), range(2), range(4), (False, True))
    for named, added, own, other, excepted, projects in product(*ranges):
        if own <= named and other <= added and excepted <= named + added - own - other and (projects or not named):
            proved = {"named": named, "asked": named + added, "named_proved": own, "proved": own + other}
            yield proved | {"excepted": excepted, "has_projects": projects}


@cache
def every_case() -> tuple[Case, ...]:
    """All of them, all notices sent and no wait written yet; in the fast tier 1,500."""
    parts = product(counts(), Claim, product((False, True), repeat=len(FLAGS)), product((False, True), repeat=3))
    cases = []
    for counted, claim, flags, happened in spread(parts, 1500, seed="policy"):
        since = {name: MOMENTS[name] if yes else None for name, yes in zip(MOMENTS, happened, strict=True)}
        given: dict[str, Any] = counted | dict(zip(FLAGS, flags, strict=True)) | since
        cases.append(replace(PLAIN, claim=claim, notices_settled_at=SETTLED, **given))
    return tuple(cases)


# The page, a second time ---------------------------------------------------------------------------------------------


class Rung(NamedTuple):
    """One line of the table of the ladder: its doubt, when it applies, and what it asks "also"."""

    doubt: int
    applies: Callable[[Case], bool]
    also: dict[Missing, Callable[[Case], bool]] | None = None


NEW_ADDRESS = {Claim.EMAIL, Claim.EMAIL_AND_SECOND_FACTOR}


def something_to_take(case: Case) -> bool:
    """A project, or a boundary that staff ask for."""
    return case.has_projects or case.asked > 0


LADDER = (
    Rung(0, lambda c: c.claim == Claim.SECOND_FACTOR and not something_to_take(c)),
    Rung(1, lambda c: c.claim == Claim.SECOND_FACTOR and something_to_take(c)),
    Rung(2, lambda c: something_to_take(c) and not c.named),
    Rung(2, lambda c: c.mailbox_young),
    Rung(2, lambda c: c.claim in {Claim.UNVERIFIED_EMAIL, Claim.UNVERIFIED_AND_FACTOR}),
    Rung(3, lambda c: c.disputed_at is not None or c.recently_stopped),
    Rung(3, lambda c: c.excepted > 0 or c.subject_is_staff),
    Rung(4, lambda c: c.claim in NEW_ADDRESS, {
        Missing.ONE_BOUNDARY: lambda c: not (c.proved if c.account_proof else c.named_proved),
        Missing.ACCOUNT_PROOF: lambda c: not c.account_proof,
    }),
    Rung(4, lambda c: c.signed_in_at is not None),
    Rung(5, lambda c: c.claim in NEW_ADDRESS and not c.account_proof and c.old_addresses_dead, {
        Missing.ONE_BOUNDARY: lambda c: not c.named_proved,
    }),
    Rung(5, lambda c: c.excepted > 0 and not c.named_proved and not c.account_proof),
)  # fmt: skip


def doubt_of(case: Case) -> int:
    return max(rung.doubt for rung in LADDER if rung.applies(case))


def waits_of(numbers: Numbers, critical: bool) -> list[timedelta]:
    """Each rung's own setting, and none shorter than any below."""
    window = numbers.objection_window_critical if critical else numbers.objection_window
    long = (numbers.wait_without_boundary, numbers.wait_careful, numbers.wait_new_contact, numbers.wait_nothing_bound)
    own = [timedelta(0), window, *long]
    return [max(own[: rung + 1]) for rung in range(6)]


def begin_of(case: Case) -> datetime | None:
    """All notices have left; from rung 2 the mailbox is confirmed, too."""
    needed = [case.notices_settled_at, *([case.mailbox_confirmed_at] if doubt_of(case) >= 2 else [])]
    return max(moment for moment in needed if moment) if all(needed) else None


def end_from(begin: datetime | None, case: Case, numbers: Numbers = NUMBERS) -> datetime | None:
    """The wait from its beginning; a dispute has rung 3's from when it was raised, a sign-in rung 4's."""
    waits = waits_of(numbers, case.critical)
    since = ((begin, doubt_of(case)), (case.disputed_at, 3), (case.signed_in_at, 4))
    return begin and max(moment + waits[rung] for moment, rung in since if moment)


def lacking_of(case: Case, now: datetime = NOW) -> list[Missing]:
    """What the page asks on every rung, the highest "also", the clock and the second person still ask."""
    also = next((rung.also for rung in reversed(LADDER) if rung.applies(case) and rung.also), {})
    begun = case.wait_until is not None
    asks: dict[Missing, bool] = {what: missing(case) for what, missing in also.items()} | {
        Missing.BOUNDARIES: case.asked > case.proved + case.excepted,
        Missing.MAILBOX: not case.mailbox_confirmed_at,
        Missing.NOTICES: not begun and not case.notices_settled_at,
        Missing.CLOCK: not begun and case.notices_settled_at is not None,
        Missing.WAITING_PERIOD: case.wait_until is not None and case.wait_until > now,
        Missing.APPROVAL: doubt_of(case) >= 3 and not case.approved,
    }
    return [what for what in Missing if asks.get(what)]


def proof_is_there(case: Case) -> bool:
    """Everything that the claimant gives."""
    given = {Missing.BOUNDARIES, Missing.ONE_BOUNDARY, Missing.ACCOUNT_PROOF, Missing.MAILBOX}
    return given.isdisjoint(lacking_of(case))


def test_the_doubt_the_people_and_the_wait_of_every_combination() -> None:
    assert len(every_case()) == (102_400 if THOROUGH else 1500)
    for critical, days in ((False, (0, 1, 7, 7, 14, 30)), (True, (0, 3, 7, 7, 14, 30))):
        assert policy.waits(NUMBERS, critical=critical) == tuple(DAY * each for each in days)
    for case in every_case():
        doubt = doubt_of(case)
        assert policy.doubt(case) == doubt, case
        assert (policy.people(case, NUMBERS), policy.people(case, ALWAYS)) == (2 if doubt >= 3 else 1, 2), case
        wait = waits_of(NUMBERS, case.critical)[doubt]
        assert policy.wait(case, NUMBERS) == policy.wait(case, ALWAYS) == wait, case


def test_whatever_the_settings_no_rung_waits_shorter_than_the_one_below() -> None:
    names = ("objection_window", "objection_window_critical", "wait_without_boundary", "wait_careful",
             "wait_new_contact", "wait_nothing_bound")  # fmt: skip
    for order, case in zip(permutations(range(1, 7)), every_case(), strict=False):
        given: dict[str, Any] = {name: days * DAY for name, days in zip(names, order, strict=True)}
        unusual = replace(NUMBERS, **given)
        for critical in (False, True):
            waits = list(policy.waits(unusual, critical=critical))
            assert waits == waits_of(unusual, critical) == sorted(waits), unusual
        assert policy.ends(case, unusual) == end_from(begin_of(case), case, unusual), (case, unusual)


# The clock -----------------------------------------------------------------------------------------------------------


def test_every_wait_begins_and_ends_as_the_page_says_in_every_order_of_what_happened() -> None:
    calm = (replace(case, disputed_at=None, signed_in_at=None) for case in every_case())
    kinds = {(doubt_of(case), case.critical): case for case in calm}
    assert len(kinds) >= 11  # critical or not, on each rung but 0
    moments = (None, *(NOW + days * DAY for days in (0, 3, 9, 20)))
    names = ("notices_settled_at", "mailbox_confirmed_at", "disputed_at", "signed_in_at")
    for case, when in spread(product(kinds.values(), product(moments, repeat=4)), 2000):
        given: dict[str, Any] = dict(zip(names, when, strict=True))
        asked = replace(case, **given)
        assert policy.begins(asked) == begin_of(asked), asked
        assert policy.ends(asked, NUMBERS) == end_from(begin_of(asked), asked), asked


def written(case: Case, numbers: Numbers = NUMBERS) -> Case:
    """The case with its wait written down."""
    begin = begin_of(case)
    return replace(case, wait_from=begin, written=doubt_of(case), wait_until=end_from(begin, case, numbers))


CHANGES: dict[str, tuple[Any, Any]] = {
    "critical": (False, True), "recently_stopped": (False, True), "account_proof": (False, True), "excepted": (0, 1),
    "disputed_at": (None, NOW + DAY), "signed_in_at": (None, NOW + 2 * DAY),
    "notices_settled_at": (SETTLED, NOW + 9 * DAY), "mailbox_confirmed_at": (None, NOW + 3 * HOUR),
}  # fmt: skip


def changed(numbers: Numbers) -> Iterator[tuple[Case, Case]]:
    """Waits that are written, and what they are after each set of changes. What has happened stays so."""
    for case, values in product(spread(every_case()[::20], 60), spread(product(*CHANGES.values()), 40)):
        given = dict(zip(CHANGES, values, strict=True)) | {name: at for name in MOMENTS if (at := getattr(case, name))}
        if begin_of(case):
            yield written(case, numbers), replace(written(case, numbers), **given)


def end_after(before: Case, after: Case, numbers: Numbers) -> datetime | None:
    """The end by the page: from the beginning that was written, from rung 2 not before the mailbox."""
    begin, confirmed, unknown = before.wait_from, after.mailbox_confirmed_at, datetime.min.replace(tzinfo=UTC)
    if begin and doubt_of(after) >= 2 > doubt_of(before):
        begin = max(begin, confirmed) if confirmed else unknown  # it has no beginning, but what was raised has its days
    end = end_from(begin, after, numbers)
    return end if end and before.wait_until and end > before.wait_until else None


@pytest.mark.parametrize("numbers", [NUMBERS, SLOW], ids=["usual", "slow"])
def test_the_end_of_a_wait_moves_only_later_and_only_for_what_the_page_names(numbers: Numbers) -> None:
    for before, after in changed(numbers):
        later = policy.later_end(after, numbers)
        assert later == end_after(before, after, numbers), (before, after)
        raised = (after.disputed_at, after.signed_in_at) != (before.disputed_at, before.signed_in_at)
        risen = doubt_of(after) > doubt_of(before) or after.critical > before.critical
        assert later is None or risen or raised, (before, after)


def test_no_end_moves_while_the_case_stays_the_same_nor_before_one_is_written() -> None:
    for case in every_case():
        same = written(case)
        assert policy.later_end(case, NUMBERS) is None, case
        assert policy.later_end(same, NUMBERS) is None, case
        assert policy.later_end(replace(same, notices_settled_at=None, approved=True), ALWAYS) is None, case


@pytest.mark.parametrize(("raised", "excepted"), product(("disputed_at", "signed_in_at"), (0, 1)))
def test_a_mailbox_that_is_confirmed_after_the_doubt_still_gives_the_whole_wait(raised: str, excepted: int) -> None:
    given: dict[str, Any] = {raised: NOW + HOUR, "excepted": excepted}
    doubted = replace(written(replace(OWNED, notices_settled_at=NOW)), **given)
    end = policy.later_end(doubted, NUMBERS)
    assert end
    assert policy.begins(doubted) is None  # so only the end is written
    rewritten = replace(doubted, wait_until=end, mailbox_confirmed_at=NOW + 5 * DAY)
    assert policy.later_end(rewritten, NUMBERS) == end_from(NOW + 5 * DAY, rewritten)


# What lacks, and where a ticket may go -------------------------------------------------------------------------------


def with_clocks() -> Iterator[Case]:
    """Every combination before its wait, during it and after it, approved or not."""
    for number, case in enumerate(every_case()):
        yield replace(case, notices_settled_at=None)
        for place, wait in enumerate((None, NOW - HOUR, NOW, NOW + TICK)):
            yield replace(case, wait_until=wait, approved=bool(number + place & 1))


def test_out_of_reach_is_what_no_proof_of_what_is_asked_for_can_grant() -> None:
    for case in every_case():
        everything: dict[str, Any] = {
            "proved": case.asked, "named_proved": case.named, "account_proof": True, "old_addresses_dead": True,
            "mailbox_confirmed_at": NOW, "notices_settled_at": NOW, "wait_until": NOW, "approved": True,
        }  # fmt: skip
        never = bool(policy.missing(replace(case, **everything), NOW, NUMBERS))
        assert policy.out_of_reach(case) == never, case
        said = policy.explain(replace(case, disputed_at=None, signed_in_at=None), NOW, NUMBERS)
        assert (said.step == Step.OUT_OF_REACH) == (never and not said.blocks and case.status == Status.CHALLENGED), (
            case
        )


def test_a_ticket_advances_and_resets_with_everything_and_all_that_lacks_is_named() -> None:
    for case in with_clocks():
        lacking = lacking_of(case)
        second = [] if case.approved or Missing.APPROVAL in lacking else [Missing.APPROVAL]
        assert policy.missing(case, NOW, NUMBERS) == lacking, case
        assert policy.missing(case, NOW, ALWAYS) == lacking + second, case
        holds = proof_is_there(case) and case.wait_until is not None
        over = holds and Missing.WAITING_PERIOD not in lacking
        expected = (Status.READY if over else Status.WAITING) if holds else None
        assert policy.advances_to(case, NOW, NUMBERS) == expected, case
        assert policy.still_holds(case, NOW, NUMBERS) == holds, case
        said = policy.explain(replace(case, status=Status.READY), NOW, NUMBERS)
        agreed = case.approved or doubt_of(case) < 3
        assert (not said.lacking and not said.blocks) == (over and agreed), case
        assert not over or said.step == (Step.RESET if agreed else Step.APPROVE), case


BLOCKING: dict[str, Block] = {
    "bounced": Block.BOUNCED, "frozen": Block.FROZEN, "contact_taken": Block.CONTACT_TAKEN,
    "contact_changed": Block.CONTACT_CHANGED, "never_reset": Block.SWITCHED_OFF, "incident": Block.INCIDENT,
}  # fmt: skip


@pytest.mark.parametrize("claim", Claim)
def test_whatever_blocks_stops_every_claim(claim: Claim) -> None:
    proved = replace(DONE, claim=claim, account_proof=True, wait_until=NOW, approved=True)
    for flags in product([False, True], repeat=len(BLOCKING)):
        given: dict[str, Any] = dict(zip(BLOCKING, flags, strict=True))
        case = replace(proved, **given)
        factors_stay = claim in {Claim.EMAIL, Claim.UNVERIFIED_EMAIL}  # whatever the owner wishes of them
        expected = {BLOCKING[flag] for flag in BLOCKING if given[flag] and not (factors_stay and flag == "never_reset")}
        assert set(policy.blocks(case, NUMBERS)) == expected
        assert policy.advances_to(case, NOW, NUMBERS) == (None if expected else Status.READY)
        assert policy.still_holds(case, NOW, NUMBERS) == (not expected)
        said = policy.explain(replace(case, status=Status.READY), NOW, NUMBERS)
        assert (set(said.blocks), said.step) == (expected, Step.LOOK if expected else Step.RESET)
    assert policy.blocks(proved, replace(NUMBERS, human_reset=False)) == [Block.SWITCHED_OFF]


# Nothing new and nothing of the desk's makes it milder ---------------------------------------------------------------


def is_no_milder(before: Case, after: Case) -> bool:
    ends, later = (policy.ends(case, NUMBERS) or NOW + 99 * DAY for case in (before, after))
    grows = policy.doubt(after) >= policy.doubt(before) and policy.wait(after, NUMBERS) >= policy.wait(before, NUMBERS)
    return grows and policy.people(after, NUMBERS) >= policy.people(before, NUMBERS) and later >= ends


def test_a_boundary_that_staff_add_makes_nothing_milder() -> None:
    for case in every_case():
        added = replace(case, asked=case.asked + 1)
        served = replace(added, proved=case.proved + 1)
        before = set(policy.missing(case, NOW, NUMBERS))
        assert is_no_milder(case, added), case
        assert is_no_milder(case, served), case
        assert before | {Missing.BOUNDARIES} <= set(policy.missing(added, NOW, NUMBERS)), case
        gone = before - set(policy.missing(served, NOW, NUMBERS))
        assert gone <= ({Missing.ONE_BOUNDARY} if case.account_proof else set()), case  # rung 4 takes it for the one


SIGNS: dict[str, Any] = {
    "critical": True, "subject_is_staff": True, "recently_stopped": True, "old_addresses_dead": True,
    "mailbox_young": True, "disputed_at": NOW, "signed_in_at": NOW, "excepted": 2, "exceptions_asked": 1,
}  # fmt: skip


@pytest.mark.parametrize("sign", SIGNS)
def test_no_sign_of_doubt_and_nothing_young_makes_anything_milder(sign: str) -> None:
    for case in every_case()[::5]:
        after = replace(case, **{sign: getattr(case, sign) or SIGNS[sign]})
        assert is_no_milder(case, after), case


def test_the_more_the_evidence_says_the_less_is_asked() -> None:
    for case in every_case():
        more = [replace(case, account_proof=True)]
        if case.named_proved < case.named and not case.all_served:
            more.append(replace(case, named_proved=case.named_proved + 1, proved=case.proved + 1))
        for better in more:
            assert is_no_milder(better, case), case
            assert set(policy.missing(better, NOW, NUMBERS)) <= set(policy.missing(case, NOW, NUMBERS)), case


# Whose turn, and the one next step -----------------------------------------------------------------------------------


def turn_of(case: Case) -> Turn:
    """Whose turn docs/design.md says it is ("How a verb works"); once the claimant has given everything, the clock."""
    if case.status in CLOSED:
        return Turn.OURS if case.objected else Turn.NOBODY
    if case.status != Status.CHALLENGED:
        return Turn.CLOCK if case.status == Status.WAITING else Turn.OURS
    stuck = case.bounced or case.frozen or case.contact_taken or case.contact_changed or case.incident
    stuck = stuck or case.disputed_at is not None or case.signed_in_at is not None
    verdict = case.needs_a_person and Missing.BOUNDARIES in lacking_of(case)
    if stuck or verdict or case.exceptions_asked:
        return Turn.OURS
    return Turn.CLOCK if proof_is_there(case) else Turn.THEIRS


@pytest.mark.parametrize("status", Status)
def test_whose_turn_it_is_in_every_combination(status: Status) -> None:
    names = ("bounced", "frozen", "contact_taken", "contact_changed", "incident", "needs_a_person", "objected",
             "exceptions_asked")  # fmt: skip
    for number, case in enumerate(every_case()[::3]):
        given: dict[str, Any] = {name: number % 3 == 0 and number >> bit & 1 for bit, name in enumerate(names)}
        asked = replace(case, status=status, **given)
        assert policy.whose_turn(asked) == turn_of(asked), asked


def test_the_one_next_step() -> None:
    waited = replace(DONE, wait_until=NOW)
    steps = {
        replace(PLAIN, status=Status.NEW): Step.CHALLENGE,
        OWNED: Step.PROBE,
        replace(OWNED, exceptions_asked=1): Step.APPROVE_EXCEPTION,
        PLAIN: Step.AWAIT_CLAIMANT,
        waited: Step.AWAIT_CLOCK,
        replace(waited, status=Status.WAITING): Step.AWAIT_CLOCK,
        replace(OWNED, bounced=True): Step.LOOK,
        replace(waited, frozen=True): Step.LOOK,
        replace(waited, incident=True): Step.LOOK,
        replace(waited, disputed_at=NOW): Step.LOOK,
        replace(waited, status=Status.COMPLETED): Step.NONE,
        replace(waited, status=Status.COMPLETED, objected=True): Step.LOOK,
    }
    assert {case: policy.explain(case, NOW, NUMBERS).step for case in steps} == steps  # of ready ones: above


@pytest.mark.parametrize("status", Status)
def test_what_lacks_and_blocks_is_said_of_tickets_that_can_still_move(status: Status) -> None:
    case = replace(PLAIN, status=status, bounced=True)
    said = policy.explain(case, NOW, NUMBERS)
    assert said.lacking == (() if status in {*CLOSED, Status.NEW} else (Missing.MAILBOX, Missing.NOTICES))
    assert said.blocks == (() if status in CLOSED else (Block.BOUNCED,))
    assert (said.turn, said.step == Step.NONE) == (turn_of(case), status in CLOSED)


def test_everything_that_can_be_said_has_words() -> None:
    assert (set(wording.MISSING), set(wording.BLOCKS), set(wording.STEPS)) == (set(Missing), set(Block), set(Step))
    assert all(str(words) for said in (wording.MISSING, wording.BLOCKS, wording.STEPS) for words in said.values())


# A no, and the time there is for it ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("owners", "young", "again"), product([False, True], repeat=3))
def test_a_no_ends_and_freezes_only_when_it_is_strong(owners: bool, young: bool, again: bool) -> None:
    strong = owners and not young and not again
    voice = Voice(owners=owners, young=young, again=again)
    assert policy.no(voice, after_reset=False) == (No.ENDS if strong else No.DOUBTS)
    assert policy.no(voice, after_reset=True) == (No.FREEZES if strong else No.LOOKS)
    taken_back = Voice(claimants=True, young=young, again=again)
    assert policy.no(taken_back, after_reset=False) == No.ENDS
    assert policy.no(taken_back, after_reset=True) != No.FREEZES


def test_an_objection_is_heard_for_seven_days_and_until_a_password_hold_is_over() -> None:
    for hold, ends in ((NOW + 9 * DAY, 9 * DAY), (NOW + 3 * DAY, 7 * DAY), (None, 7 * DAY)):
        assert policy.may_object(NOW, NOW + ends, NUMBERS, hold_until=hold)
        assert not policy.may_object(NOW, NOW + ends + TICK, NUMBERS, hold_until=hold)
        assert not policy.may_object(None, NOW, NUMBERS, hold_until=hold)


def test_a_ticket_expires_after_fourteen_days_of_their_turn_unless_a_host_is_down() -> None:
    for case, status, failing in product(every_case()[::10], Status, (False, True)):
        asked = replace(case, status=status, host_failing=failing)
        over = status == Status.CHALLENGED and not failing
        assert policy.expired(asked, 14 * DAY, NUMBERS) == over, asked
        assert not policy.expired(asked, 14 * DAY - TICK, NUMBERS), asked
