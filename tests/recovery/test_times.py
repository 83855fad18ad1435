"""Times told truthfully (docs/adr/0152): what is past is said as past, and a moment is written in one way."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.template import Context, Template
from django.test import Client
from django.utils.timezone import localtime

from accounts.mail import links, outbox
from accounts.mail.models import Mail
from accounts.models import User
from accounts.templatetags.accounts_tags import moment
from audit.log import record
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.projects import holds
from recoverydesk.recovery import hooks, notices, workflow
from recoverydesk.recovery.models import RecoveryTicket, Status, Turn
from tests.helpers import factories
from tests.helpers.desk import QUEUE, browser
from tests.helpers.files import ROOT
from tests.helpers.tickets import DAY, HOUR, make_moderator, make_ticket, status_link, stop_link

pytestmark = pytest.mark.django_db
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
FORMATS = re.compile(r"""\|date:["']([^"']+)["']""")
ON_THE_SITE = {"DATE_FORMAT", "DATETIME_FORMAT", "SHORT_DATETIME_FORMAT", "c"}
AT_THE_DESK = {"Y-m-d", "Y-m-d H:i e", "Y-m-d H:i:s e", "H:i:s", "H:i:s e", "c", "d M"}


def rendered(tag: str, **context: Any) -> str:
    return Template("{% load accounts_tags desk_tags %}" + tag).render(Context(context))


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=20), "less than a minute ago"),
        (timedelta(hours=3, minutes=20), "3 hours ago"),
        (timedelta(days=29), "4 weeks ago"),
        (timedelta(days=31), None),
    ],
)
def test_a_moment_is_said_as_people_say_it_and_exact_on_hover_and_aloud(ago: timedelta, words: str | None) -> None:
    at = database_now() - ago
    said = rendered("{% when at %}", at=at).replace("\xa0", " ")
    exact = moment(at)
    shown = words or exact.split(",")[0]
    aloud = f'<span class="visually-hidden"> ({exact})</span>'
    assert said == f'<time datetime="{at.isoformat()}" title="{exact}">{shown}{aloud}</time>'


def test_every_date_is_written_in_one_of_few_ways() -> None:
    strange = {
        str(path.relative_to(ROOT)): used
        for path in TEMPLATES
        if (used := set(FORMATS.findall(path.read_text())) - (AT_THE_DESK if "/admin/" in str(path) else ON_THE_SITE))
    }
    assert strange == {}


# What is past --------------------------------------------------------------------------------------------------------


def shown(client: Client, path: str) -> str:
    return " ".join(client.get(path).content.decode().split())


def promises(page: str, at: datetime) -> list[str]:
    """What a page says as if this moment were still to come."""
    ways = (moment(at), f"{localtime(at):%Y-%m-%d %H:%M}")
    return [hit for way in ways for hit in re.findall(rf"(?<!waited )(?:[Uu]ntil|before) {re.escape(way)}", page)]


@pytest.fixture
def overdue(ada: User) -> RecoveryTicket:
    """Its waiting period is over, and the sweep has not been there; somebody objected before."""
    ticket = make_ticket(ada, Status.WAITING, turn=Turn.CLOCK, disputed_at=database_now() - DAY, doubt=3)
    RecoveryTicket.objects.update(wait_until=database_now() - HOUR)
    ticket.refresh_from_db()
    return ticket


def pages_about(ticket: RecoveryTicket) -> dict[str, str]:
    """Every page that says until when a ticket waits."""
    staff, own = browser(make_moderator()), browser(ticket.subject)
    status = links.url(status_link(ticket)).removeprefix("http://localhost:8000")
    stop = links.url(stop_link(ticket)).removeprefix("http://localhost:8000")
    return {
        "queue": shown(staff, f"{QUEUE}?queue=all"),
        "ticket": shown(staff, f"{QUEUE}{ticket.pk}/change/"),
        "status": shown(Client(), status),
        "mine": shown(own, "/recover/mine/"),
        "stop": shown(Client(), stop),
        "stopped": Client().post(stop, {"stop": "1"}, follow=True).content.decode(),
    }


def test_no_page_promises_a_wait_that_is_over(overdue: RecoveryTicket) -> None:
    assert overdue.wait_until is not None
    pages = pages_about(overdue)
    assert {name: promises(page, overdue.wait_until) for name, page in pages.items()} == dict.fromkeys(pages, [])
    assert "The waiting period ended at" in pages["ticket"]
    assert "Two of our staff have to agree." in pages["mine"]


def test_a_wait_that_runs_is_promised(overdue: RecoveryTicket) -> None:
    """Else the test above would find nothing to complain of."""
    RecoveryTicket.objects.update(wait_until=database_now() + DAY)
    overdue.refresh_from_db()
    assert overdue.wait_until is not None
    pages = pages_about(overdue)
    told = [name for name, page in pages.items() if promises(page, overdue.wait_until)]
    assert set(told) >= {"queue", "ticket", "status", "mine"}


def test_a_notice_of_a_wait_that_is_over_is_not_sent(overdue: RecoveryTicket) -> None:
    RecoveryTicket.objects.update(next_notice_at=database_now() - HOUR)
    assert workflow.remind(overdue.pk) is None
    assert not Mail.objects.filter(kind="recovery_waiting").exists()


def test_a_rest_that_a_freeze_holds_up_promises_no_day_that_is_past(ada: User) -> None:
    role = factories.add_role(factories.make_project("tool"), ada)
    ticket = make_ticket(ada, Status.COMPLETED)
    holds.hold(ada, ["tool"], actor="system", ticket=ticket.pk)
    role.refresh_from_db()
    type(role).objects.update(held_at=database_now() - 40 * DAY)
    User.objects.filter(pk=ada.pk).update(frozen_at=database_now())
    (rest,) = holds.describe(holds.resting())
    for template in ("recovery/_rests_until.html", "admin/recovery/_rest.html"):
        said = rendered(f'{{% include "{template}" %}}', rest=rest)
        assert "while the account is frozen" in said
        assert "until" not in said


# The limits after a recovery -----------------------------------------------------------------------------------------


def test_limits_say_their_end_on_the_accounts_pages_and_are_gone_afterwards(ada: User) -> None:
    ends = database_now() + 2 * DAY
    User.objects.filter(pk=ada.pk).update(quarantined_at=database_now() - DAY, quarantine_until=ends)
    own, staff = browser(ada), browser(make_moderator())
    User.objects.filter(pk=ada.pk).update(quarantine_until=ends)
    account = f"{QUEUE}account/{ada.pk}/"
    assert f"Until {moment(ends).rpartition(' ')[0]}" in shown(own, "/account/security/")
    assert f"quarantine until {ends:%Y-%m-%d %H:%M}" in shown(staff, account)
    User.objects.filter(pk=ada.pk).update(quarantine_until=database_now() - HOUR)
    assert "Your account was recovered" not in shown(own, "/account/security/")
    assert "quarantine" not in shown(staff, account)


def test_co_owners_read_until_which_day_the_limits_last(ada: User) -> None:
    factories.add_role(factories.make_project("tool", ada), factories.make_user("kim"))
    make_ticket(ada, Status.COMPLETED)
    ends = database_now() + 3 * DAY
    User.objects.filter(pk=ada.pk).update(quarantined_at=database_now(), quarantine_until=ends)
    hooks._tell_of_return(User.objects.get(pk=ada.pk))
    said = outbox.render(Mail.objects.get(kind="recovery_first_sign_in")).text
    assert f"{ends:%Y-%m-%d %H:%M} UTC" in " ".join(said.split())


def test_who_gets_back_in_reads_how_long_the_limits_last(ada: User) -> None:
    ticket = make_ticket(ada, Status.COMPLETED)
    said = " ".join(outbox.render(notices.choose_password(ticket)).text.split())
    assert "Until 3 days after your first sign-in" in said


def test_the_log_says_how_long_ago_and_when(ada: User) -> None:
    event = record(Tag.ACCOUNT_FREEZE, actor="system", subject=ada)
    page = shown(browser(make_moderator()), "/admin/audit/event/")
    assert re.search(rf'title="{event.time:%Y-%m-%d %H:%M:%S} UTC">less than a minute ago', page)
