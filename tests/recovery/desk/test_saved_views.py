"""Views of the queue staff save for themselves; closing a duplicate; the sweep's heartbeat; settings in words."""

import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db.models.functions import Now
from django.test import Client, RequestFactory
from pytest_django import Settings

from accounts.models import User
from common.clock import database_now
from recoverydesk import health
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.desk import dashboard, saved_views
from recoverydesk.recovery.desk.pages import settings as settings_page
from recoverydesk.recovery.models import Heartbeat, RecoveryTicket, SavedView, Status
from tests.helpers import factories
from tests.helpers.desk import QUEUE, browser, page, push
from tests.helpers.tickets import make_moderator, make_ticket, refusals

pytestmark = pytest.mark.django_db


@pytest.fixture
def mod(db: None) -> User:
    return make_moderator()


@pytest.fixture
def client(mod: User) -> Client:
    return browser(mod)


def save(client: Client, name: str, **view: str) -> None:
    client.post(f"{QUEUE}save-view/", {"name": name, "view": urlencode(view)})


# Saved views ---------------------------------------------------------------------------------------------------------


def test_a_saved_view_is_a_link_for_its_owner_alone(client: Client) -> None:
    save(client, " disputed,  mine ", queue="ours", flag="disputed", **{"with": "me"})
    view = SavedView.objects.get()
    assert view.name == "disputed, mine"
    assert f'href="?{view.query.replace("&", "&amp;")}"' in client.get(QUEUE).content.decode()
    asked = client.get(f"{QUEUE}?{view.query}").context["asked"]
    assert (asked.queue, asked.flag, asked.holder) == ("ours", "disputed", "me")
    assert b"disputed, mine" not in browser(make_moderator("jon")).get(QUEUE).content


def test_the_chosen_view_says_so_and_can_be_removed(client: Client) -> None:
    save(client, "disputed", flag="disputed")
    shown = client.get(QUEUE, {"flag": "disputed"}).content.decode()
    assert 'aria-current="page">disputed</a>' in shown
    assert "Remove the view" in shown
    assert "Remove the view" not in client.get(QUEUE).content.decode()
    assert client.get(f"{QUEUE}remove-view/").status_code == client.get(f"{QUEUE}save-view/").status_code == 405
    browser(make_moderator("jon")).post(f"{QUEUE}remove-view/", {"name": "disputed"})
    assert SavedView.objects.exists()
    client.post(f"{QUEUE}remove-view/", {"name": "disputed"})
    assert not SavedView.objects.exists()


def test_a_name_used_again_means_the_new_view(client: Client) -> None:
    save(client, "mine", queue="mine")
    save(client, "mine", queue="mine", claim="email")
    assert SavedView.objects.get().query == "queue=mine&claim=email"


def test_only_what_a_queue_asks_for_is_saved(client: Client) -> None:
    save(client, "odd", queue="x", q="a&b", evil="1", page="7")
    assert SavedView.objects.get().query == "queue=all&q=a%26b"


@pytest.mark.parametrize("name", ["", "   ", "x" * 41])
def test_a_view_without_a_good_name_is_not_saved(client: Client, name: str) -> None:
    save(client, name)
    assert not SavedView.objects.exists()


def test_twenty_views_are_enough(client: Client, mod: User) -> None:
    SavedView.objects.bulk_create(SavedView(user=mod, name=str(number), query="") for number in range(saved_views.MOST))
    answer = client.post(f"{QUEUE}save-view/", {"name": "one more", "view": ""}, follow=True)
    assert b"already have 20 saved views" in answer.content
    save(client, "3", queue="mine")
    assert SavedView.objects.count() == saved_views.MOST
    assert SavedView.objects.get(name="3").query == "queue=mine"


def test_a_search_too_long_to_save_is_refused(client: Client) -> None:
    save(client, "long", q="é" * 300)
    assert not SavedView.objects.exists()


# Duplicates ----------------------------------------------------------------------------------------------------------


def test_a_duplicate_is_rejected_and_each_page_names_the_other(client: Client) -> None:
    ada = factories.make_user("ada")
    first, second = make_ticket(ada, Status.NEW), make_ticket(ada, Status.NEW, contact="new@example.org")
    assert b"Close as a duplicate" in client.get(page(second)).content
    for _click in range(2):
        assert push(client, second, "duplicate", {"of": first.pk}).status_code == 302
    second.refresh_from_db()
    assert (second.status, second.closing_reason) == (Status.REJECTED, f"duplicate of #{first.pk}")
    assert f'<a href="{page(first)}">#{first.pk}</a>' in client.get(page(second)).content.decode()
    assert f'<a href="{page(second)}">#{second.pk}</a>' in client.get(page(first)).content.decode()
    first.refresh_from_db()
    assert first.status == Status.NEW


def test_a_ticket_is_a_duplicate_of_no_stranger_and_not_of_itself(client: Client) -> None:
    ada, kim = (make_ticket(factories.make_user(name), Status.NEW) for name in ("ada", "kim"))
    for of in (ada.pk, kim.pk, 0, "x", "9" * 30):
        assert push(client, ada, "duplicate", {"of": of}).status_code == 409
    assert not RecoveryTicket.objects.filter(status=Status.REJECTED).exists()


def test_an_auditor_closes_no_duplicate(db: None) -> None:
    ada = factories.make_user("ada")
    first, second = make_ticket(ada, Status.NEW), make_ticket(ada, Status.NEW, contact="new@example.org")
    auditor = browser(factories.make_user("auditor", staff=True, groups=["Auditors"]))
    assert push(auditor, second, "duplicate", {"of": first.pk}).status_code == 409
    assert refusals(second) == [{"verb": "reject", "status": "new", "error": "NotAllowed"}]


# The heartbeat -------------------------------------------------------------------------------------------------------


def worker_light() -> dashboard.Light:
    return next(light for light in dashboard.lights(database_now()) if light.name == "worker")


def ready(rf: RequestFactory) -> tuple[int, str]:
    answer = health.readyz(rf.get("/readyz"))
    return answer.status_code, json.loads(answer.content)["worker"]


def test_the_worker_is_believed_when_it_says_so_itself(rf: RequestFactory) -> None:
    assert (worker_light().ok, worker_light().said) == (False, "has not run yet")
    assert ready(rf) == (503, "never ran")
    for _round in range(2):
        sweep.sweep()
    assert Heartbeat.objects.count() == 1
    assert (worker_light().ok, worker_light().said[:10]) == (True, "last round")
    assert ready(rf) == (200, "ok")


def test_a_silent_worker_is_not_ready(rf: RequestFactory) -> None:
    sweep.sweep()
    Heartbeat.objects.update(at=Now() - timedelta(minutes=4))
    light = worker_light()
    assert (light.ok, light.said.startswith("no sign of life since")) == (False, True)
    assert ready(rf) == (503, "silent")


# Settings ------------------------------------------------------------------------------------------------------------


def test_lengths_of_time_are_words(settings: Settings) -> None:
    settings.RECOVERY_WAIT_CAREFUL, settings.RECOVERY_OBJECTION_WINDOW = timedelta(days=7), timedelta(hours=36)
    settings.RECENT_SECOND_FACTOR, settings.QUARANTINE_AFTER_SIGN_IN = timedelta(minutes=5), timedelta(seconds=61)
    shown = dict(settings_page.in_force())
    assert (shown["RECOVERY_WAIT_CAREFUL"], shown["RECOVERY_OBJECTION_WINDOW"]) == ("7 days", "36 hours")
    assert (shown["RECENT_SECOND_FACTOR"], shown["QUARANTINE_AFTER_SIGN_IN"]) == ("5 minutes", "61 seconds")
