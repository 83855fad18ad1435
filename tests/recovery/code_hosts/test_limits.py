"""How much a host is asked is said per host: by whom, within which bounds, and where the desk shows it."""

import math
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.mail.models import Mail
from accounts.mail.rendering import render
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.recovery import errors
from recoverydesk.recovery.code_hosts import described, learned, limits
from recoverydesk.recovery.models import CodeHost, RecoveryTicket
from recoverydesk.recovery.permissions import Actor, staff
from recoverydesk.recovery.probing.patience import next_day
from recoverydesk.recovery.repository_urls.known_hosts import Pace
from tests.helpers import factories
from tests.helpers.desk import QUEUE, browser
from tests.helpers.tickets import (
    REASON,
    add_boundary,
    make_admin,
    make_moderator,
    make_root,
    make_ticket,
    stay_clear_of_midnight,
)

pytestmark = pytest.mark.django_db
LIST = "/admin/recovery/codehost/"


@pytest.fixture
def used_up() -> CodeHost:
    """A stranger's host that was asked as often as it may be today."""
    stay_clear_of_midnight()
    return CodeHost.objects.create(
        host="git.example", origin="https://git.example", described=False, asked=2_000, asked_on=database_now().date()
    )


def limit(host: str = "git.example", *, a_day: int | None = 5_000, a_second: float | None = None, **more: Any) -> Pace:
    return learned.pace(limits.limit(host, a_day=a_day, a_second=a_second, **{"reason": REASON} | more))


def changes() -> list[dict[str, Any]]:
    return list(Event.objects.filter(tag=Tag.CODEHOST_LIMIT).order_by("id").values_list("data", flat=True))


# The verb ------------------------------------------------------------------------------------------------------------


def test_a_limit_is_an_event_with_old_and_new_and_a_mail_to_every_admin(used_up: CodeHost) -> None:
    make_admin()
    make_moderator()
    assert limit(a_day=5_000, a_second=2.5) == Pace(5_000, 2.5)
    assert limit(a_day=5_000, a_second=2.5) == Pace(5_000, 2.5)  # the same again is no news
    assert limit(a_day=None, a_second=None) == Pace()
    first, second = changes()
    assert {name: first[name] for name in ("host", "a_day", "a_second", "was", "reason")} == {
        "host": "git.example", "a_day": 5_000, "a_second": 2.5, "reason": REASON,
        "was": {"a_day": None, "a_second": None},
    }  # fmt: skip
    assert (second["a_day"], second["was"]) == (None, {"a_day": 5_000, "a_second": 2.5})
    mails = Mail.objects.filter(kind="codehost_changed")
    assert {mail.recipient for mail in mails} == {"grace@example.org"}
    text = render(mails[0]).text
    assert "Somebody changed how many requests we send to the code host git.example" in text
    assert "new repositories and new tickets only" not in text


@pytest.mark.parametrize(
    ("a_day", "a_second"), [(0, 1.0), (-1, 1.0), (1_000_001, 1.0), (5, 0.0), (5, 21.0), (5, -1.0), (5, float("nan"))]
)
def test_what_is_out_of_bounds_is_refused_and_no_row_can_hold_it(
    used_up: CodeHost, a_day: int, a_second: float
) -> None:
    with pytest.raises(limits.BadLimit):
        limit(a_day=a_day, a_second=a_second)
    assert changes() == []
    if math.isnan(a_second) and connection.vendor == "sqlite":
        return  # which knows no such number: it writes none
    with pytest.raises(IntegrityError), transaction.atomic():
        CodeHost.objects.update(looks_a_day=a_day, looks_a_second=a_second)


@pytest.mark.parametrize(
    ("actor", "refused"),
    [
        (lambda: staff(make_moderator()), errors.NotAllowed),
        (lambda: staff(factories.make_user("kim", staff=True, groups=["Auditors"])), errors.NotAllowed),
        (lambda: staff(factories.make_user("eve")), errors.NotAllowed),
        (lambda: staff(make_admin()), None),
        (lambda: staff(make_root()), None),
    ],
)
def test_admins_set_limits_and_nobody_else(used_up: CodeHost, actor: Any, refused: type[Exception] | None) -> None:
    who: Actor = actor()
    if refused is None:
        limit(actor=who)
        assert len(changes()) == 1
        return
    with pytest.raises(refused):
        limit(actor=who)
    assert changes() == []


def test_a_limit_needs_a_reason(used_up: CodeHost) -> None:
    with pytest.raises(errors.ReasonTooShort):
        limit(reason="because")
    assert changes() == []


def test_a_public_host_that_was_never_asked_gets_a_row_that_describes_nothing() -> None:
    assert limit("https://GitHub.com", a_day=90_000) == Pace(90_000, 4.0)
    row = CodeHost.objects.get()
    assert (row.host, row.origin, row.described) == ("github.com", "https://github.com", False)
    assert described.stored_hosts() == {}
    limit("github.com", a_day=None)
    assert learned.pace(CodeHost.objects.get()) == Pace(50_000, 4.0)


@pytest.mark.parametrize("host", ["http://git.example", "git.example:8443", "localhost", "10.0.0.5", "a b", "x/y", ""])
def test_a_host_that_must_be_described_first_gets_no_row_by_a_limit(host: str) -> None:
    with pytest.raises((described.UnknownCodeHost, described.BadOrigin)):
        limit(host)
    assert not CodeHost.objects.exists()


def test_a_limit_survives_a_month_without_a_look_and_being_described(used_up: CodeHost) -> None:
    limit(a_day=7)
    old = timezone.now() - timedelta(days=40)
    CodeHost.objects.update(created_at=old, tokens_at=old)
    assert learned.forget_unused() == 0
    described.describe_host("https://git.example")
    assert learned.pace(CodeHost.objects.get()).a_day == 7


def test_looks_that_waited_for_tomorrow_are_due_once_the_day_has_room(used_up: CodeHost) -> None:
    now = database_now()
    tomorrow, later = next_day(now), now + timedelta(days=3)
    put_off = add_boundary(make_ticket(factories.make_user("ada")), next_probe_at=tomorrow)
    scheduled = add_boundary(make_ticket(factories.make_user("kim")), next_probe_at=later)
    limit(a_day=1_500)
    put_off.refresh_from_db()
    assert put_off.next_probe_at == tomorrow
    limit(a_day=5_000)
    for row in (put_off, scheduled):
        row.refresh_from_db()
    assert put_off.next_probe_at is not None
    assert put_off.next_probe_at <= database_now()
    assert scheduled.next_probe_at == later


# The shell -----------------------------------------------------------------------------------------------------------


def run(*words: str) -> str:
    out = StringIO()
    call_command("codehost", *words, stdout=out)
    return out.getvalue().strip()


def test_the_shell_sets_shows_and_takes_back_a_limit() -> None:
    words = ("limit", "https://github.com", "--per-day", "90000", "--per-second", "8", "--reason", REASON)
    assert run(*words) == "github.com: at most 90000 checks a day and 8 a second"
    assert run("list") == "github.com\thttps://github.com\towner\t90000 a day,8 a second"
    assert run("limit", "github.com", "--reason", REASON) == "github.com: at most 50000 checks a day and 4 a second"
    assert run("list") == ""
    with pytest.raises(CommandError, match="1 to 1,000,000 times a day"):
        run("limit", "github.com", "--per-day", "0", "--reason", REASON)


# The desk ------------------------------------------------------------------------------------------------------------


def page_of(client: Client, ticket: RecoveryTicket) -> str:
    return client.get(f"{QUEUE}{ticket.pk}/change/").content.decode()


def test_an_admin_changes_the_limits_on_a_page_that_answers_by_a_redirect(used_up: CodeHost) -> None:
    client, url = browser(make_admin()), f"{LIST}{used_up.pk}/limits/"
    assert url in client.get(f"{LIST}{used_up.pk}/change/").content.decode()
    assert "1 to 1,000,000. Leave it empty for the usual 2,000." in client.get(url).content.decode()
    answer = client.post(url, {"a_day": "5000", "a_second": "0.5", "reason": REASON})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{LIST}{used_up.pk}/change/")
    assert changes()[0]["a_second"] == 0.5
    page = client.get(f"{LIST}{used_up.pk}/change/").content.decode()
    assert "2000/5000" in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"a_day": "0"}, "greater than or equal to 1"),
        ({"a_day": "many"}, "Enter a whole number"),
        ({"a_second": "99"}, "less than or equal to 20"),
        ({"a_second": "nan"}, "Enter a number"),
        ({"reason": "because"}, "at least 10 characters"),
    ],
)
def test_what_cannot_be_taken_is_said_and_kept(used_up: CodeHost, typed: dict[str, str], said: str) -> None:
    client = browser(make_admin())
    given = {"a_day": "4321", "a_second": "1.5", "reason": REASON} | typed
    answer = client.post(f"{LIST}{used_up.pk}/limits/", given)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert said in page
    assert all(value in page for value in given.values())
    assert changes() == []


def test_a_moderator_sees_the_limits_and_no_way_to_change_them(used_up: CodeHost) -> None:
    client = browser(make_moderator())
    page = client.get(f"{LIST}{used_up.pk}/change/").content.decode()
    assert "2000/2000" in page
    assert "/limits/" not in page
    for answer in (client.get(f"{LIST}{used_up.pk}/limits/"), client.post(f"{LIST}{used_up.pk}/limits/", {"a_day": 1})):
        assert answer.status_code == 403
    assert changes() == []
    assert "no more checks today" in client.get(LIST).content.decode()


def test_a_ticket_says_which_host_keeps_it_waiting_until_when(used_up: CodeHost) -> None:
    client, ticket = browser(make_moderator()), make_ticket(factories.make_user("ada"))
    add_boundary(ticket, next_probe_at=database_now())
    page = page_of(client, ticket)
    assert "We have checked git.example 2000 times today. We may not check it more often" in page
    assert f"{LIST}{used_up.pk}/change/" in page
    assert "Checking now." not in page  # nor any hour but the host's
    limit(a_day=5_000)
    page = page_of(client, ticket)
    assert "We may not check it more often" not in page
    assert "Checking now." in page
    CodeHost.objects.update(circuit_open_until=database_now() + timedelta(minutes=5))
    assert "git.example failed. We do not check it until" in page_of(client, ticket)
    described.pause("git.example")
    assert "Staff have paused git.example." in page_of(client, ticket)
    ticket.boundaries.update(kind="retired")
    assert "Staff have paused" not in page_of(client, ticket)


def test_a_hub_is_waited_for_under_the_name_that_answers_for_it() -> None:
    stay_clear_of_midnight()
    today = database_now().date()
    CodeHost.objects.create(host="git.launchpad.net", origin="https://git.launchpad.net", asked=2_000, asked_on=today)
    ticket = make_ticket(factories.make_user("ada"))
    add_boundary(ticket, host="launchpad.net")
    assert "We have checked git.launchpad.net" in page_of(browser(make_moderator()), ticket)
