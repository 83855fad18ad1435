"""A button of a mailed page, clicked while the sweep or an admin moves the ticket, still does what it says."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from accounts.mail.models import Mail
from accounts.models import User
from common.clock import database_now
from recoverydesk.recovery import workflow
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status
from recoverydesk.recovery.permissions import SYSTEM
from recoverydesk.recovery.probing.verdicts import Verdict
from tests.helpers import decided, factories
from tests.helpers.links import path
from tests.helpers.meanwhile import right_after_the_page_reads_the_ticket
from tests.helpers.tickets import (
    HOUR,
    REASON,
    add_boundary,
    age_factors,
    as_staff,
    confirm_link,
    make_admin,
    make_ticket,
    refusals,
    result_of,
    status_link,
    stop_link,
)

pytestmark = pytest.mark.django_db
Move = Callable[[RecoveryTicket], object]


@pytest.fixture
def ada(ada: User) -> User:
    """She owns a project, and her app is two months old."""
    factories.make_project("tool", ada)
    return age_factors(ada)


def found(ticket: RecoveryTicket) -> None:
    """The last look finds the branch: the mailbox is confirmed and the ticket, whose clock runs, waits."""
    boundary = ticket.boundaries.get()
    workflow.record_probe(ticket.pk, boundary.pk, lease=None, results=[result_of(boundary, Verdict.FOUND)])


def waited(ticket: RecoveryTicket) -> None:
    RecoveryTicket.objects.filter(pk=ticket.pk).update(wait_until=Now())
    workflow.wait_over(ticket.pk, actor=SYSTEM)


def sent_back(ticket: RecoveryTicket) -> None:
    workflow.send_back(ticket.pk, actor=SYSTEM, reason="the evidence no longer holds")


MOVES: dict[str, tuple[Status, Move, Status]] = {
    "a look finds the branch": (Status.CHALLENGED, found, Status.WAITING),
    "the waiting period ends": (Status.WAITING, waited, Status.READY),
    "the ticket goes back": (Status.WAITING, sent_back, Status.WAITING),  # and the button brings it on again
    "its contact bounces": (Status.CHALLENGED, lambda t: workflow.note_bounce(t.pk), Status.CHALLENGED),
    "the owner signs in": (Status.CHALLENGED, lambda t: workflow.note_sign_in(t.pk, young=False), Status.CHALLENGED),
    "the system doubts": (
        Status.READY, lambda t: workflow.dispute(t.pk, actor=SYSTEM, reason="a young factor"), Status.WAITING
    ),
}  # fmt: skip


def scene(ada: User, status: Status) -> RecoveryTicket:
    clock = {"wait_until": database_now() + HOUR} if status == Status.CHALLENGED else {}
    ticket = make_ticket(ada, status, **clock)
    add_boundary(ticket, proved=status != Status.CHALLENGED)
    return ticket


def click(ticket: RecoveryTicket, move: Move, **fields: str) -> Any:
    page = path(status_link(ticket))
    with right_after_the_page_reads_the_ticket(lambda: move(ticket)):
        return Client().post(page, fields, follow=True)


@pytest.mark.parametrize("name", MOVES)
def test_i_have_pushed_them_gives_the_return_code_whatever_the_sweep_does_meanwhile(ada: User, name: str) -> None:
    before, move, after = MOVES[name]
    ticket = scene(ada, before)
    answer = click(ticket, move, pushed="1")
    ticket.refresh_from_db()
    assert ticket.status == after
    assert ticket.return_code_digest
    assert answer.context["return_code"] in answer.content.decode()
    assert refusals(ticket) == []


@pytest.mark.parametrize("name", MOVES)
def test_withdrawing_closes_the_request_whatever_the_sweep_does_meanwhile(ada: User, name: str) -> None:
    before, move, _after = MOVES[name]
    ticket = scene(ada, before)
    assert "is closed" in click(ticket, move, withdraw="1").content.decode()
    ticket.refresh_from_db()
    assert ticket.status == Status.WITHDRAWN


def test_a_proof_offered_while_a_look_finds_the_branch_is_told_that_the_request_went_on(ada: User) -> None:
    ticket = scene(ada, Status.CHALLENGED)
    answer = click(ticket, found, proof="1", kind="password", secret=factories.PASSWORD)
    assert "Your request has changed since you opened this page" in answer.content.decode()


@pytest.mark.parametrize("button", ["pushed", "proof", "withdraw"])
def test_a_button_clicked_while_the_ticket_expires_says_that_it_is_closed(ada: User, button: str) -> None:
    ticket = scene(ada, Status.CHALLENGED)
    month = 31 * 24 * 3600
    RecoveryTicket.objects.filter(pk=ticket.pk).update(their_seconds=month)
    answer = click(ticket, lambda t: workflow.expire(t.pk), **{button: "1", "kind": "password", "secret": "x"})
    assert "is closed" in answer.content.decode()
    ticket.refresh_from_db()
    assert ticket.status == Status.EXPIRED


def test_a_new_contact_is_confirmed_while_the_owner_signs_in(ada: User) -> None:
    ticket = make_ticket(ada, claim=Claim.EMAIL, contact="ada@new.example")
    page = path(confirm_link(ticket))
    with right_after_the_page_reads_the_ticket(lambda: workflow.note_sign_in(ticket.pk, young=False)):
        answer = Client().post(page, {"pushed": "1"}, follow=True)
    ticket.refresh_from_db()
    assert ticket.mailbox_confirmed_at is not None
    assert answer.context["return_code"] in answer.content.decode()


@pytest.mark.parametrize("button", ["stop", "lock"])
@pytest.mark.parametrize("name", MOVES)
def test_this_was_not_me_stops_the_request_whatever_the_sweep_does_meanwhile(ada: User, name: str, button: str) -> None:
    before, move, _after = MOVES[name]
    ticket = scene(ada, before)
    page = path(stop_link(ticket))
    with right_after_the_page_reads_the_ticket(lambda: move(ticket)):
        Client().post(page, {button: "1"})
    ticket.refresh_from_db()
    ada.refresh_from_db()
    assert ticket.status == Status.STOPPED
    assert (ada.frozen_at is not None) == (button == "lock")


@pytest.mark.parametrize("button", ["stop", "lock"])
def test_this_was_not_me_clicked_in_the_moment_of_the_reset_freezes_the_account(ada: User, button: str) -> None:
    ticket, admin = scene(ada, Status.READY), make_admin()
    page = path(stop_link(ticket))

    def reset() -> None:
        decided.reset(ticket.pk, actor=as_staff(admin), reason=REASON)

    with right_after_the_page_reads_the_ticket(reset):
        answer = Client().post(page, {button: "1"}, follow=True)
    ticket.refresh_from_db()
    ada.refresh_from_db()
    assert "The account is frozen" in answer.content.decode()
    assert (ticket.status, ada.frozen_at is not None) == (Status.COMPLETED, True)
    assert ticket.objected_at is not None
    assert Mail.objects.filter(context__tag="account:freeze").exists()
