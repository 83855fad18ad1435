"""Code hosts in the admin: what was learned is shown, nothing is typed, and one button makes looks due."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client

from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.recovery.models import CodeHost
from tests.helpers import factories
from tests.helpers.desk import browser
from tests.helpers.tickets import add_boundary, make_moderator, make_ticket, stay_clear_of_midnight

pytestmark = pytest.mark.django_db
LIST = "/admin/recovery/codehost/"


@pytest.fixture
def resting() -> CodeHost:
    stay_clear_of_midnight()
    row = CodeHost.objects.create(host="git.example", origin="https://git.example", described=False, failures=5)
    CodeHost.objects.filter(pk=row.pk).update(
        protocol="v2-direct",
        learned_at=Now(),
        trouble="it took too long",
        circuit_open_until=Now() + timedelta(minutes=10),
        asked_on=database_now().date(),
        asked=17,
    )
    return row


@pytest.fixture
def moderator() -> Client:
    return browser(make_moderator())


def test_the_list_shows_what_each_host_speaks_and_how_it_does(moderator: Client, resting: CodeHost) -> None:
    CodeHost.objects.create(host="code.example", origin="https://code.example")
    page = moderator.get(LIST).content.decode()
    for text in ("v2-direct", "not checked until", "17/2000", "learned from the host", "set by staff", "works"):
        assert text in page


def test_a_host_has_no_fields_to_type_but_a_button(moderator: Client, resting: CodeHost) -> None:
    page = moderator.get(f"{LIST}{resting.pk}/change/").content.decode()
    assert "it took too long" in page
    assert "Check now" in page
    assert 'name="host"' not in page
    assert 'name="protocol"' not in page


def test_probe_now_is_a_post_that_ends_the_rest_and_is_written_down(moderator: Client, resting: CodeHost) -> None:
    later = database_now() + timedelta(hours=6)
    boundary = add_boundary(make_ticket(factories.make_user("ada")), next_probe_at=later)
    url = f"{LIST}{resting.pk}/probe_now/"
    assert moderator.get(url).status_code == 405
    boundary.refresh_from_db()
    assert boundary.next_probe_at == later
    answer = moderator.post(url, follow=True)
    assert "1 check is due now." in answer.content.decode()
    boundary.refresh_from_db()
    resting.refresh_from_db()
    assert boundary.next_probe_at is not None
    assert boundary.next_probe_at <= database_now()
    assert (resting.failures, resting.circuit_open_until) == (0, None)
    assert Event.objects.get(tag=Tag.CODEHOST_PROBE_NOW).actor_name == "mod"


def test_who_may_not_work_tickets_has_no_button_and_no_use_of_its_address(resting: CodeHost) -> None:
    client = browser(factories.make_user("kim", staff=True))
    assert client.get(f"{LIST}{resting.pk}/change/").status_code == 403
    client.post(f"{LIST}{resting.pk}/probe_now/")
    resting.refresh_from_db()
    assert resting.failures == 5
    assert not Event.objects.filter(tag=Tag.CODEHOST_PROBE_NOW).exists()
