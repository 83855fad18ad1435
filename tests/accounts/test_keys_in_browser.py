"""The life of an account in a real browser with virtual keys, under the strict CSP."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts import sweeping
from accounts.devices import TotpDevice
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from tests.helpers import mail_server
from tests.helpers.browser import (
    PASSKEY,
    PLAIN_KEY,
    U2F_KEY,
    click,
    context_of,
    enrol_app,
    enrol_key,
    plug_in,
    quiet,
    shown_codes,
    sign_out,
    type_code,
    type_password,
)
from tests.helpers.factories import PASSWORD, make_user
from tests.helpers.patience import patient

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def context(browser: Browser, live_server: LiveServer, settings: Any) -> Iterator[BrowserContext]:
    """A browser at the address the site believes to be its own."""
    settings.BASE_URL = live_server.url
    settings.OTP_WEBAUTHN_ALLOWED_ORIGINS = [live_server.url]
    made = context_of(browser, live_server.url)
    yield made
    made.close()


@pytest.fixture
def smtp(free_port: int, settings: Any) -> Iterator[mail_server.MailServer]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port
    with mail_server.running(free_port) as running:
        yield running


def mailed_link(server: mail_server.MailServer, part: str) -> str:
    """Let the worker send what is due, and find the link in what arrived."""
    sweeping.sweep()
    letter = message_from_bytes(server.offered[-1], policy=policy.default)
    assert isinstance(letter, EmailMessage)
    text = str(letter.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    found = re.search(rf"http://\S+{part}\S+", text)
    assert found, text
    return found[0]


def forget_steps() -> None:
    """As if half a minute had passed: every app shows a code that was not used yet."""
    TotpDevice.objects.update(last_step=-1)


def at_home(page: Page) -> None:
    page.wait_for_url("**/account/security/")


def test_a_whole_life(context: BrowserContext, smtp: mail_server.MailServer) -> None:
    with quiet(context) as page:
        plug_in(page, PASSKEY)
        page.goto("/account/signup/")
        for field, value in (
            ("username", "kim"),
            ("email", "kim@example.org"),
            ("password1", PASSWORD),
            ("password2", PASSWORD),
        ):
            page.locator(f"#id_{field}").fill(value)
        page.locator("#id_password2").press("Enter")
        page.wait_for_url("**/account/confirm-email/")
        page.goto(mailed_link(smtp, "/account/confirm-email/"))
        with page.expect_navigation():
            click(page, "Confirm")
        type_password(page, "kim")
        at_home(page)

        phone = enrol_app(page, "phone")
        page.wait_for_url("**/account/security/codes/")
        tablet = enrol_app(page, "tablet")
        enrol_key(page, "blue key")
        page.goto("/account/security/codes/")
        click(page, "Make new codes")
        codes = shown_codes(page)
        page.get_by_label("One of your codes").fill(codes[3])
        click(page, "I have saved them")
        expect(page.get_by_text("8 of 8 left")).to_be_visible()
        sign_out(page)

        for app in (phone, tablet):
            forget_steps()
            type_password(page, "kim")
            type_code(page, app.now())
            at_home(page)
            sign_out(page)
        type_password(page, "kim")
        type_code(page, codes[0].lower())
        page.wait_for_url("**/account/security/app/")
        sign_out(page)
        type_password(page, "kim")
        click(page, "Use a security key")
        at_home(page)
        sign_out(page)
        page.goto("/account/login/")
        click(page, "Sign in with a passkey")
        at_home(page)

        grow_old(page)
        page.get_by_role("button", name="Remove tablet").click()
        page.wait_for_url("**/account/step-up/**")
        click(page, "Use a security key")
        click(page, "Remove this app")
        expect(page.get_by_text("tablet was removed.")).to_be_visible()

        User.objects.filter(username="kim").update(is_staff=True, is_superuser=True)
        page.goto("/admin/accounts/user/")
        expect(page.get_by_role("heading", name="Accounts", exact=True)).to_be_visible()
        page.goto("/account/security/")
        sign_out(page)
        type_password(page, "kim")
        page.locator("#id_code").wait_for()
        page.goto("/admin/accounts/user/")
        expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    methods = Event.objects.filter(tag=Tag.ACCOUNT_LOGIN_SUCCESS).order_by("id").values_list("data__method", flat=True)
    assert list(methods) == ["password", "totp", "totp", "recovery_code", "webauthn", "webauthn"]


def grow_old(page: Page) -> None:
    """Ten minutes pass for what this browser's session has shown."""
    from accounts.sessions import SessionStore

    cookie = next(one for one in page.context.cookies() if one.get("name") == "session")
    session = SessionStore(cookie["value"])
    records = session["account_authentication_methods"]
    session["account_authentication_methods"] = [{**one, "at": one["at"] - 600} for one in records]
    session.save()


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [PLAIN_KEY, U2F_KEY], ids=["ctap2 without memory", "u2f"])
def test_a_key_without_memory_registers_and_is_a_second_factor(context: BrowserContext, kind: dict[str, Any]) -> None:
    make_user()
    with quiet(context) as page:
        plug_in(page, kind)
        type_password(page, "ada")
        enrol_key(page, "old key")
        page.goto("/account/security/")
        expect(page.get_by_text("Second factor only: you type your password first.")).to_be_visible()
        sign_out(page)
        type_password(page, "ada")
        click(page, "Use a security key")
        at_home(page)


CANCELLED, TIMED_OUT = "You cancelled", "It took too long"
ADDED, UNSUPPORTED, WRONG_SITE = "already added", "cannot use security keys", "is not the site of your keys"


def said(page: Page) -> Any:
    return expect(page.get_by_role("main").get_by_role("status"))


@pytest.mark.thorough
def test_five_ways_to_fail_have_five_sentences(context: BrowserContext, settings: Any) -> None:
    make_user()
    with quiet(context) as page:
        key = plug_in(page, {**PASSKEY, "isUserVerified": False})
        page.goto("/account/login/")
        click(page, "Sign in with a passkey")
        said(page).to_contain_text(CANCELLED)
        key.pull_out()

        key = plug_in(page, {**PASSKEY, "automaticPresenceSimulation": False})
        settings.OTP_WEBAUTHN_TIMEOUT_SECONDS = 1
        page.goto("/account/login/")
        click(page, "Sign in with a passkey")
        said(page).to_contain_text(TIMED_OUT)
        settings.OTP_WEBAUTHN_TIMEOUT_SECONDS = 300
        key.pull_out()

        plug_in(page, PASSKEY)
        type_password(page, "ada")
        enrol_key(page, "blue key")
        page.goto("/account/security/key/")
        click(page, "Add this key")
        said(page).to_contain_text(ADDED)

        settings.OTP_WEBAUTHN_RP_ID = "elsewhere.localhost"  # Chromium asks that host first: refused at once
        page.goto("/account/security/key/")
        click(page, "Add this key")
        said(page).to_contain_text(WRONG_SITE)

        page.add_init_script("delete window.PublicKeyCredential")
        page.goto("/account/security/key/")
        said(page).to_contain_text(UNSUPPORTED)
        expect(page.get_by_role("button", name="Add this key")).to_be_disabled()


@pytest.mark.thorough
def test_without_javascript_only_keys_stop_and_say_so(browser: Browser, live_server: LiveServer) -> None:
    context = patient(browser.new_context(base_url=live_server.url, java_script_enabled=False))
    page = context.new_page()
    make_user()
    page.goto("/account/login/")
    expect(page.get_by_text("Security keys need JavaScript")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    type_password(page, "ada")
    enrol_app(page, "phone")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    context.close()


@pytest.mark.thorough
def test_codes_are_copied_downloaded_and_printed(context: BrowserContext, live_server: LiveServer) -> None:
    make_user()
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_server.url)
    with quiet(context) as page:
        type_password(page, "ada")
        enrol_app(page, "phone")
        click(page, "Make new codes")
        codes = shown_codes(page)
        click(page, "Copy")
        expect(page.get_by_text("Copied.")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()").split() == codes
        with page.expect_download() as download:
            click(page, "Download")
        assert download.value.suggested_filename == "recovery-codes.txt"
        assert download.value.path().read_text().split()[-8:] == codes
        page.evaluate("window.print = () => document.body.setAttribute('data-printed', '1')")
        click(page, "Print")
        expect(page.locator("body[data-printed]")).to_have_count(1)
