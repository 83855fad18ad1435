"""Where checkpoints leave to: what is due, what counts as gone, and from when on silence is worth a note."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from audit.chain import outlets, sealing, surroundings
from audit.chain.findings import Report
from audit.chain.outlets import MAIL, SILENT_AFTER, Departures
from audit.log import record
from audit.models import Outlet, Seal
from audit.tags import Tag
from tests.helpers.sealed import superuser

pytestmark = pytest.mark.django_db
SINK = "https://example.org/secret"
SECOND = timedelta(seconds=1)


def sealed(tag: Tag = Tag.FILE_ADD) -> Seal:
    record(tag, actor="system")
    sealing.seal()
    return Seal.objects.latest("number")


@pytest.fixture
def old() -> Seal:
    """A seal of 26 hours ago, in which something happened."""
    sealed()
    with superuser():
        Seal.objects.update(time=F("time") - timedelta(hours=26))
    return Seal.objects.get()


def left(seal: Seal, at: datetime, name: str = MAIL) -> None:
    Outlet.objects.update_or_create(name=name, defaults={"left": seal.number, "left_at": at})


def test_a_seal_nobody_was_told_of_for_25_hours_is_silence(old: Seal) -> None:
    at = old.time + SILENT_AFTER
    assert outlets.departures(at) == Departures(None, silent=False)
    assert outlets.departures(at + SECOND) == Departures(None, silent=True)
    assert timedelta(hours=25) == SILENT_AFTER


def test_what_left_lately_by_any_outlet_ends_silence(old: Seal) -> None:
    now = timezone.now()
    first = Seal(number=0)
    left(first, now - timedelta(hours=30))
    assert outlets.departures(now) == Departures(now - timedelta(hours=30), silent=True)
    left(first, now - SILENT_AFTER, "sink:x")
    assert outlets.departures(now) == Departures(now - SILENT_AFTER, silent=True)
    left(first, now - SILENT_AFTER + SECOND, "sink:x")
    assert outlets.departures(now) == Departures(now - SILENT_AFTER + SECOND, silent=False)


def test_the_newest_seal_that_left_counts_whichever_outlet_it_left_by(old: Seal) -> None:
    long_ago = timezone.now() - timedelta(days=3)
    left(old, long_ago)
    left(Seal(number=0), long_ago, "sink:x")
    assert outlets.departures(timezone.now()) == Departures(long_ago, silent=False)


def test_the_ways_of_mails_are_no_news(old: Seal) -> None:
    long_ago = timezone.now() - timedelta(days=3)
    left(old, long_ago)
    sealed(Tag.ACCOUNT_EMAIL_SENT)
    with superuser():
        Seal.objects.filter(number__gt=old.number).update(time=F("time") - timedelta(hours=26))
    assert not outlets.departures(timezone.now()).silent
    sealed(Tag.FILE_ADD)
    with superuser():
        Seal.objects.filter(number=3).update(time=F("time") - timedelta(hours=26))
    assert outlets.departures(timezone.now()).silent


def test_each_outlet_has_one_row_and_is_due_until_it_had_the_newest_seal() -> None:
    outlet = outlets.named(MAIL)
    assert outlets.named(MAIL) == outlet
    assert outlets.unsent(outlet) is None
    head = sealed()
    assert outlets.unsent(outlet) == head
    assert outlets.mark_handed(outlet, head)
    assert not outlets.mark_handed(outlet, head)  # another worker was first
    outlet.refresh_from_db()
    assert outlet.seal == head.number
    assert outlet.handed_at is not None
    assert outlets.unsent(outlet) is None


def test_a_seal_that_left_clears_what_went_wrong_at_its_own_outlet_only() -> None:
    mail, sink = outlets.named(MAIL), outlets.named("sink:x")
    Outlet.objects.update(failures=3, error="no room")
    outlets.note_left(mail, 7)
    mail.refresh_from_db()
    sink.refresh_from_db()
    assert (mail.left, mail.failures, mail.error, mail.left_at is None) == (7, 0, "", False)
    assert (sink.left, sink.failures, sink.error, sink.left_at) == (0, 3, "no room", None)


def test_a_seal_by_its_number() -> None:
    head = sealed()
    assert [outlets.seal_of(number) for number in (0, head.number, head.number + 1)] == [None, head, None]


def test_the_outlets_of_today_are_the_mail_and_the_sink_that_is_set(settings: Any) -> None:
    name = outlets.sink_name(SINK)
    assert name.startswith("sink:")
    assert (len(name), "secret" in name) == (21, False)
    for one in (name, "sink:before", MAIL):
        outlets.named(one)
    settings.AUDIT_SINK = ""
    assert [one.name for one in outlets.current()] == [MAIL]
    settings.AUDIT_SINK = SINK
    assert [one.name for one in outlets.current()] == [MAIL, name]


# What the report says of them ----------------------------------------------------------------------------------------


def notes() -> list[str]:
    report = Report(seals=1)
    surroundings._departures(report)
    return report.notes


def test_silence_and_failures_are_notes_in_words(old: Seal) -> None:
    assert notes() == ["no checkpoint has left by mail or sink for 25 hours; the last one: never"]
    at = timezone.now() - timedelta(hours=30)
    left(Seal(number=0), at)
    Outlet.objects.update(failures=2, error="no room")
    assert notes() == [
        f"no checkpoint has left by mail or sink for 25 hours; the last one: {at:%Y-%m-%d %H:%M} UTC",
        "the mail has failed 2 times: no room",
    ]
    report = Report()
    surroundings._departures(report)
    assert (report.last_left, report.silent, report.found) == (at, True, 0)
