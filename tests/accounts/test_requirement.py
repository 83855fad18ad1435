"""Once a second factor is due, the account's other pages wait for it; nobody is locked out on the way."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from accounts import requirement
from accounts.devices import TotpDevice
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from tests.helpers.authenticator import Authenticator, add_key
from tests.helpers.factories import PASSWORD
from tests.helpers.signing_in import code_of, type_code, type_password

SECURITY = "/account/security/"
APP = "/account/security/app/"
SENTENCE = "Until then, you cannot open the other pages of your account."
CLOSED = [
    "/account/email/", "/account/profile/", "/account/sessions/", "/account/delete/", "/account/password/change/",
    "/account/never-reset/", "/account/security/codes/", "/account/security/codes/saved/",
    "/account/security/app/1/remove/", "/account/security/key/1/rename/", "/account/signup/",
    "/account/sessions/00000000-0000-4000-8000-000000000001/end/", "/account/nothing/",
]  # fmt: skip


@pytest.fixture
def due(client: Client, ada: User, settings: Any) -> Client:
    """Ada is signed in without a second factor, and it is due."""
    settings.SECOND_FACTOR_REQUIRED = "everyone"
    settings.SECOND_FACTOR_REQUIRED_FROM = timezone.now().date()
    assert type_password(client)["Location"] == APP
    return client


def snapshot() -> Any:
    rows = User.objects.order_by("pk").values(), EmailAddress.objects.order_by("pk").values()
    return [list(one) for one in rows], Mail.objects.count(), Event.objects.count()


@pytest.mark.parametrize("path", CLOSED)
def test_the_other_pages_lead_to_the_second_factors_and_nothing_posted_is_kept(due: Client, path: str) -> None:
    before = snapshot()
    form = {"action_add": "1", "email": "new@example.org", "language": "es", "time_zone": "UTC", "on": "1"}
    for answer in (due.get(path), due.head(path), due.post(path, form), due.delete(path)):
        assert (answer.status_code, answer["Location"]) == (302, SECURITY)
    assert snapshot() == before
    assert "new@example.org" not in str(dict(due.session.items()))
    assert SENTENCE in due.get(SECURITY).content.decode()


def test_a_post_to_a_closed_page_is_not_done_after_enrolment(due: Client, ada: User) -> None:
    due.post("/account/profile/", {"language": "es", "time_zone": "Asia/Kathmandu"})
    due.post("/account/email/", {"action_add": "1", "email": "new@example.org"})
    enrol(due, ada)
    ada.refresh_from_db()
    assert (ada.language, ada.time_zone) == ("en", "UTC")
    assert not EmailAddress.objects.filter(email="new@example.org").exists()


def enrol(client: Client, user: User) -> None:
    """Add an authenticator app as a person does."""
    made = client.post(APP, {"name": "phone"})
    device = TotpDevice.objects.get(user=user)
    assert client.get(made["Location"]).status_code == 200
    client.post(made["Location"], {"code": code_of(device)})
    device.refresh_from_db()
    assert device.confirmed


def test_enrolling_an_app_opens_every_page(due: Client, ada: User) -> None:
    enrol(due, ada)
    for path in ("/account/profile/", "/account/sessions/", "/account/email/", "/account/security/codes/"):
        assert due.get(path).status_code == 200


def test_enrolling_a_key_opens_every_page(due: Client) -> None:
    assert add_key(due, Authenticator())["Location"] == "/account/security/codes/"
    assert due.get("/account/profile/").status_code == 200


def test_enrolling_works_after_the_password_has_to_be_typed_again(due: Client, ada: User) -> None:
    session = due.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 600
    session.save()
    where = due.get(APP)["Location"]
    assert due.get(where).status_code == 200
    due.post(where, {"password": PASSWORD})
    enrol(due, ada)


def test_without_a_verified_address_that_comes_first_and_can_be_done(due: Client, ada: User) -> None:
    EmailAddress.objects.update(verified=False)
    assert due.get("/account/email/").status_code == 200
    EmailAddress.objects.update(verified=True)
    assert due.get("/account/email/")["Location"] == SECURITY


@pytest.mark.parametrize(
    "path", ["/account/history/", "/account/history/csv/", "/account/freeze/", "/account/locked-out/", SECURITY, APP,
             "/account/password/reset/", "/account/logout/", "/"],
)  # fmt: skip
def test_history_recovery_and_the_way_out_stay_open(due: Client, path: str) -> None:
    assert due.get(path).status_code == 200


def test_who_sees_a_stranger_can_end_their_sessions_and_sign_out(due: Client, ada: User) -> None:
    other = Client()
    type_password(other)
    due.post("/account/sessions/end/")
    assert other.get("/account/history/")["Location"].startswith("/account/login/")
    due.post("/account/logout/")
    assert "_auth_user_id" not in due.session


def test_before_the_day_nothing_is_closed(client: Client, ada: User, settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = "everyone"
    settings.SECOND_FACTOR_REQUIRED_FROM = timezone.now().date() + timedelta(days=1)
    type_password(client)
    assert client.get("/account/profile/").status_code == 200


def test_whose_factor_is_only_shown_in_another_browser_is_not_stopped(
    client: Client, ada: User, app: TotpDevice, settings: Any
) -> None:
    settings.SECOND_FACTOR_REQUIRED = "everyone"
    type_password(client)
    type_code(client, code_of(app))
    assert client.get("/account/profile/").status_code == 200


def test_no_spelling_of_an_address_goes_round_the_rule(due: Client) -> None:
    for path in (
        "/account//profile/",
        "/account/./profile/",
        "/account/%70rofile/",
        "/account/profile",
        "//account/email/",
    ):
        answer = due.get(path)
        assert answer.status_code == 404 or answer["Location"] == SECURITY, path


def test_staff_without_a_factor_are_led_to_it_by_both_doors(client: Client, ada: User) -> None:
    User.objects.update(is_staff=True)
    type_password(client)
    assert client.get("/account/profile/")["Location"] == SECURITY
    assert client.get("/admin/").status_code == 302


def test_every_open_name_is_an_address_of_the_site(settings: Any) -> None:
    settings.ROOT_URLCONF = "recoverydesk.urls"
    known = {name for name in get_resolver("recoverydesk.urls").reverse_dict if isinstance(name, str)}
    assert known >= requirement.OPEN
