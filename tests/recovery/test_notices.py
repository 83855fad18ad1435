"""What the desk says by itself, and when: reminders, notices of a wait, word while it is our turn."""

import re
from datetime import datetime, timedelta

import pytest
from django.db.models import F
from django.test import Client

from accounts import services
from accounts.mail import links, outbox
from accounts.mail.models import Link, Mail
from accounts.models import User
from common.clock import database_now
from recoverydesk.recovery import notices, queue_place, workflow
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import Claim, OtherProof, RecoveryTicket, Source, Status
from recoverydesk.recovery.permissions import SYSTEM
from recoverydesk.recovery.probing.verdicts import Verdict
from tests.helpers import factories
from tests.helpers.attacker import ask
from tests.helpers.tickets import (
    DAY,
    REASON,
    add_boundary,
    as_staff,
    make_admin,
    make_moderator,
    make_ticket,
    result_of,
    status_link,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recoverydesk.recovery.background.probe_rounds.probe_due", lambda: 0)


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
    said = re.search(r"before ([-0-9]{10} [:0-9]{5}) UTC", letter)
    assert said is not None
    until = datetime.strptime(said[1] + "Z", "%Y-%m-%d %H:%M%z")
    assert timedelta(days=11) - (until - database_now()) < timedelta(hours=1)
    assert "Do you have your recovery codes after all?" in letter
    assert letter.count("/recover/status/") == 1


def test_a_claim_that_lost_no_factor_hears_nothing_of_codes(ada: User) -> None:
    ticket = make_ticket(ada, claim=Claim.EMAIL, contact="ada@new.example", mailbox_confirmed_at=database_now())
    status_link(ticket)
    mail = notices.remind(ticket, once="", until="2026-12-14 10:00 UTC")
    assert mail is not None
    assert "recovery codes" not in outbox.render(mail).text


# The way to the status page ------------------------------------------------------------------------------------------

WITHOUT = {
    "recovery_notice",  # leaves together with the mail that has it
    "recovery_confirm_contact",  # there is no page yet
}


@pytest.mark.parametrize("contact", ["ada@example.org", "ada@new.example"])
@pytest.mark.thorough
def test_every_mail_to_the_contact_says_the_way_to_its_page(ada: User, contact: str) -> None:
    """From the challenge to the end, whatever the desk says by itself: a new kind of mail is caught here."""
    claim = Claim.SECOND_FACTOR if contact == "ada@example.org" else Claim.EMAIL
    factories.make_project("tool", ada)
    ticket = make_ticket(ada, Status.NEW, claim=claim, contact=contact)
    OtherProof.objects.create(ticket=ticket, kind=OtherProof.Kind.PASSWORD)
    rows = [add_boundary(ticket, name) for name in ("ada", "guild")]
    workflow.challenge(ticket.pk, actor=SYSTEM)
    confirm(ticket)
    for _day in range(3):
        a_day_passes()
    for row in rows:
        workflow.record_probe(ticket.pk, row.pk, lease=None, results=[result_of(row, Verdict.FOUND)])
        a_day_passes()
    for _day in range(25):
        a_day_passes()
    ticket.refresh_from_db()
    workflow.reject(ticket.pk, actor=as_staff(make_moderator()), reason=REASON)
    sent = Mail.objects.filter(recipient=contact, reference=ticket.reference).exclude(kind__in=WITHOUT)
    assert {"recovery_reminder", "recovery_progress", "recovery_closed"} < set(sent.values_list("kind", flat=True))
    link = f"/recover/status/{links.key(Link.objects.get(purpose='status'))}/"
    assert [mail.kind for mail in sent if outbox.render(mail).text.count(link) != 1] == []
    others = Mail.objects.filter(reference=ticket.reference).exclude(recipient=contact)
    assert [mail.kind for mail in others if "/recover/status/" in outbox.render(mail).text] == []


def confirm(ticket: RecoveryTicket) -> None:
    """The contact clicks what its first mail leads to."""
    link = Link.objects.filter(reference=ticket.reference, purpose__in=("status", "confirm_contact")).latest("id")
    Client().post(links.url(link).removeprefix("http://localhost:8000"), {"pushed": "1"})


@pytest.mark.parametrize("status", [Status.WAITING, Status.READY])
def test_a_lost_link_is_mailed_again_to_who_asks_again_three_times_a_day(ada: User, status: Status) -> None:
    ticket = make_ticket(ada, status)
    link = status_link(ticket)
    for _again in range(5):
        ask()
    mails = Mail.objects.filter(kind="recovery_status")
    assert [mail.recipient for mail in mails] == ["ada@example.org"] * 3
    assert f"/recover/status/{links.key(link)}/" in outbox.render(mails[0]).text
    assert RecoveryTicket.objects.get() == ticket


def test_who_signed_in_meanwhile_keeps_the_link_from_being_mailed_again(ada: User) -> None:
    status_link(make_ticket(ada, Status.WAITING, signed_in_at=database_now()))
    ask()
    assert not Mail.objects.filter(kind="recovery_status").exists()


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
    assert "number 1 in" in outbox.render(Mail.objects.filter(kind="recovery_still_ours").earliest("id")).text


def test_the_status_page_says_the_place_and_the_usual_time(ada: User) -> None:
    admin, now = make_admin("resetting"), database_now()
    for number in range(5):
        make_ticket(factories.make_user(f"done{number}"), Status.COMPLETED, reset_by=admin, requested_at=now - 4 * DAY)
    make_ticket(factories.make_user("first"), Status.READY, turn_since=now - 2 * DAY)
    ticket = make_ticket(ada, Status.READY, turn_since=now - DAY)
    page = Client().get(f"/recover/status/{links.key(status_link(ticket))}/").content.decode()
    assert "number 2 in our queue" in page
    assert "usually take 4 days" in page


def test_with_few_finished_requests_nothing_is_called_usual(ada: User) -> None:
    make_ticket(ada, Status.COMPLETED)
    assert queue_place.usual_days() == 0


def test_a_new_ticket_knows_when_it_speaks_next(ada: User) -> None:
    ticket = workflow.open_ticket(subject=ada, claim=Claim.SECOND_FACTOR, actor=SYSTEM, source=Source.FORM).ticket
    assert ticket.next_notice_at == ticket.turn_since + timedelta(days=7)


def test_the_mail_about_a_frozen_account_names_the_way_that_is_open() -> None:
    ada = factories.make_user("ada")
    services.freeze(ada, by=User.FrozenBy.STAFF, actor="system", reason=REASON)
    said = outbox.render(Mail.objects.get(kind="security_notice")).text
    assert "http://localhost:8000/recover/" in said
    assert "/account/security/" not in said
