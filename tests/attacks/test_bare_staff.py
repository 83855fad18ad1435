"""Somebody who is staff and in no group yet: the door opens, and nothing lies behind it."""

import re

import pytest
from django.test import Client
from django.urls import get_resolver

from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.recovery.models import Status
from recoverydesk.statistics import computing
from tests.helpers import factories
from tests.helpers.desk import browser
from tests.helpers.tickets import make_ticket
from tests.helpers.walk import routes, sample

pytestmark = pytest.mark.django_db
OPEN = {"admin/", "admin/jsi18n/"}  # the first page, and the calendar's words
LEADS_ON = {"admin/login/", "admin/logout/", "admin/password_change/"}


@pytest.fixture
def clerk(db: None) -> Client:
    factories.add_totp(factories.make_user("member"))
    make_ticket(factories.make_user("kim"), Status.READY)
    computing.refresh()
    return browser(factories.make_user("clerk", staff=True))


@pytest.mark.parametrize("method", ["get", "post", "head"])
def test_no_page_of_the_desk_but_the_first_opens(clerk: Client, method: str) -> None:
    for route in [one for one in routes(get_resolver()) if one.startswith("admin/")]:
        if route not in OPEN | LEADS_ON and not route.endswith("<path:object_id>/"):  # which adds "change/"
            assert getattr(clerk, method)(sample(route)).status_code in (403, 404, 405), route


def test_the_first_page_names_nobody_and_nothing(clerk: Client) -> None:
    page = clerk.get("/admin/").content.decode()
    assert "clerk" in page
    assert not re.search(r"kim|member|href=\"/admin/(?!password_change/)\w+/", page)


def test_every_group_looks_at_the_figures_and_staff_without_one_do_not(clerk: Client) -> None:
    for group in ("Moderators", "Admins", "Auditors"):
        client = browser(factories.make_user(group.lower(), staff=True, groups=[group]))
        for page in ("", "json/", "tickets.csv"):
            assert client.get(f"/admin/statistics/figures/{page}").status_code == 200
            assert clerk.get(f"/admin/statistics/figures/{page}").status_code == 403


def test_a_lookup_by_who_may_not_open_the_list_is_no_event(clerk: Client) -> None:
    assert clerk.get("/admin/accounts/user/", {"password__regex": "^a"}).status_code == 403
    assert User.objects.exists()
    assert not Event.objects.filter(tag=Tag.DESK_LOOKUP_REFUSED).exists()
