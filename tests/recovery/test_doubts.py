"""Why a ticket stands on its rung, said in one sentence: on its page, in the queue, in the shell."""

import io
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.formats import date_format
from django.utils.timezone import localtime

from accounts.models import User
from common.clock import database_now
from recoverydesk.recovery import doubts, ladder, policy, workflow
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Claim, OtherProof, RecoveryTicket, Status
from recoverydesk.recovery.permissions import SYSTEM, address_holder, signed_in, staff
from tests.helpers import decided, factories
from tests.helpers.desk import QUEUE, browser
from tests.helpers.tickets import (
    DAY,
    HOUR,
    REASON,
    add_boundary,
    make_admin,
    make_moderator,
    make_ticket,
    stop_link,
)

pytestmark = pytest.mark.django_db


def today() -> str:
    return date_format(localtime(database_now()), "Y-m-d")


def case_of(ticket: RecoveryTicket) -> policy.Case:
    ticket.refresh_from_db()
    return cases.read_case(ticket, database_now())


def said(ticket: RecoveryTicket) -> str:
    found = doubts.doubt(ticket, case_of(ticket))
    assert found is not None
    return found.sentence


@pytest.fixture
def owner(ada: User) -> User:
    """ada, with a project: else nothing is on a rung above 0."""
    factories.make_project("tool", ada)
    return ada


# Every case has its sentence ------------------------------------------------------------------------------------------


def every_case(case: policy.Case) -> list[policy.Case]:
    """Whatever policy.doubt looks at, in every combination."""
    now = database_now()
    flags: Any = product([None, now], [None, now], *([[False, True]] * 6), [0, 1])
    places = [(0, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0, 0), (2, 1, 1)]
    return [
        replace(
            case, claim=claim, disputed_at=disputed, signed_in_at=signed, recently_stopped=stopped,
            subject_is_staff=is_staff, account_proof=bound, old_addresses_dead=dead, mailbox_young=young,
            has_projects=projects, excepted=excepted, asked=asked, named=named, named_proved=proved,
        )
        for disputed, signed, stopped, is_staff, bound, dead, young, projects, excepted in flags
        for claim, (asked, named, proved) in product(policy.Claim, places)
    ]  # fmt: skip


def test_the_highest_reason_is_the_rung_of_every_case(owner: User) -> None:
    for case in every_case(case_of(make_ticket(owner))):
        assert max(reason.rung for reason in doubts.reasons(case)) == policy.doubt(case), case


def test_every_reason_is_the_highest_of_some_case(owner: User) -> None:
    seen = {
        reason
        for case in every_case(case_of(make_ticket(owner)))
        for reason in doubts.reasons(case)
        if reason.rung == policy.doubt(case)
    }
    assert seen == set(doubts.REASONS)


def test_a_rung_has_the_people_that_policy_asks(owner: User) -> None:
    for always in (False, True):
        numbers = replace(cases.numbers(), always_two=always)
        for case in every_case(case_of(make_ticket(owner, contact=f"{always}@example.org"))):
            rung = ladder.rungs(numbers)[policy.doubt(case)]
            assert (rung.people, rung.wait) == (policy.people(case, numbers), policy.wait(case, numbers))


# Who doubted, and when ------------------------------------------------------------------------------------------------


def by_staff(ticket: RecoveryTicket) -> str:
    workflow.dispute(ticket.pk, actor=staff(make_moderator("mira")), reason=REASON)
    return "mira (our staff) disputed it on {}"


def by_a_co_owner(ticket: RecoveryTicket) -> str:
    kim = factories.make_user("kim")
    factories.add_role(factories.make_project("shared", kim), ticket.subject)
    workflow.dispute(ticket.pk, actor=signed_in(kim), reason=REASON)
    return "a co-owner, kim, objected on {}"


def by_a_co_owner_of_our_staff(ticket: RecoveryTicket) -> str:
    mira = make_moderator("mira")
    factories.add_role(factories.make_project("shared", mira), ticket.subject)
    workflow.dispute(ticket.pk, actor=signed_in(mira), reason=REASON)
    return "a co-owner, mira, objected on {}"


def by_an_address(ticket: RecoveryTicket) -> str:
    make_ticket(
        ticket.subject, Status.STOPPED, contact="old@example.org", stopped_by=ticket.contact,
        closed_at=database_now() - DAY,
    )  # fmt: skip
    workflow.stop(ticket.pk, actor=address_holder(stop_link(ticket)))
    return "one of the account's addresses objected on {}: for the second time, or it was too new to stop the request"


def by_the_account_holder(ticket: RecoveryTicket) -> str:
    since = database_now() - DAY
    workflow.withdraw(ticket.pk, actor=signed_in(ticket.subject, recent=True, factor_since=since))
    return "the account holder objected on {}: it was the second time, or the second factor was new"


def by_the_program(ticket: RecoveryTicket) -> str:
    workflow.dispute(ticket.pk, actor=SYSTEM, reason="the backup did not know it")
    return "disputed automatically on {}: the backup did not know it"


def by_nobody_the_log_knows(ticket: RecoveryTicket) -> str:
    RecoveryTicket.objects.filter(pk=ticket.pk).update(disputed_at=database_now())
    return "somebody disputed it on {}"


WHO = [
    by_staff, by_a_co_owner, by_a_co_owner_of_our_staff, by_an_address, by_the_account_holder, by_the_program,
    by_nobody_the_log_knows,
]  # fmt: skip


@pytest.mark.parametrize("somebody", WHO, ids=[one.__name__ for one in WHO])
def test_a_dispute_names_who_and_when(owner: User, somebody: Callable[[RecoveryTicket], str]) -> None:
    ticket = make_ticket(owner)
    why = somebody(ticket).format(today())
    assert said(ticket).startswith(f"Doubt 3 of 5: {why}")


def test_who_disputed_first_is_named(owner: User) -> None:
    ticket = make_ticket(owner)
    by_staff(ticket)
    workflow.dispute(ticket.pk, actor=staff(make_moderator("jon")), reason=REASON)
    assert "mira (our staff)" in said(ticket)


def test_a_sign_in_hides_a_dispute_and_everything_on_the_rung_is_said(owner: User) -> None:
    ticket = make_ticket(owner, claim=Claim.EMAIL, contact="ada@new.example")
    by_staff(ticket)
    workflow.note_sign_in(ticket.pk, young=False)
    assert said(ticket) == (
        f"Doubt 4 of 5: the address is a new one; somebody signed in to the account with a second factor on {today()}."
    )


# What lowers nothing --------------------------------------------------------------------------------------------------


def end_of(ticket: RecoveryTicket) -> str:
    found = doubts.doubt(ticket, case_of(ticket))
    assert found is not None
    return found.end


def test_a_doubt_that_is_over_keeps_its_wait(owner: User) -> None:
    until = database_now() + DAY
    ticket = make_ticket(owner, Status.WAITING, doubt=5, wait_from=until - 30 * DAY, wait_until=until)
    add_boundary(ticket, proved=True)
    assert said(ticket) == "Doubt 1 of 5: the claimant proved the account's mailbox and the repositories."
    assert end_of(ticket) == (
        "The doubt was 5 before, and the waiting period stays as long as it was then: "
        f"at least until {until:%Y-%m-%d %H:%M} UTC."
    )


def test_what_waits_already_says_that_nothing_shortens_it(owner: User) -> None:
    until = database_now() + HOUR
    ticket = make_ticket(owner, Status.WAITING, doubt=2, wait_until=until)
    assert end_of(ticket) == (f"The waiting period lasts until {until:%Y-%m-%d %H:%M} UTC. Nothing can shorten it.")


def test_what_does_not_wait_yet_says_how_long_it_will(owner: User) -> None:
    assert end_of(make_ticket(owner)) == "The waiting period of 7 days has not begun."
    nothing = make_ticket(factories.make_user("kim"))
    assert (said(nothing), end_of(nothing)) == ("Doubt 0 of 5: the account has no project.", "")


def test_a_closed_ticket_says_what_its_wait_was(owner: User) -> None:
    ticket = make_ticket(owner, Status.COMPLETED, doubt=3)
    assert (said(ticket), end_of(ticket)) == ("Doubt 3 of 5 set the waiting period.", "")
    never = make_ticket(owner, Status.REJECTED)
    assert doubts.doubt(never, case_of(never)) is None


# Where it is shown ----------------------------------------------------------------------------------------------------


def page(ticket: RecoveryTicket) -> str:
    text = browser(make_admin("clerk")).get(f"{QUEUE}{ticket.pk}/change/").content.decode()
    return " ".join(text.split())


def test_the_ticket_page_the_queue_and_the_shell_say_it(owner: User) -> None:
    ticket = make_ticket(owner, Status.WAITING, doubt=2)
    by_a_co_owner(ticket)
    sentence = f"Doubt 3 of 5: a co-owner, kim, objected on {today()}."
    assert f"<strong>{sentence}</strong>" in page(ticket)
    out = io.StringIO()
    call_command("ticket", "show", str(ticket.pk), stdout=out)
    assert f"  {sentence}\n" in out.getvalue()
    text = browser(make_admin("other")).get(f"{QUEUE}?queue=all").content.decode()
    assert text.count(">doubt 3</span>") == 1


def test_a_sentence_costs_three_queries_at_most(owner: User) -> None:
    costs = []
    for number, somebody in enumerate((lambda ticket: "", by_a_co_owner, by_staff)):
        ticket = make_ticket(owner, contact=f"{number}@example.org")
        somebody(ticket)
        case = case_of(ticket)
        with CaptureQueriesContext(connection) as queries:
            doubts.doubt(ticket, case)
        costs.append(len(queries))
    assert costs == [0, 2, 3]


# An exception that nothing stands beside ------------------------------------------------------------------------------

WARNING = "If two people accept this exception, the ticket gets doubt 5 and waits 30 days."


@pytest.fixture
def asked(owner: User) -> RecoveryTicket:
    ticket = make_ticket(owner)
    row = add_boundary(ticket)
    decided.ask_exception(
        ticket.pk, actor=staff(make_moderator("asker")), boundary_id=row.pk, other_proof="dead_host", reason=REASON
    )
    return ticket


def test_whoever_decides_an_exception_reads_first_what_it_leads_to(asked: RecoveryTicket) -> None:
    text = page(asked)
    assert text.index(WARNING) < text.index("Approve the exception")
    row = asked.boundaries.get()
    decided.approve_exception(asked.pk, actor=staff(make_moderator("decider")), boundary_id=row.pk, reason=REASON)
    assert said(asked).startswith("Doubt 5 of 5: an exception, but no proved repository and no account proof")


def test_whoever_asks_for_one_reads_it_too(owner: User) -> None:
    ticket = make_ticket(owner)
    add_boundary(ticket)
    assert WARNING in page(ticket)


HELPS: dict[str, Callable[[RecoveryTicket], Any]] = {
    "account proof": lambda ticket: OtherProof.objects.create(ticket=ticket, kind=OtherProof.Kind.PASSWORD),
    "another is proved": lambda ticket: add_boundary(ticket, "guild", proved=True),
}


@pytest.mark.parametrize("help_", HELPS.values(), ids=HELPS)
def test_with_something_beside_it_nothing_is_warned_of(
    asked: RecoveryTicket, help_: Callable[[RecoveryTicket], Any]
) -> None:
    help_(asked)
    assert "doubt 5" not in page(asked)
