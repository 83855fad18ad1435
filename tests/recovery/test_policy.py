"""The policy against a second statement of its tables, over every combination of flags."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from typing import Any

import pytest

from recoverydesk.recovery import policy, wording
from recoverydesk.recovery.policy import Block, Case, Missing, Numbers, Step

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NUMBERS = Numbers(24 * HOUR, 72 * HOUR, 7 * DAY, 14 * DAY, 7 * DAY)
ALWAYS = replace(NUMBERS, always_two=True)
PLAIN = Case(
    claim="second_factor", status="challenged", asked=0, proved=0, has_projects=False, critical=False,
    subject_is_staff=False, recently_stopped=False, signed_in=False, bounced=False, frozen=False,
    mailbox_confirmed_at=None, notices_settled_at=None, wait_until=None, needs_a_person=False, objected=False,
    host_failing=False,
)  # fmt: skip
CLAIMS = ["second_factor", "email", "email_and_second_factor", "unverified_email"]
# asked, proved, own, own_proved, excepted, added_proved; what is neither own nor added by staff was planted
PLACES = [
    (0, 0, 0, 0, 0, 0), (1, 0, 1, 0, 0, 0), (1, 1, 1, 1, 0, 0), (2, 1, 2, 1, 0, 0), (2, 2, 2, 2, 0, 0),
    (2, 1, 2, 1, 1, 0), (1, 0, 1, 0, 1, 0), (1, 1, 0, 0, 0, 1), (2, 1, 1, 0, 1, 1), (1, 0, 0, 0, 0, 0),
    (1, 1, 0, 0, 0, 0), (1, 0, 0, 0, 1, 0), (2, 1, 1, 0, 0, 0), (2, 0, 2, 0, 1, 0), (3, 1, 3, 1, 1, 0),
]  # fmt: skip
TIMES = [None, NOW - HOUR, NOW + HOUR]
CONFIRMED, SETTLED, DISPUTED = NOW - HOUR, NOW - 3 * HOUR, NOW - 2 * HOUR


@cache
def every_case() -> tuple[Case, ...]:
    """All flag combinations the rows speak of."""
    flags = product([False, True], repeat=7)
    return tuple(
        replace(
            PLAIN, claim=claim, asked=asked, proved=proved, own=own, own_proved=own_proved, excepted=excepted,
            added_proved=added, has_projects=asked > 0 or critical, critical=critical, subject_is_staff=is_staff,
            disputed_at=DISPUTED if disputed else None, recently_stopped=stopped, account_proof=bound,
            old_addresses_dead=dead, mailbox_confirmed_at=CONFIRMED if confirmed else None,
            notices_settled_at=SETTLED,
        )
        for critical, is_staff, disputed, stopped, bound, dead, confirmed in flags
        for claim, (asked, proved, own, own_proved, excepted, added) in product(CLAIMS, PLACES)
    )  # fmt: skip


# The tables, written down a second time ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One line of the table: when it applies, how long, from which moments, how many people, what proof."""

    applies: Callable[[Case], bool]
    wait: Callable[[Case], timedelta]
    starts: tuple[str, ...]
    people: int
    proof: Callable[[Case], bool] = lambda case: True
    superuser: bool = False


LONG = ("notices_settled_at", "mailbox_confirmed_at")


def is_factor(case: Case) -> bool:
    return case.claim == "second_factor"


def is_lost_mail(case: Case) -> bool:
    return case.claim in ("email", "email_and_second_factor")


def silent(case: Case) -> bool:
    return not case.account_proof and case.old_addresses_dead


def window(case: Case) -> timedelta:
    return timedelta(hours=72) if case.critical else timedelta(hours=24)


TABLE = [
    Line(lambda c: is_factor(c) and c.own > 0, window, ("notices_settled_at",), 1),
    Line(lambda c: is_factor(c) and c.own == 0 and (c.has_projects or c.asked > 0), lambda c: 7 * DAY, LONG, 1),
    Line(
        lambda c: is_factor(c) and not c.has_projects and c.asked == 0, lambda c: 0 * DAY, ("notices_settled_at",), 1
    ),
    Line(lambda c: c.claim == "unverified_email", lambda c: 7 * DAY, LONG, 1),
    Line(
        lambda c: is_lost_mail(c) and not silent(c), lambda c: 14 * DAY, LONG, 2,
        lambda c: c.own_proved + c.added_proved > 0 and c.account_proof,
    ),
    Line(lambda c: is_lost_mail(c) and silent(c), lambda c: 30 * DAY, LONG, 2, lambda c: c.own_proved > 0),
    Line(lambda c: c.excepted > 0, lambda c: 7 * DAY, LONG, 2, lambda c: c.own_proved > 0 or c.account_proof),
    Line(lambda c: c.disputed, lambda c: 7 * DAY, (*LONG, "disputed_at"), 2),
    Line(lambda c: c.recently_stopped, lambda c: 7 * DAY, LONG, 2),
    Line(lambda c: c.subject_is_staff, lambda c: 7 * DAY, LONG, 2, superuser=True),
]  # fmt: skip


def lines_of(case: Case) -> list[Line]:
    return [line for line in TABLE if line.applies(case)]


def proof_is_there(case: Case) -> bool:
    """Boundaries, mailbox and whatever else the lines ask, but neither clock nor people."""
    served = case.proved + case.excepted >= case.asked
    return served and case.mailbox_confirmed_at is not None and all(line.proof(case) for line in lines_of(case))


def test_every_combination_has_exactly_one_line_of_its_claim() -> None:
    for case in every_case():
        assert sum(line.applies(case) for line in TABLE[:6]) == 1


def test_every_combination_waits_as_long_and_asks_as_many_as_the_strictest_lines() -> None:
    for case in every_case():
        lines, rule = lines_of(case), policy.row(case, NUMBERS)
        assert rule.wait == max(line.wait(case) for line in lines), case
        assert rule.people == max(line.people for line in lines), case
        assert rule.superuser == any(line.superuser for line in lines), case
        assert rule.after_mailbox == any("mailbox_confirmed_at" in line.starts for line in lines), case
        assert rule.after_dispute == any("disputed_at" in line.starts for line in lines), case
        assert rule.name == "; ".join(policy.row_names(case, NUMBERS)), case
        always = policy.row(case, ALWAYS)
        assert (always.people, always.wait, always.superuser) == (2, rule.wait, rule.superuser), case


NAMES = {
    "second factor, no projects", "second factor, repositories", "second factor, repositories, critical",
    "second factor, no boundary", "second factor, no boundary, critical", "unverified address", "new contact",
    "new contact, nothing bound to the account", "exception", "disputed", "stopped lately", "staff",
    "two people always",
}  # fmt: skip


def test_rows_are_called_what_tickets_that_wait_have_written_down() -> None:
    said = [name for case in (*every_case(), PLAIN) for name in policy.row_names(case, ALWAYS)]
    assert set(said) == NAMES


def test_every_clock_ends_when_the_last_line_does_and_starts_with_none_missing() -> None:
    for case in every_case():
        for settled in (None, SETTLED):
            asked = replace(case, notices_settled_at=settled)
            ends = []
            for line in lines_of(asked):
                starts = [getattr(asked, name) for name in line.starts]
                ends.append(None if None in starts else max(starts) + line.wait(asked))
            expected = None if None in ends else max(end for end in ends if end)
            assert policy.clock_ends(asked, NUMBERS) == expected, asked


def may_reset(said: policy.Explanation) -> bool:
    """The verb's own question: nothing is lacking and nothing blocks."""
    return not said.lacking and not said.blocks


@pytest.mark.parametrize("approved", [False, True])
def test_every_combination_advances_only_with_everything_but_the_approval(approved: bool) -> None:
    for case in every_case():
        proof = proof_is_there(case)
        for wait in TIMES:
            asked = replace(case, wait_until=wait, approved=approved)
            over = wait is not None and wait <= NOW
            expected = None if not proof or wait is None else "ready" if over else "waiting"
            assert policy.advances_to(asked, NOW, NUMBERS) == expected, asked
            assert policy.still_holds(asked, NOW, NUMBERS) == (proof and wait is not None)
            said = policy.explain(replace(asked, status="ready"), NOW, NUMBERS)
            enough = approved or max(line.people for line in lines_of(case)) == 1
            assert may_reset(said) == (expected == "ready" and enough), asked


def test_everything_that_lacks_is_named() -> None:
    for case in every_case():
        lacking = policy.missing(replace(case, wait_until=NOW + HOUR), NOW, NUMBERS)
        lines = lines_of(case)
        assert (Missing.BOUNDARIES in lacking) == (case.proved + case.excepted < case.asked)
        assert (Missing.MAILBOX in lacking) == (case.mailbox_confirmed_at is None)
        assert Missing.WAITING_PERIOD in lacking
        assert Missing.NOTICES not in lacking
        assert (Missing.APPROVAL in lacking) == (max(line.people for line in lines) == 2)
        needs_proof = {Missing.ONE_BOUNDARY, Missing.ACCOUNT_PROOF, Missing.BOUNDARY_OR_PROOF} & set(lacking)
        assert bool(needs_proof) == (not all(line.proof(case) for line in lines)), case


def test_that_not_all_notices_have_left_is_said_only_when_that_is_what_lacks() -> None:
    for case in every_case():
        for settled, said in ((None, Missing.NOTICES), (SETTLED, Missing.CLOCK)):
            stopped = replace(case, wait_until=None, notices_settled_at=settled)
            lacking = policy.missing(stopped, NOW, NUMBERS)
            assert [ask for ask in lacking if ask in (Missing.NOTICES, Missing.CLOCK)] == [said]
            assert (Missing.MAILBOX in lacking) == (case.mailbox_confirmed_at is None)
            assert policy.advances_to(stopped, NOW, NUMBERS) is None


def test_everything_that_can_lack_has_words() -> None:
    assert set(wording.MISSING) == set(Missing)


BLOCKING: dict[str, Block] = {
    "signed_in": Block.SIGNED_IN,
    "bounced": Block.BOUNCED,
    "frozen": Block.FROZEN,
    "contact_taken": Block.CONTACT_TAKEN,
    "contact_changed": Block.CONTACT_CHANGED,
    "never_reset": Block.SWITCHED_OFF,
}


@pytest.mark.parametrize("flags", list(product([False, True], repeat=len(BLOCKING))))
@pytest.mark.parametrize("claim", CLAIMS)
def test_whatever_blocks_stops_every_claim(claim: str, flags: tuple[bool, ...]) -> None:
    given: dict[str, Any] = dict(zip(BLOCKING, flags, strict=True))
    case = replace(
        PLAIN, claim=claim, asked=1, proved=1, own=1, own_proved=1, account_proof=True, has_projects=True,
        mailbox_confirmed_at=CONFIRMED, notices_settled_at=SETTLED, wait_until=NOW, approved=True, **given,
    )  # fmt: skip
    expected = [block for flag, block in BLOCKING.items() if given[flag]]
    if claim in ("email", "unverified_email"):  # factors stay, so the owner's wish does not touch these
        expected = [block for block in expected if block != Block.SWITCHED_OFF]
    assert set(policy.blocks(case, NUMBERS)) == set(expected)
    assert policy.advances_to(case, NOW, NUMBERS) == (None if expected else "ready")
    assert policy.still_holds(case, NOW, NUMBERS) == (not expected)
    assert may_reset(policy.explain(replace(case, status="ready"), NOW, NUMBERS)) == (not expected)


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_site_may_switch_every_human_reset_off(claim: str) -> None:
    off = replace(NUMBERS, human_reset=False)
    case = replace(PLAIN, claim=claim, mailbox_confirmed_at=NOW, wait_until=NOW)
    assert Block.SWITCHED_OFF in policy.blocks(case, off)
    assert policy.advances_to(case, NOW, off) is None


def test_the_end_itself_is_over() -> None:
    case = replace(PLAIN, mailbox_confirmed_at=NOW, wait_until=NOW)
    assert policy.advances_to(case, NOW, NUMBERS) == "ready"
    assert policy.advances_to(case, NOW - timedelta(microseconds=1), NUMBERS) == "waiting"


def test_one_exception_serves_one_boundary_and_no_other() -> None:
    two = replace(PLAIN, asked=2, own=2, has_projects=True, excepted=1)
    assert not two.all_served
    assert Missing.BOUNDARIES in policy.missing(two, NOW, NUMBERS)
    assert replace(two, proved=1, own_proved=1).all_served
    assert replace(two, excepted=2).all_served


def test_an_account_without_projects_waits_as_soon_as_staff_ask_for_a_boundary() -> None:
    assert policy.row(PLAIN, NUMBERS).wait == timedelta(0)
    for proved in (0, 1):
        added = replace(PLAIN, asked=1, proved=proved, added_proved=proved)
        assert policy.row(added, NUMBERS).wait == 7 * DAY
        assert policy.clock_ends(replace(added, notices_settled_at=SETTLED), NUMBERS) is None  # nor before the mailbox


def test_without_a_boundary_the_wait_is_never_shorter_than_the_objection_window() -> None:
    slow = replace(NUMBERS, objection_window=8 * DAY, objection_window_critical=10 * DAY)
    projects = replace(PLAIN, has_projects=True)
    assert policy.row(projects, slow).wait == 8 * DAY
    assert policy.row(replace(projects, critical=True), slow).wait == 10 * DAY
    assert policy.row(replace(projects, critical=True), NUMBERS).wait == 7 * DAY


def test_two_people_always_takes_nothing_from_the_rule_of_staff_accounts() -> None:
    staff = replace(PLAIN, subject_is_staff=True)
    for numbers in (NUMBERS, ALWAYS):
        assert policy.row(staff, numbers).superuser
        assert not policy.row(PLAIN, numbers).superuser
    assert policy.row(staff, ALWAYS).wait == 7 * DAY
    assert policy.row(staff, ALWAYS).after_mailbox


def test_an_added_boundary_shortens_no_clock_and_opens_no_slow_row() -> None:
    website = replace(PLAIN, has_projects=True, asked=1, proved=1, added_proved=1)
    assert policy.row(website, NUMBERS).wait == 7 * DAY
    nothing_bound = replace(website, claim="email", old_addresses_dead=True)
    assert Missing.ONE_BOUNDARY in policy.missing(nothing_bound, NOW, NUMBERS)
    bound = replace(nothing_bound, account_proof=True)
    assert Missing.ONE_BOUNDARY not in policy.missing(bound, NOW, NUMBERS)


@pytest.mark.parametrize("proved", [0, 1])
def test_what_somebody_else_planted_makes_nothing_milder_and_no_clock_shorter(proved: int) -> None:
    for case in every_case():
        planted = replace(case, asked=case.asked + 1, proved=case.proved + proved, has_projects=True)
        before, after = policy.row(case, NUMBERS), policy.row(planted, NUMBERS)
        assert (after.wait, after.people, after.superuser) >= (before.wait, before.people, before.superuser), case
        assert after.people >= before.people
        assert set(before.asks) <= set(after.asks)
        assert set(policy.missing(case, NOW, NUMBERS)) <= set(policy.missing(planted, NOW, NUMBERS)), case
        ends, later = policy.clock_ends(case, NUMBERS), policy.clock_ends(planted, NUMBERS)
        assert later is None or (ends is not None and later >= ends), case


def test_a_planted_boundary_is_never_the_one_whatever_is_bound_to_the_account() -> None:
    planted = replace(PLAIN, claim="email", asked=1, proved=1, has_projects=True, account_proof=True)
    assert Missing.ONE_BOUNDARY in policy.missing(planted, NOW, NUMBERS)
    assert Missing.ONE_BOUNDARY not in policy.missing(replace(planted, own=1, own_proved=1), NOW, NUMBERS)


# Whose turn ----------------------------------------------------------------------------------------------------------


def turn_of(case: Case) -> str:
    """Whose turn docs/design.md says it is ("How a verb works")."""
    if case.status in ("completed", "rejected", "stopped", "withdrawn", "expired"):
        return "ours" if case.objected else "nobody"
    if case.signed_in:
        return "subject"
    by_status = {"new": "ours", "ready": "ours", "waiting": "clock"}
    if case.status in by_status:
        return by_status[case.status]
    open_question = case.needs_a_person and case.proved + case.excepted < case.asked
    wrong = case.bounced or case.frozen or case.disputed or case.contact_taken or case.contact_changed
    if wrong or case.exceptions_asked or open_question:
        return "ours"
    return "clock" if proof_is_there(case) else "theirs"


ALL_STATUSES = ["new", "challenged", "waiting", "ready", "completed", "rejected", "stopped", "withdrawn", "expired"]


@pytest.mark.parametrize("status", ALL_STATUSES)
def test_whose_turn_it_is_in_every_combination(status: str) -> None:
    flags = ("signed_in", "bounced", "frozen", "contact_taken", "needs_a_person", "objected", "contact_changed")
    for number, case in enumerate(every_case()):
        given: dict[str, Any] = {flag: bool(number >> bit & 1) and number % 3 == 0 for bit, flag in enumerate(flags)}
        asked = replace(case, status=status, exceptions_asked=number % 5 == 1, **given)
        assert policy.whose_turn(asked) == turn_of(asked), asked


def test_the_one_next_step() -> None:
    done = replace(PLAIN, asked=1, own=1, proved=1, own_proved=1, mailbox_confirmed_at=NOW, wait_until=NOW)
    two = replace(done, status="ready", recently_stopped=True)
    steps = {
        replace(PLAIN, status="new"): Step.CHALLENGE,
        replace(PLAIN, asked=1): Step.PROBE,
        replace(PLAIN, asked=1, exceptions_asked=1): Step.APPROVE_EXCEPTION,
        PLAIN: Step.AWAIT_CLAIMANT,
        done: Step.AWAIT_CLOCK,
        replace(done, status="waiting"): Step.AWAIT_CLOCK,
        replace(done, status="ready"): Step.RESET,
        two: Step.APPROVE,
        replace(two, approved=True): Step.RESET,
        replace(done, bounced=True): Step.LOOK,
        replace(done, frozen=True): Step.LOOK,
        replace(PLAIN, asked=1, bounced=True): Step.LOOK,
        replace(done, status="ready", signed_in=True): Step.AWAIT_OWNER,
        replace(done, status="ready", frozen=True): Step.LOOK,
        replace(done, status="completed"): Step.NONE,
        replace(done, status="completed", objected=True): Step.LOOK,
    }
    assert {case: policy.explain(case, NOW, NUMBERS).step for case in steps} == steps


def test_only_a_dispute_or_a_stricter_row_moves_a_written_clock_and_only_later() -> None:
    case = replace(PLAIN, has_projects=True, asked=1, own=1, notices_settled_at=NOW, mailbox_confirmed_at=NOW)
    written = replace(case, wait_until=NOW + HOUR, written=frozenset(policy.row_names(case, NUMBERS)))
    assert policy.later_end(written, NUMBERS) is None
    assert policy.later_end(replace(written, critical=True), NUMBERS) == NOW + 3 * DAY
    assert policy.later_end(replace(written, disputed_at=NOW + HOUR), NUMBERS) == NOW + HOUR + 7 * DAY
    assert policy.later_end(replace(written, excepted=1), NUMBERS) == NOW + 7 * DAY
    assert policy.later_end(replace(written, critical=True, wait_until=NOW + 9 * DAY), NUMBERS) is None
    assert policy.later_end(replace(written, critical=True, wait_until=None), NUMBERS) is None
    assert policy.later_end(replace(written, critical=True, wait_until=NOW + 3 * DAY), NUMBERS) is None  # no later


def test_a_dispute_moves_a_written_clock_though_it_is_not_known_when_the_notices_left() -> None:
    case = replace(PLAIN, mailbox_confirmed_at=NOW, wait_until=NOW + HOUR, disputed_at=NOW + HOUR)
    written = replace(case, written=frozenset(policy.row_names(PLAIN, NUMBERS)))
    assert policy.later_end(written, NUMBERS) == NOW + HOUR + 7 * DAY
    assert policy.later_end(replace(written, disputed_at=None, recently_stopped=True), NUMBERS) is None


def test_no_row_that_applies_now_gives_a_later_end_to_a_clock_written_for_it() -> None:
    for case in every_case():
        written = replace(case, wait_until=NOW - 90 * DAY, written=frozenset(policy.row_names(case, NUMBERS)))
        assert policy.later_end(written, NUMBERS) is None


@pytest.mark.parametrize("status", ALL_STATUSES)
def test_what_lacks_and_blocks_is_said_of_tickets_that_can_still_move(status: str) -> None:
    said = policy.explain(replace(PLAIN, status=status, bounced=True), NOW, NUMBERS)
    closed = status in ALL_STATUSES[4:]
    assert said.lacking == (() if closed or status == "new" else (Missing.MAILBOX, Missing.NOTICES))
    assert said.blocks == (() if closed else (Block.BOUNCED,))
    assert said.turn == ("nobody" if closed else "clock" if status == "waiting" else "ours")


def test_a_disputed_ticket_that_nothing_lacks_is_to_be_looked_at() -> None:
    done = replace(PLAIN, asked=1, own=1, proved=1, own_proved=1, mailbox_confirmed_at=NOW, disputed_at=NOW)
    said = policy.explain(done, NOW, NUMBERS)
    assert (said.step, said.turn, said.blocks) == (Step.LOOK, "ours", ())


def test_an_objection_is_heard_for_seven_days_and_until_a_password_hold_is_over() -> None:
    for hold, ends in ((NOW + 9 * DAY, 9 * DAY), (NOW + 3 * DAY, 7 * DAY), (None, 7 * DAY)):
        assert policy.may_object(NOW, NOW + ends, NUMBERS, hold_until=hold)
        assert not policy.may_object(NOW, NOW + ends + timedelta(seconds=1), NUMBERS, hold_until=hold)
    assert not policy.may_object(None, NOW, NUMBERS)
    assert not policy.may_object(None, NOW, NUMBERS, hold_until=NOW + DAY)


def test_a_ticket_expires_after_fourteen_days_of_their_turn_unless_a_host_is_down() -> None:
    assert policy.expired(PLAIN, 14 * DAY, NUMBERS)
    assert not policy.expired(PLAIN, 14 * DAY - timedelta(seconds=1), NUMBERS)
    assert not policy.expired(replace(PLAIN, host_failing=True), 20 * DAY, NUMBERS)
    assert not any(policy.expired(replace(PLAIN, status=status), 20 * DAY, NUMBERS) for status in ("new", "ready"))
