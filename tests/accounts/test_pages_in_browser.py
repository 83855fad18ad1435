"""The account pages in a real browser: readable for everybody, from 320 px, light and dark, under the strict CSP."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django_otp_webauthn.models import WebAuthnCredential
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts import second_factors
from accounts.devices import TotpDevice
from audit.models import Event
from tests.helpers.browser import (
    PASSKEY,
    click,
    context_of,
    enrol_key,
    inspect,
    plug_in,
    quiet,
    type_password,
    weight_of,
)
from tests.helpers.factories import PASSWORD, add_app, make_user
from tests.helpers.signing_in import code_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]

PUBLIC = [
    "/",
    "/account/login/",
    "/account/signup/",
    "/account/password/reset/",
    "/account/confirm-email/",
    "/account/locked-out/",
    "/account/frozen/",
    "/account/password/reset/done/",
    "/nowhere/",
    "/bad/",
    "/forbidden/",
    "/stale/",
    "/limited/",
    "/broken/",
]
OWN = [
    "/account/security/",
    "/account/security/app/",
    "/account/security/key/",
    "/account/security/codes/",
    "/account/security/codes/saved/",
    "/account/sessions/",
    "/account/profile/",
    "/account/freeze/",
    "/account/delete/",
    "/account/history/",
    "/account/email/",
    "/account/password/change/",
    "/account/step-up/",
    "/account/logout/",
]


@pytest.fixture
def page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A page whose console must stay silent: a blocked inline style or script would speak there."""
    context = context_of(browser, live_server.url)
    with quiet(context) as page:
        yield page
    context.close()


def sign_in(page: Page, code: Callable[[], str]) -> None:
    page.goto("/account/login/")
    page.get_by_label("Username or e-mail address").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Code").wait_for()
    inspect(page)
    page.get_by_label("Code").fill(code())
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/account/security/")


@pytest.mark.parametrize("path", PUBLIC)
def test_public_pages_are_accessible(page: Page, path: str) -> None:
    page.goto(path)
    inspect(page)


def test_a_form_with_errors_is_accessible(page: Page) -> None:
    page.goto("/account/signup/")
    page.get_by_label("Username").fill("-")
    page.get_by_label("Email").fill("ada@example.org")
    page.locator("#id_password1").fill("short")
    page.locator("#id_password2").fill("other")
    page.locator("#id_password2").press("Enter")
    expect(page.get_by_text("Use letters, digits")).to_be_visible()
    inspect(page)


def test_a_locked_name_says_the_ways_past_it(page: Page, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login_account": "1/15m/key"}
    page.goto("/account/login/")
    for code in (None, None, "000000"):  # the second wrong password is one too many, then a code is wrong as well
        page.get_by_label("Username or e-mail address").fill("ada")
        page.get_by_label("Password").fill("not the password at all")
        if code:
            page.locator("#id_code").fill(code)
        with page.expect_navigation():
            click(page, "Sign in")
        if page.locator("#id_code").count():
            expect(page.get_by_role("alert")).to_contain_text("No code? Use a passkey")
            inspect(page)
    expect(page.get_by_role("alert")).to_contain_text("The username, password or code is wrong")


def test_a_wrong_code_says_when_again_and_cancel_stands_beside(page: Page) -> None:
    add_app(make_user())
    type_password(page, "ada")
    page.get_by_label("Code").fill("000000")
    with page.expect_navigation():
        click(page, "Sign in")
    expect(page.get_by_text("Codes are accepted again in 1 second, at ")).to_be_visible()
    inspect(page)
    click(page, "Cancel")
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()


def test_the_pages_of_an_account_are_accessible(page: Page, settings: Any) -> None:
    settings.RECENT_SECOND_FACTOR = timedelta(hours=1)  # fourteen pages in four looks take minutes on a slow machine
    ada = make_user()
    sign_in(page, partial(code_of, add_app(ada, "a phone with a name as long as the sixty-four letters allow it")))
    second_factors.make_codes(ada, actor=ada)
    for path in [*OWN, f"/account/history/not-me/?event={Event.objects.latest('id').pk}"]:
        page.goto(path)
        assert page.url.endswith(path)
        inspect(page)


def test_the_pages_with_keys_are_accessible(page: Page, settings: Any) -> None:
    ada = make_user()
    page.goto("/")
    settings.OTP_WEBAUTHN_ALLOWED_ORIGINS = [page.evaluate("location.origin")]
    plug_in(page, PASSKEY)
    sign_in(page, partial(code_of, add_app(ada)))
    enrol_key(page, "a key with a name as long as the sixty-four letters of a name allow it")
    device = WebAuthnCredential.objects.get()
    for path in ("", f"key/{device.pk}/rename/", f"key/{device.pk}/remove/"):
        page.goto(f"/account/security/{path}")
        inspect(page)


def test_the_first_load_weighs_at_most_sixty_kilobytes(page: Page) -> None:
    """Compressed, as the static files are in production."""
    for path in ("/", "/account/login/", "/account/signup/"):
        assert 0 < weight_of(page, path) <= 60_000, path


def test_enrolling_with_keyboard_and_eyes(page: Page) -> None:
    ada = make_user()
    page.goto("/account/login/")
    page.get_by_label("Username or e-mail address").press_sequentially("ada")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add an authenticator app").click()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("img", name="QR code that holds the secret for your app").wait_for()
    inspect(page)
    page.get_by_role("textbox", name="Code").fill(code_of(TotpDevice.objects.get(user=ada)))
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Make new codes").click()
    expect(page.locator(".codes li")).to_have_count(8)
    inspect(page)
    assert second_factors.summary(ada).codes_left == 8


def test_the_first_tab_stop_skips_to_the_content(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.get_by_text("Skip to the content").bounding_box() is not None


def test_the_qr_code_is_black_on_white_in_the_dark(page: Page) -> None:
    make_user()
    page.emulate_media(color_scheme="dark")
    page.goto("/account/login/")
    page.get_by_label("Username or e-mail address").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account/security/")
    page.goto("/account/security/app/")
    page.get_by_role("button", name="Go on").click()
    plate = page.locator(".qr")
    assert plate.evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(255, 255, 255)"
