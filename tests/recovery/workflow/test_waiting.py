"""The clock: the database's, started by the last notice, ended to the second."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from accounts.mail.models import Mail
from accounts.models import User
from common.clock import database_now
from recoverydesk.projects.models import Project
from recoverydesk.recovery import errors, notices, workflow
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import RecoveryTicket, Status
from recoverydesk.recovery.permissions import SYSTEM, claimant
from tests.helpers import decided, factories, mail_server
from tests.helpers.desk import browser
from tests.helpers.tickets import (
    REASON,
    add_address,
    add_boundary,
    as_staff,
    everything,
    make_admin,
    make_moderator,
    make_ticket,
    refusals,
)

pytestmark = pytest.mark.django_db
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


def waiting_ticket(user: User, status: str, ends_in: timedelta) -> RecoveryTicket:
    """A ticket with everything proved whose clock ends so far from the database's now."""
    factories.make_project("tool", user)
    ticket = make_ticket(user, status)
    add_boundary(ticket, proved=True)
    RecoveryTicket.objects.filter(pk=ticket.pk).update(wait_until=Now() + ends_in)
    return ticket


def reset(ticket: RecoveryTicket) -> workflow.Outcome:
    return decided.reset(ticket.pk, actor=as_staff(make_admin()), reason=REASON)


@pytest.mark.parametrize("status", [Status.WAITING, Status.READY])
def test_a_minute_before_the_end_the_reset_is_refused_by_name(ada: User, status: str) -> None:
    ticket = waiting_ticket(ada, status, 60 * SECOND)
    admin = as_staff(make_admin())
    before = everything()
    with pytest.raises(errors.WaitingPeriodActive):
        decided.reset(ticket.pk, actor=admin, reason=REASON)
    assert everything() == before
    assert [data["error"] for data in refusals(ticket)] == ["WaitingPeriodActive"]


@pytest.mark.parametrize("status", [Status.WAITING, Status.READY])
def test_one_second_after_the_end_the_reset_is_done_in_one_click(ada: User, status: str) -> None:
    ticket = waiting_ticket(ada, status, -SECOND)
    assert reset(ticket).removed is not None
    ticket.refresh_from_db()
    assert ticket.status == Status.COMPLETED


def test_the_second_itself_passes_by_the_databases_clock(ada: User) -> None:
    """Asked without a pause, it is refused only before the end and done only after it."""
    ticket = waiting_ticket(ada, Status.WAITING, SECOND)
    end = RecoveryTicket.objects.get().wait_until
    assert end is not None
    while (asked := database_now()) < end or RecoveryTicket.objects.get().status == Status.WAITING:
        try:
            workflow.wait_over(ticket.pk)
        except errors.WaitingPeriodActive:
            assert asked < end
        else:
            assert database_now() >= end
            break
    assert RecoveryTicket.objects.get().status == Status.READY


@pytest.fixture(params=[timedelta(days=400), timedelta(days=-400)])
def wrong_app_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The web server's clock is off by more than a year."""
    wrong = timezone.now() + request.param
    monkeypatch.setattr(timezone, "now", lambda: wrong)


@pytest.mark.usefixtures("wrong_app_clock")
def test_a_wrong_app_clock_neither_shortens_nor_lengthens_the_wait(ada: User) -> None:
    ticket = waiting_ticket(ada, Status.WAITING, HOUR)
    sweep.sweep()
    with pytest.raises(errors.WaitingPeriodActive):
        reset(ticket)
    RecoveryTicket.objects.update(wait_until=Now() - SECOND)
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.status == Status.READY


@pytest.mark.usefixtures("wrong_app_clock")
def test_a_wrong_app_clock_does_not_start_the_clock_elsewhere(ada: User) -> None:
    ticket = open_challenged(ada)
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.wait_until is not None
    assert abs(ticket.wait_until - database_now() - DAY) < timedelta(minutes=1)


# When it starts -----------------------------------------------------------------------------------------------------


def open_challenged(user: User, *, boundary: bool = True, projects: bool = True, critical: bool = False) -> Any:
    """A ticket the desk has just challenged; its mails are in the queue."""
    if projects:
        factories.make_project("tool", user, critical=critical)
    ticket = make_ticket(user, Status.NEW, requested_at=database_now())
    if boundary:
        add_boundary(ticket)
    workflow.challenge(ticket.pk, actor=SYSTEM)
    ticket.boundaries.update(next_probe_at=None)
    ticket.refresh_from_db()
    return ticket


@pytest.fixture
def server(free_port: int, settings: Any) -> Iterator[mail_server.MailServer]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port
    with mail_server.running(free_port) as running:
        yield running


@pytest.mark.parametrize("late", [0, 1, 2])
def test_one_mail_that_cannot_leave_keeps_the_clock_from_starting(
    ada: User, server: mail_server.MailServer, late: int
) -> None:
    add_address(ada, "ada@elsewhere.example")
    owner = factories.make_user("kim")
    factories.add_role(factories.make_project("shared", ada), owner)
    ticket = open_challenged(ada)
    assert Mail.objects.filter(reference=ticket.reference).count() == 3
    server.recipients = ["250 OK"] * late + ["451 later"]
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.wait_until is None
    Mail.objects.filter(state="queued").update(next_try=Now())
    sweep.sweep()
    last = Mail.objects.filter(reference=ticket.reference).order_by("-settled_at").first()
    ticket.refresh_from_db()
    assert last is not None
    assert last.settled_at is not None
    assert ticket.wait_until == last.settled_at + DAY


def test_a_notice_refused_for_good_does_not_keep_the_clock_from_starting(
    ada: User, server: mail_server.MailServer
) -> None:
    add_address(ada, "gone@elsewhere.example")
    ticket = open_challenged(ada)
    server.recipients = ["250 OK", "550 no such mailbox"]
    sweep.sweep()
    ticket.refresh_from_db()
    assert Mail.objects.get(recipient="gone@elsewhere.example").state == "failed"
    assert ticket.contact_bounced_at is None
    assert ticket.wait_until is not None


def test_what_is_sent_again_neither_holds_up_nor_moves_the_clock(ada: User) -> None:
    ticket = open_challenged(ada)
    Mail.objects.filter(reference=ticket.reference).update(state="sent", settled_at=Now() - HOUR)
    again = workflow.resend(ticket.pk, actor=SYSTEM)
    workflow.start_clock(ticket.pk)
    ticket.refresh_from_db()
    assert Mail.objects.get(pk=again.pk).state == "queued"
    assert ticket.wait_until is not None
    assert ticket.wait_until < database_now() + DAY - HOUR / 2
    written = ticket.wait_until
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.wait_until == written


def test_the_sweep_tries_no_clock_before_all_its_mails_have_left(ada: User) -> None:
    """Else a hundred tickets with a mail that cannot leave would take the places of all that come after them."""
    add_address(ada, "ada@elsewhere.example")
    ticket = open_challenged(ada)
    mails = Mail.objects.filter(reference=ticket.reference)
    kinds = sorted(mails.values_list("kind", flat=True))
    assert kinds == ["recovery_challenge", "recovery_notice"]
    for kind in kinds:
        mails.update(state="sent", settled_at=Now())
        mails.filter(kind=kind).update(state="queued", settled_at=None)
        assert ticket not in sweep._without_clock()
    mails.update(state="sent", settled_at=Now())
    workflow.resend(ticket.pk, actor=SYSTEM)
    assert ticket in sweep._without_clock()


@pytest.mark.parametrize(
    ("scene", "wait"),
    [
        ({"critical": True}, 3 * DAY),
        ({}, DAY),
        ({"boundary": False, "projects": False}, timedelta(0)),
    ],
)
def test_how_long_a_clock_runs_that_needs_no_mailbox(ada: User, scene: dict[str, bool], wait: timedelta) -> None:
    ticket = open_challenged(ada, **scene)
    sweep.sweep()
    ticket.refresh_from_db()
    settled = Mail.objects.filter(reference=ticket.reference).latest("settled_at").settled_at
    assert settled is not None
    assert ticket.wait_until == settled + wait


@pytest.mark.parametrize(("critical", "days"), [(False, 7), (True, 7)])
def test_without_a_boundary_seven_days_run_from_the_confirmed_mailbox(ada: User, critical: bool, days: int) -> None:
    ticket = open_challenged(ada, boundary=False, critical=critical)
    sweep.sweep()
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.wait_until is None
    workflow.confirm_mailbox(ticket.pk, actor=claimant(notices.status_link(ticket)))
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.mailbox_confirmed_at is not None
    assert ticket.wait_until == ticket.mailbox_confirmed_at + days * DAY
    assert ticket.status == Status.WAITING


def test_without_projects_the_confirmed_mailbox_makes_it_ready(ada: User) -> None:
    ticket = open_challenged(ada, boundary=False, projects=False)
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.status == Status.CHALLENGED
    workflow.confirm_mailbox(ticket.pk, actor=claimant(notices.status_link(ticket)))
    ticket.refresh_from_db()
    assert ticket.status == Status.READY


def test_the_window_runs_while_branches_are_pushed(ada: User) -> None:
    ticket = open_challenged(ada)
    sweep.sweep()
    ticket.refresh_from_db()
    assert (ticket.status, ticket.wait_until is not None) == (Status.CHALLENGED, True)


# A step back by hand --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.WAITING, Status.READY])
def test_a_person_cannot_send_back_what_would_move_on_again_at_once(ada: User, status: str) -> None:
    ticket = waiting_ticket(ada, status, HOUR if status == Status.WAITING else -HOUR)
    client, path = browser(make_moderator()), f"/admin/recovery/recoveryticket/{ticket.pk}/"
    assert "press/send_back/" not in client.get(f"{path}change/").content.decode()
    before = everything()
    answer = client.post(f"{path}press/send_back/", {"reason": REASON, "version": "0"})
    assert (answer.status_code, "Dispute or reject the ticket instead" in answer.content.decode()) == (409, True)
    assert everything() == before
    assert refusals(ticket) == [{"verb": "send_back", "status": status, "error": "NothingAsksForIt"}]


CAUSES: dict[str, Callable[[RecoveryTicket], object]] = {
    "owner signed in": lambda ticket: RecoveryTicket.objects.update(signed_in_at=Now()),
    "mail came back": lambda ticket: RecoveryTicket.objects.update(contact_bounced_at=Now()),
    "frozen": lambda ticket: User.objects.filter(pk=ticket.subject_id).update(frozen_at=Now(), frozen_by="staff"),
    "proof gone": lambda ticket: ticket.boundaries.update(proof=None, proved_at=None),
    "critical since": lambda ticket: Project.objects.update(critical=True),
}


@pytest.mark.parametrize("cause", list(CAUSES))
def test_with_a_cause_the_button_is_there_and_sends_back(ada: User, cause: str) -> None:
    ticket = waiting_ticket(ada, Status.READY, -HOUR)
    RecoveryTicket.objects.update(doubt=1)
    notices_left(ticket, 2 * DAY)
    client, path = browser(make_moderator()), f"/admin/recovery/recoveryticket/{ticket.pk}/"
    CAUSES[cause](ticket)
    before = everything()
    assert "press/send_back/" in client.get(f"{path}change/").content.decode()
    assert everything() == before
    assert client.post(f"{path}press/send_back/", {"reason": REASON, "version": "0"}).status_code == 302
    ticket.refresh_from_db()
    assert ticket.status == Status.CHALLENGED
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.status in (Status.CHALLENGED, Status.WAITING)


# What moves it ------------------------------------------------------------------------------------------------------


def notices_left(ticket: RecoveryTicket, ago: timedelta) -> None:
    """The challenge's only notice left so long ago."""
    Mail.objects.create(
        kind="recovery_notice", recipient="ada@example.org", reference=ticket.reference, dedupe_key="notice",
        message_id=f"<{ticket.pk}@x>", state="sent", settled_at=database_now() - ago, language="en",
    )  # fmt: skip


def test_a_first_project_gained_since_moves_the_clock_and_sends_back(ada: User) -> None:
    ticket = make_ticket(ada, Status.READY)
    notices_left(ticket, 2 * DAY)
    factories.add_role(factories.make_project("gained"), ada, since=database_now() - HOUR)
    assert reset(ticket).sent_back
    ticket.refresh_from_db()
    assert ticket.status == Status.CHALLENGED
    assert ticket.mailbox_confirmed_at is not None
    assert ticket.wait_until == ticket.mailbox_confirmed_at + 7 * DAY
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.status == Status.WAITING


def test_a_project_that_became_critical_moves_the_clock(ada: User) -> None:
    ticket = waiting_ticket(ada, Status.WAITING, -SECOND)
    notices_left(ticket, DAY + HOUR)
    assert ticket.facts["critical"] is False
    Project.objects.update(critical=True)
    workflow.wait_over(ticket.pk)
    ticket.refresh_from_db()
    assert ticket.status == Status.CHALLENGED
    assert ticket.wait_until is not None
    assert DAY < ticket.wait_until - database_now() < 2 * DAY


def test_a_project_that_is_critical_no_more_shortens_nothing(ada: User) -> None:
    ticket = open_challenged(ada, critical=True)
    Project.objects.update(critical=False)
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.wait_until is not None
    assert ticket.wait_until > database_now() + 2 * DAY


def test_a_lost_role_does_not_make_the_clock_zero(ada: User) -> None:
    ticket = open_challenged(ada)
    ada.roles.all().delete()
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.wait_until is not None
    assert ticket.wait_until > database_now() + DAY - HOUR


def test_the_sweep_moves_waiting_tickets_on_and_only_those_whose_clock_is_over(ada: User) -> None:
    ticket = waiting_ticket(ada, Status.WAITING, HOUR)
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.status == Status.WAITING
    RecoveryTicket.objects.update(wait_until=F("wait_until") - 2 * HOUR)
    sweep.sweep()
    ticket.refresh_from_db()
    assert ticket.status == Status.READY


def test_a_mailbox_confirmed_after_a_dispute_still_gives_the_whole_week(ada: User) -> None:
    ticket = make_ticket(ada)
    add_boundary(ticket, proved=True)
    notices_left(ticket, 2 * DAY)
    workflow.start_clock(ticket.pk)
    ticket.refresh_from_db()
    assert (ticket.doubt, ticket.wait_until is not None) == (1, True)
    workflow.dispute(ticket.pk, actor=SYSTEM, reason=REASON)
    ticket.refresh_from_db()
    assert ticket.disputed_at is not None
    assert (ticket.doubt, ticket.wait_until) == (1, ticket.disputed_at + 7 * DAY)
    confirmed = ticket.disputed_at + 5 * DAY
    RecoveryTicket.objects.update(mailbox_confirmed_at=confirmed)
    workflow.start_clock(ticket.pk)
    ticket.refresh_from_db()
    assert (ticket.doubt, ticket.wait_until, ticket.wait_from) == (3, confirmed + 7 * DAY, confirmed)
