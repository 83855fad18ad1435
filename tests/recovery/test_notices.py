"""What the desk says by itself, and when: reminders, notices of a wait, word while it is our turn."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client

from accounts.mail import links, outbox
from accounts.mail.models import Mail
from accounts.models import User
from common.clock import database_now
from recoverydesk.recovery import notices, queue_place, workflow
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import Claim, RecoveryTicket, Source, Status
from recoverydesk.recovery.permissions import SYSTEM
from tests import factories
from tests.recovery.builders import DAY, add_boundary, make_admin, make_ticket, status_link

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recoverydesk.recovery.background.probe_rounds.probe_due", lambda: 0)


@pytest.fixture
def ada(db: None) -> User:
    user = factories.make_user("ada")
    factories.add_totp(user)
    return user


def a_day_passes() -> None:
    columns = ("turn_since", "next_notice_at", "wait_until", "challenged_at", "mailbox_confirmed_at")
    RecoveryTicket.objects.update(**{name: F(name) - DAY for name in columns})
    sweep.sweep()


def heard(kind: str, days: int) -> list[int]:
    """On which of the next days a mail of that kind went to the contact."""
    found, before = [], Mail.objects.filter(kind=kind, recipient="ada@example.org").count()
    for day in range(1, days + 1):
        a_day_passes()
        now = Mail.objects.filter(kind=kind, recipient="ada@example.org").count()
        if now > before:
            found.append(day)
        before = now
    return found


def test_the_claimant_is_reminded_on_days_three_and_ten_of_their_turn(ada: User) -> None:
    factories.make_project("tool", ada)
    ticket = make_ticket(ada, Status.NEW)
    add_boundary(ticket)
    workflow.challenge(ticket.pk, actor=SYSTEM)
    assert heard("recovery_reminder", 13) == [3, 10]
    letter = outbox.render(Mail.objects.filter(kind="recovery_reminder").earliest("id")).text
    assert "11 more days" in letter
    assert letter.count("/recover/status/") == 1


def test_a_wait_is_told_at_its_start_after_one_three_and_six_days_and_at_its_end(ada: User) -> None:
    factories.make_project("tool", ada)
    ticket = make_ticket(ada, Status.NEW)
    workflow.challenge(ticket.pk, actor=SYSTEM)
    sweep.sweep()
    Client().post(f"/recover/status/{links.key(notices.status_link(ticket))}/", {"pushed": "1"})
    sweep.sweep()
    sweep.sweep()
    assert Mail.objects.filter(kind="recovery_waiting").count() == 1
    assert heard("recovery_waiting", 6) == [1, 3, 6]
    assert heard("recovery_wait_over", 2) == [1]
    for mail in Mail.objects.filter(kind__in=("recovery_waiting", "recovery_wait_over")):
        assert outbox.render(mail).text.count("/recover/stop/") == 1


def test_while_it_is_our_turn_the_claimant_hears_once_a_week(ada: User) -> None:
    ticket = make_ticket(ada, Status.NEW)
    RecoveryTicket.objects.update(challenges_itself=False)
    RecoveryTicket.objects.filter(pk=ticket.pk).update(next_notice_at=F("turn_since") + 7 * DAY)
    assert heard("recovery_still_ours", 15) == [7, 14]
    assert "number 1 of" in outbox.render(Mail.objects.filter(kind="recovery_still_ours").earliest("id")).text


def test_the_status_page_says_the_place_and_the_usual_time(ada: User) -> None:
    admin, now = make_admin("resetting"), database_now()
    for number in range(5):
        make_ticket(factories.make_user(f"done{number}"), Status.COMPLETED, reset_by=admin, requested_at=now - 4 * DAY)
    make_ticket(factories.make_user("first"), Status.READY, turn_since=now - 2 * DAY)
    ticket = make_ticket(ada, Status.READY, turn_since=now - DAY)
    page = Client().get(f"/recover/status/{links.key(status_link(ticket))}/").content.decode()
    assert "number 2 of the requests" in page
    assert "usually take 4 days" in page


def test_with_few_finished_requests_nothing_is_called_usual(ada: User) -> None:
    make_ticket(ada, Status.COMPLETED)
    assert queue_place.usual_days() == 0


def test_a_new_ticket_knows_when_it_speaks_next(ada: User) -> None:
    ticket = workflow.open_ticket(subject=ada, claim=Claim.SECOND_FACTOR, actor=SYSTEM, source=Source.FORM).ticket
    assert ticket.next_notice_at == ticket.turn_since + timedelta(days=7)
