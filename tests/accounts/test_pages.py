"""The account pages as a visitor walks them."""

import re
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command
from django.test import Client

from accounts import browsers, second_factors
from accounts.devices import TotpDevice
from accounts.mail import outbox
from accounts.mail.models import Mail
from accounts.models import FormerAddress, Session, User
from audit.models import Event
from audit.tags import Tag
from tests.helpers.factories import PASSWORD, add_app, make_user
from tests.helpers.signing_in import code_of, type_code, type_password, wrong_code_of

SECURITY = "/account/security/"
STEP_UP = "/account/step-up/"
FORM = {"username": "kim", "email": "kim@example.org", "password1": PASSWORD, "password2": PASSWORD}


def words(response: Any) -> str:
    return str(response.content.decode())


def mailed_path(kind: str) -> str:
    """The path of the one link in the newest mail of this kind."""
    text = outbox.render(Mail.objects.filter(kind=kind).latest("id")).text
    found = re.findall(r"http://localhost:8000(/\S+)", text)
    assert len(set(found)) == 1 or kind == "account_already_exists", text
    return str(found[0])


def grow_old(client: Client) -> None:
    """Put what this session has shown ten minutes into the past."""
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 600
    session.save()


def test_signing_up_verifying_and_signing_in(client: Client, db: None) -> None:
    assert client.post("/account/signup/", FORM)["Location"] == "/account/confirm-email/"
    kim = User.objects.get(username="kim")
    assert Event.objects.get(tag=Tag.ACCOUNT_CREATE).subject_uid == kim.uid
    assert type_password(client, "kim")["Location"] == "/account/confirm-email/"
    path = mailed_path("email_confirmation_signup")
    assert client.get(path).status_code == 200
    assert not EmailAddress.objects.get(user=kim).verified
    client.post(path)
    assert EmailAddress.objects.get(user=kim).verified
    assert type_password(client, "kim")["Location"] == SECURITY
    assert list(Event.objects.order_by("id").values_list("tag", flat=True)) == [
        Tag.ACCOUNT_CREATE,
        Tag.ACCOUNT_EMAIL_VERIFIED,
        Tag.ACCOUNT_LOGIN_SUCCESS,
    ]


def test_links_in_mails_ignore_the_host_header(client: Client, db: None, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "evil.example"]
    client.post("/account/signup/", FORM, HTTP_HOST="evil.example")
    text = outbox.render(Mail.objects.get()).text
    assert "evil.example" not in text
    assert "http://localhost:8000/account/confirm-email/" in text


def test_a_taken_username_in_another_case_is_refused(client: Client, ada: User) -> None:
    response = client.post("/account/signup/", {**FORM, "username": "ADA"})
    assert "already exists" in words(response)
    assert User.objects.count() == 1


@pytest.mark.parametrize("name", ["-ada", "a b", "ädä", "deleted-1", "ad\u0131", "a" * 51, "ada@example.org", "."])
def test_usernames_outside_the_rule_are_refused(client: Client, db: None, name: str) -> None:
    assert client.post("/account/signup/", {**FORM, "username": name}).status_code == 200
    assert not User.objects.exists()


def test_signing_up_with_a_taken_address_looks_the_same_and_mails_its_owner(client: Client, ada: User) -> None:
    taken = client.post("/account/signup/", {**FORM, "email": ada.email})
    free = Client().post("/account/signup/", FORM)
    assert (taken.status_code, taken["Location"]) == (free.status_code, free["Location"])
    assert not User.objects.filter(email=ada.email).exclude(pk=ada.pk).exists()
    assert mailed_path("account_already_exists")


def test_enrolling_an_app_and_codes_in_one_visit(client: Client, ada: User) -> None:
    type_password(client)
    assert client.get("/account/security/app/").status_code == 200
    page = client.post("/account/security/app/", {"name": "phone"})["Location"]
    device = TotpDevice.objects.get(user=ada)
    shown = words(client.get(page))
    assert 'fill="#fff"' in shown
    assert re.sub(r"<[^>]+>|\s", "", shown[shown.index("<code ") : shown.index("</code>")]) == secret_of(device)
    assert f'data-plain="{secret_of(device)}"' in shown
    response = client.post(page, {"code": code_of(device)})
    assert response["Location"] == "/account/security/codes/"
    assert client.session["otp_device_id"] == device.persistent_id
    codes = re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", words(client.post("/account/security/codes/", follow=True)))
    assert len(set(codes)) == 8
    assert not re.search(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", words(client.get("/account/security/codes/")))
    assert "8 of 8 left" in words(client.get(SECURITY))


def secret_of(device: TotpDevice) -> str:
    import base64

    return base64.b32encode(device.raw_secret()).decode()


def test_the_pages_with_secrets_are_never_stored(client: Client, ada: User) -> None:
    type_password(client)
    page = client.post("/account/security/app/", {"name": "phone"})["Location"]
    assert "no-store" in client.get(page)["Cache-Control"]


def test_another_users_app_is_not_there(signed_in: Client, db: None) -> None:
    kim = make_user("kim")
    theirs, unfinished = add_app(kim), second_factors.start_totp(kim, "new")
    assert signed_in.get(f"/account/security/app/{theirs.pk}/remove/").status_code == 404
    assert signed_in.get(f"/account/security/app/{unfinished.pk}/")["Location"] == SECURITY
    assert signed_in.post(f"/account/security/app/{theirs.pk}/remove/").status_code == 404
    assert TotpDevice.objects.filter(user=kim).count() == 2


def test_removing_an_app_is_a_post_an_event_and_a_mail(signed_in: Client, ada: User, app: TotpDevice) -> None:
    page = f"/account/security/app/{app.pk}/remove/"
    assert "last second factor" in words(signed_in.get(page))
    assert TotpDevice.objects.filter(pk=app.pk).exists()
    signed_in.post(page)
    assert not TotpDevice.objects.filter(pk=app.pk).exists()
    assert Mail.objects.filter(context__tag=Tag.ACCOUNT_TWO_FACTOR_METHOD_REMOVED).count() == 1


GATED = ["/account/security/app/", "/account/security/codes/", "/account/email/", "/account/password/change/"]


@pytest.mark.parametrize("page", GATED)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_second_factor_shown_long_ago_is_asked_for_again(signed_in: Client, page: str, method: str) -> None:
    grow_old(signed_in)
    response = getattr(signed_in, method)(page)
    if response["Location"] == page:  # a late form with passwords in it is shown again first
        response = signed_in.get(page)
    assert response["Location"] == f"{STEP_UP}?next={page.replace('/', '%2F')}"


@pytest.mark.parametrize("page", GATED)
def test_the_password_alone_is_no_step_up_for_who_has_a_factor(signed_in: Client, page: str) -> None:
    grow_old(signed_in)
    response = signed_in.post(f"/account/reauthenticate/?next={page}", {"password": PASSWORD})
    assert response["Location"].startswith(STEP_UP)
    assert signed_in.get(page).status_code == 302


def test_stepping_up_goes_back_under_a_new_session_key(signed_in: Client, ada: User) -> None:
    tablet = add_app(ada, "tablet")
    grow_old(signed_in)
    before = signed_in.session.session_key
    response = signed_in.post(f"{STEP_UP}?next=/account/email/", {"code": code_of(tablet)})
    assert response["Location"] == "/account/email/"
    assert signed_in.session.session_key != before
    assert signed_in.get("/account/email/").status_code == 200
    assert Event.objects.get(tag=Tag.ACCOUNT_STEP_UP).data == {"method": "totp"}


def test_a_wrong_code_at_step_up_is_an_event_and_opens_nothing(signed_in: Client, app: TotpDevice) -> None:
    grow_old(signed_in)
    assert signed_in.post(STEP_UP, {"code": wrong_code_of(app)}).status_code == 200
    assert signed_in.get("/account/email/").status_code == 302
    assert Event.objects.get(tag=Tag.ACCOUNT_STEP_UP_FAILURE).data == {"why": "code"}


def test_a_post_interrupted_by_the_step_up_is_done_afterwards(signed_in: Client, ada: User) -> None:
    tablet = add_app(ada, "tablet")
    grow_old(signed_in)
    page = f"/account/security/app/{tablet.pk}/remove/"
    where = signed_in.post(page)["Location"]
    signed_in.post(where, {"code": code_of(tablet)})
    assert not TotpDevice.objects.filter(pk=tablet.pk).exists()


def test_passwords_of_a_late_form_are_not_kept_in_the_session(signed_in: Client, app: TotpDevice) -> None:
    grow_old(signed_in)
    signed_in.post("/account/password/change/", {"oldpassword": PASSWORD, "password1": "new password 1"})
    assert PASSWORD not in str(dict(signed_in.session.items()))


def test_changing_the_password_ends_the_other_sessions_and_keeps_this_one(signed_in: Client, ada: User) -> None:
    other = Client()
    other.cookies = SimpleCookie(signed_in.cookies.output(header="", sep=";"))
    form = {"oldpassword": PASSWORD, "password1": "another long password", "password2": "another long password"}
    assert signed_in.post("/account/password/change/", form).status_code == 302
    assert signed_in.get(SECURITY).status_code == 200
    assert other.get(SECURITY).status_code == 302
    assert Session.objects.filter(user=ada).count() == 1
    assert Mail.objects.get(context__tag=Tag.ACCOUNT_PASSWORD_CHANGE).recipient == ada.email


def test_adding_verifying_and_removing_an_address_tells_every_address(signed_in: Client, ada: User) -> None:
    signed_in.post("/account/email/", {"action_add": "", "email": "ada@example.com"})
    new = EmailAddress.objects.get(user=ada, email="ada@example.com")
    assert not new.verified
    signed_in.post(mailed_path("email_confirmation"))
    signed_in.post("/account/email/", {"action_primary": "", "email": new.email})
    signed_in.post("/account/email/", {"action_remove": "", "email": "ada@example.org"})
    told = Mail.objects.filter(kind="security_notice").order_by("id").values_list("context__tag", "recipient")
    assert list(told) == [
        (Tag.ACCOUNT_EMAIL_ADD, "ada@example.org"),
        (Tag.ACCOUNT_EMAIL_VERIFIED, "ada@example.org"),
        (Tag.ACCOUNT_EMAIL_VERIFIED, "ada@example.com"),
        (Tag.ACCOUNT_EMAIL_PRIMARY_CHANGE, "ada@example.com"),
        (Tag.ACCOUNT_EMAIL_PRIMARY_CHANGE, "ada@example.org"),
        (Tag.ACCOUNT_EMAIL_REMOVE, "ada@example.com"),
        (Tag.ACCOUNT_EMAIL_REMOVE, "ada@example.org"),
    ]
    assert FormerAddress.objects.get(user=ada).email == "ada@example.org"


@pytest.mark.parametrize("action", ["action_add", "action_remove", "action_primary"])
def test_addresses_stand_still_in_quarantine(signed_in: Client, ada: User, action: str) -> None:
    EmailAddress.objects.create(user=ada, email="old@example.com", verified=True)
    User.objects.filter(pk=ada.pk).update(quarantined_at="2026-01-01T00:00Z")
    before = list(EmailAddress.objects.order_by("id").values())
    address = "new@example.com" if action == "action_add" else "old@example.com"
    response = signed_in.post("/account/email/", {action: "", "email": address}, follow=True)
    assert "You cannot change addresses" in words(response)
    assert list(EmailAddress.objects.order_by("id").values()) == before


def test_an_address_added_before_is_not_verified_in_quarantine(signed_in: Client, ada: User) -> None:
    signed_in.post("/account/email/", {"action_add": "", "email": "ada@example.com"})
    User.objects.filter(pk=ada.pk).update(quarantined_at="2026-01-01T00:00Z")
    signed_in.post(mailed_path("email_confirmation"))
    assert not EmailAddress.objects.get(email="ada@example.com").verified


def test_the_history_shows_the_owner_what_happened(signed_in: Client, ada: User) -> None:
    text = words(signed_in.get("/account/history/"))
    assert "Somebody signed in." in text
    assert "127.0.0.1" in text


def test_a_notice_says_what_when_from_where_and_what_to_do(signed_in: Client, ada: User, app: TotpDevice) -> None:
    signed_in.post(
        "/account/security/codes/", HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux) Firefox/140 https://evil.example/"
    )
    text = outbox.render(Mail.objects.get(context__tag=Tag.ACCOUNT_RECOVERY_CODES_GENERATED)).text
    assert "account ada" in text
    assert "New recovery codes were made." in text
    assert re.search(r"When: \d{4}-\d\d-\d\d \d\d:\d\d UTC", text)
    assert "127.0.0.1 (Firefox, Linux)" in text
    assert "evil" not in text
    assert "http://localhost:8000/account/security/" in text


@pytest.mark.parametrize("page", ["/", "/account/login/", "/account/signup/", "/account/password/reset/", "/nowhere/"])
def test_public_pages_have_no_inline_script_or_style(client: Client, db: None, page: str) -> None:
    text = words(client.get(page))
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|<script(?![^>]*\ssrc=)", text)


def test_a_user_made_on_the_command_line_is_staff_since_now_and_must_verify(client: Client, db: None) -> None:
    call_command("createsuperuser", username="root", email="root@example.org", interactive=False, verbosity=0)
    root = User.objects.get(username="root")
    assert root.staff_since is not None
    root.set_password(PASSWORD)
    root.save()
    assert type_password(client, "ROOT")["Location"] == "/account/confirm-email/"
    assert type_code(client, "123456")["Location"] == "/account/login/"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) Version/18 Safari/604.1", "Safari, iPhone"),
        ("curl/8", ""),
        ("", ""),
    ],
)
def test_a_browser_is_described_in_our_words(sent: str, told: str) -> None:
    assert browsers.describe(sent) == told


def test_a_form_without_its_secret_is_refused_in_plain_words(db: None) -> None:
    response = Client(enforce_csrf_checks=True).post("/account/login/", {"login": "ada", "password": PASSWORD})
    assert response.status_code == 403
    assert "Your form was not accepted" in words(response)


def test_what_breaks_is_our_fault_and_says_so(client: Client, ada: User, settings: Any) -> None:
    settings.ACCOUNTS_HOOKS = {"signed_in": "tests.accounts.broken_hooks.signed_in"}
    client.raise_request_exception = False
    response = type_password(client)
    assert response.status_code == 500
    assert "The fault is ours" in words(response)


@pytest.mark.parametrize("page", GATED)
def test_a_session_older_than_the_first_factor_must_show_it(client: Client, ada: User, page: str) -> None:
    type_password(client)
    add_app(ada)
    assert client.get(page)["Location"].startswith(STEP_UP)


def test_an_address_that_was_never_verified_is_forgotten_when_removed(signed_in: Client, ada: User) -> None:
    signed_in.post("/account/email/", {"action_add": "", "email": "typo@example.com"})
    signed_in.post("/account/email/", {"action_remove": "", "email": "typo@example.com"})
    assert not EmailAddress.objects.filter(email="typo@example.com").exists()
    assert not FormerAddress.objects.exists()


def test_dates_are_written_as_the_language_of_the_account_writes_them(signed_in: Client, ada: User) -> None:
    day = datetime(2026, 11, 2, 20, 13, tzinfo=UTC)
    User.objects.filter(pk=ada.pk).update(never_reset=True, never_reset_ends=day, time_zone="Europe/Madrid")
    for language, written in (("es", "2 de noviembre de 2026, 21:13 CET"), ("en", "2 November 2026, 21:13 CET")):
        User.objects.filter(pk=ada.pk).update(language=language)
        assert written in words(signed_in.get("/account/profile/"))


def test_whoever_has_to_scan_or_save_first_is_not_carried_past_it(signed_in: Client) -> None:
    """The cursor goes to the code only after a wrong one."""
    start = signed_in.post("/account/security/app/", {"name": "phone"})
    assert b"autofocus" not in signed_in.get(start["Location"]).content
    assert b"autofocus" in signed_in.post(start["Location"], {"code": "000000"}).content


def test_every_address_offers_only_what_can_be_done_with_it(signed_in: Client, ada: User) -> None:
    EmailAddress.objects.create(user=ada, email="new@example.com", verified=False)
    EmailAddress.objects.create(user=ada, email="other@example.com", verified=True)
    rows = re.findall(r"<li>\s*<span>\s*(\S+)(.*?)</li>", words(signed_in.get("/account/email/")), re.DOTALL)
    assert {address: sorted(re.findall(r'name="action_(\w+)"', row)) for address, row in rows} == {
        "ada@example.org": [],
        "new@example.com": ["remove", "send"],
        "other@example.com": ["primary", "remove"],
    }
