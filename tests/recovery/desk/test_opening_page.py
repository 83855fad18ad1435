"""Staff open a ticket from the account's page: the same verb, the same refusals."""

import pytest
from django.test import Client

from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.recovery.models import RecoveryTicket, Source, Status
from tests.helpers import factories
from tests.helpers.desk import browser
from tests.helpers.tickets import DAY, make_admin, make_moderator, make_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(db: None) -> Client:
    return browser(make_moderator())


def page(account: User) -> str:
    return f"/admin/recovery/recoveryticket/account/{account.pk}/open/"


def test_the_accounts_page_leads_to_a_form_that_changes_nothing_by_itself(ada: User, desk: Client) -> None:
    account = f"/admin/recovery/recoveryticket/account/{ada.pk}/"
    assert f'href="{page(ada)}"' in desk.get(account).content.decode()
    assert "Open a ticket for ada" in desk.get(page(ada)).content.decode()
    assert not RecoveryTicket.objects.exists()


def test_one_click_opens_a_ticket_as_the_public_form_would(ada: User, desk: Client) -> None:
    answer = desk.post(page(ada), {"claim": "second_factor", "codes": "on"})
    ticket = RecoveryTicket.objects.get()
    assert answer.headers["Location"] == f"/admin/recovery/recoveryticket/{ticket.pk}/change/"
    assert (ticket.subject, ticket.source, ticket.status) == (ada, Source.STAFF, Status.NEW)
    assert (ticket.contact, ticket.says_codes_lost, ticket.challenges_itself) == ("ada@example.org", True, True)
    shown = desk.get(answer.headers["Location"]).content.decode()
    assert "The desk asks for proof automatically" in shown
    assert "does not match" not in shown


def test_a_second_opening_leads_to_the_first(ada: User, desk: Client) -> None:
    for _time in range(2):
        answer = desk.post(page(ada), {"claim": "second_factor"}, follow=True)
    assert RecoveryTicket.objects.count() == 1
    assert "A ticket was already open. Nothing in it changed." in answer.content.decode()


@pytest.mark.parametrize(
    ("typed", "name", "sentence"),
    [
        ({"claim": "email"}, "NoContact", "You cannot use this address"),
        ({"claim": "email", "contact": "ada@example.org"}, "NoContact", "You cannot use this address"),
        ({"claim": "second_factor", "issue": "https://elsewhere.example/1"}, "BadIssue", "issue"),
    ],
)
def test_a_refusal_is_said_beside_what_was_typed_and_written_down(
    ada: User, desk: Client, typed: dict[str, str], name: str, sentence: str
) -> None:
    answer = desk.post(page(ada), typed)
    assert answer.status_code == 409
    said = answer.content.decode()
    assert sentence in said
    assert all(f'value="{value}"' in said for value in typed.values())
    refused = Event.objects.get(tag=Tag.ACCOUNT_RECOVERY_REFUSED)
    assert (refused.subject_name, refused.data) == ("ada", {"verb": "open", "error": name})
    assert not RecoveryTicket.objects.exists()


def test_a_new_address_waits_for_its_own_confirmation(ada: User, desk: Client) -> None:
    desk.post(page(ada), {"claim": "email", "contact": "ada@new.example"})
    ticket = RecoveryTicket.objects.get()
    assert (ticket.contact, ticket.mailbox_confirmed_at) == ("ada@new.example", None)


def test_nobody_opens_one_about_themselves_or_enters_an_address_for_a_co_owner(ada: User) -> None:
    mod = make_moderator()
    desk = browser(mod)
    assert "about your own account" in desk.post(page(mod), {"claim": "second_factor"}).content.decode()
    project = factories.make_project("shared", ada)
    factories.add_role(project, mod)
    answer = desk.post(page(ada), {"claim": "email", "contact": "ada@new.example"})
    assert "together with this account" in answer.content.decode()
    assert not RecoveryTicket.objects.exists()


def test_who_may_only_look_has_no_button_and_no_form(ada: User) -> None:
    desk = browser(factories.make_user("vera", staff=True, groups=["Auditors"]))
    account = desk.get(f"/admin/recovery/recoveryticket/account/{ada.pk}/").content.decode()
    assert page(ada) not in account
    assert desk.get(page(ada)).status_code == 403
    assert desk.post(page(ada), {"claim": "second_factor"}).status_code == 403
    assert not RecoveryTicket.objects.exists()


def test_an_admin_sees_what_needs_a_person_and_not_what_is_put_off(ada: User) -> None:
    desk = browser(make_admin())
    ticket = make_ticket(ada, Status.READY)
    waits = desk.get("/admin/").content.decode().partition("What waits for staff")[2]
    assert "Waiting period ended: an admin has to decide" in waits
    assert f"#{ticket.pk} ada" in desk.get("/admin/").content.decode()
    RecoveryTicket.objects.update(snoozed_until=ticket.turn_since + 30 * DAY, snoozed_at=ticket.turn_since + DAY)
    assert f"#{ticket.pk} ada" not in desk.get("/admin/").content.decode()
