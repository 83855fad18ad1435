"""What age alone deletes, and what stays however old it is."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models.functions import Now
from django.utils import timezone

from accounts.mail.models import Link, Mail, Request
from accounts.models import Session, User
from audit.models import Event
from recoverydesk.housekeeping import retention
from recoverydesk.invariants import letters
from recoverydesk.recovery.models import Boundary, Heartbeat, Probe, RecoveryTicket, Status
from tests.helpers.tickets import add_boundary, make_ticket, prove

DAY = timedelta(days=1)
YEAR = timedelta(days=365)
pytestmark = pytest.mark.django_db


def mail(age: timedelta, *, reference: str = "", state: str = "sent") -> Mail:
    number = str(Mail.objects.count())
    made = Mail.objects.create(
        kind="x", recipient="x@example.org", language="en", dedupe_key=number, message_id=f"<{number}@x>",
        state=state, reference=reference,
    )  # fmt: skip
    Mail.objects.filter(pk=made.pk).update(queued_at=Now() - age)
    return made


def link(ended: timedelta) -> Link:
    return Link.objects.create(purpose="x", recipient="x@example.org", nonce="n", key_id="k", expires_at=Now() - ended)


def look(boundary: Boundary, age: timedelta) -> Probe:
    made = Probe.objects.create(boundary=boundary, url="https://x.example", repository="x", verdict="missing")
    Probe.objects.filter(pk=made.pk).update(probed_at=Now() - age)
    return made


def closed(user: User, ago: timedelta, status: str = Status.EXPIRED) -> RecoveryTicket:
    ticket = make_ticket(user, status=status)
    RecoveryTicket.objects.filter(pk=ticket.pk).update(closed_at=Now() - ago)
    return ticket


@pytest.fixture
def rows(ada: User, settings: Any) -> list[Any]:
    """Of every kind one row that is a day too old and one that is not old enough; the second ones are given."""
    old_ticket, new_ticket = closed(ada, YEAR + DAY), closed(ada, YEAR - DAY)
    mail(YEAR + DAY)
    mail(2 * YEAR, reference=old_ticket.reference)
    link(settings.KEEP_LINKS + DAY)
    look(add_boundary(old_ticket), YEAR + DAY)
    Request.objects.create(kind="recovery", payload=b"", handled_at=Now() - 2 * DAY)
    Session.objects.create(session_key="old", session_data="", expire_date=timezone.now() - timedelta(minutes=1))
    return [
        mail(YEAR - DAY), mail(2 * YEAR, reference=new_ticket.reference), link(settings.KEEP_LINKS - DAY),
        look(add_boundary(new_ticket), 2 * YEAR), look(add_boundary(old_ticket, "grace"), YEAR - DAY),
        Request.objects.create(kind="recovery", payload=b"", handled_at=Now() - timedelta(hours=23)),
        Session.objects.create(session_key="new", session_data="", expire_date=timezone.now() + DAY),
    ]  # fmt: skip


def there() -> set[Any]:
    return {row for model in (Mail, Link, Probe, Request, Session) for row in model._default_manager.all()}


def test_a_day_too_old_is_gone_and_a_day_younger_is_there(rows: list[Any]) -> None:
    assert retention.run() == 6
    assert there() == set(rows)


def test_the_command_does_the_same_and_says_how_many(rows: list[Any]) -> None:
    before = there()
    dry, wet = StringIO(), StringIO()
    call_command("purge", "--dry-run", stdout=dry)
    assert there() == before
    assert "links: 1 old enough" in dry.getvalue()
    call_command("purge", stdout=wet)
    assert there() == set(rows)
    assert "mails: 2 deleted" in wet.getvalue()


def test_a_mail_that_waits_and_one_of_an_open_ticket_stay(ada: User) -> None:
    ticket = make_ticket(ada)
    staying = {mail(9 * YEAR, state="queued"), mail(9 * YEAR, reference=ticket.reference)}
    retention.run()
    assert set(Mail.objects.all()) == staying


def test_what_stays_hides_nothing_behind_it(ada: User) -> None:
    """Rows that are needed come first by age, more of them than a batch holds."""
    ticket = make_ticket(ada)
    staying = {mail(9 * YEAR, reference=ticket.reference) for _number in range(5)}
    for _number in range(5):
        mail(2 * YEAR)
    (kind,) = [one for one in retention.KINDS if one.name == "mails"]
    assert sum(kind.delete(batch=2)) == 5
    assert set(Mail.objects.all()) == staying


def test_what_proved_a_boundary_stays(ada: User) -> None:
    ticket = closed(ada, 9 * YEAR, Status.COMPLETED)
    proved = prove(add_boundary(ticket))
    Probe.objects.update(probed_at=Now() - 9 * YEAR)
    retention.run()
    assert proved.proof in Probe.objects.all()


def test_looks_of_an_open_ticket_stay(ada: User) -> None:
    look(add_boundary(make_ticket(ada)), 9 * YEAR)
    assert retention.run() == 0


def test_the_log_is_not_touched(rows: list[Any]) -> None:
    before = Event.objects.count()
    retention.run()
    assert Event.objects.count() == before


def test_the_sweep_does_it_once_an_hour_and_a_part_of_it(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCHES", 2)
    monkeypatch.setattr(retention.Kind.delete, "__defaults__", (2,))
    for _number in range(7):
        link(YEAR)
    assert retention.run() == 4
    assert retention.run() == 0
    Heartbeat.objects.filter(name=retention.NAME).update(at=Now() - retention.EVERY - timedelta(seconds=1))
    assert retention.run() == 3


def test_a_clock_that_was_ahead_does_not_stop_it() -> None:
    Heartbeat.objects.create(name=retention.NAME, at=Now() + YEAR)
    link(YEAR)
    assert retention.run() == 1


def test_a_ticket_whose_mails_are_gone_breaks_no_rule(ada: User) -> None:
    ticket = closed(ada, YEAR + DAY, Status.COMPLETED)
    RecoveryTicket.objects.filter(pk=ticket.pk).update(challenged_at=Now() - 2 * YEAR, completed_at=Now() - YEAR - DAY)
    assert list(letters.notice_missing()) == []
    RecoveryTicket.objects.filter(pk=ticket.pk).update(closed_at=Now() - YEAR + DAY)
    assert {one.rule for one in letters.notice_missing()} == {"notice_missing"}
