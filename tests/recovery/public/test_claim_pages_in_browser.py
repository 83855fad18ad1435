"""Pages of what was lost and of what cannot be granted, in every look: no axe violation, no sideways scrolling."""

import re
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.helpers.attacker import ask, letters
from tests.helpers.browser import click, context_of, inspect, quiet
from tests.helpers.factories import PASSWORD
from tests.helpers.pictures import shoot

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]
LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 375), ("dark", 375), ("dark", 1280))
NEW = "new@elsewhere.example"


@pytest.fixture
def context(browser: Browser, live_server: LiveServer, settings: Any) -> Iterator[BrowserContext]:
    settings.BASE_URL = live_server.url
    made = context_of(browser, live_server.url)
    yield made
    made.close()


def look_at(page: Page, name: str) -> None:
    inspect(page)
    for scheme, width in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        shoot(page, name, scheme, width)


def fill(page: Page, **fields: str) -> None:
    for name, text in fields.items():
        page.locator(f"main [name={name}]").fill(text)


def newest(address: str) -> str:
    """The newest page that was mailed to this mailbox."""
    return str(re.findall(r"/recover/status/\S+", letters(address)[-1])[-1])


def test_a_slip_is_asked_about_and_what_cannot_be_granted_says_so(context: BrowserContext, ada: User) -> None:
    with quiet(context) as page:
        page.goto("/recover/")
        look_at(page, "claim-form")
        page.get_by_label("Username or e-mail address").fill("ada")
        page.get_by_label("I can't read my mail: I lost").check()
        page.get_by_label("No: lost, or never saved").check()
        page.get_by_label("An address you can read now").fill("new@gmai.com")
        click(page, "Ask to get back in")
        expect(page.get_by_text("Did you mean new@gmail.com?")).to_be_visible()
        look_at(page, "claim-asked-about")
        page.get_by_label("new@gmai.com is right").check()
        page.get_by_label("An address you can read now").fill(NEW)
        click(page, "Ask to get back in")
        expect(page.get_by_role("heading", name="Request received")).to_be_visible()
    ask("ada", "email", NEW)
    with quiet(context) as page:
        page.goto(newest(NEW))
        expect(page.get_by_text("We cannot change the address of the account.")).to_be_visible()
        look_at(page, "claim-out-of-reach-unconfirmed")
        click(page, "Yes, this is my address")
        ask("nobody")
        page.goto(newest(NEW))
        expect(page.get_by_text("We cannot change the address of the account.")).to_be_visible()
        look_at(page, "claim-out-of-reach")


def test_the_address_of_a_sign_up_can_be_corrected(context: BrowserContext, db: None) -> None:
    with quiet(context) as page:
        page.goto("/account/signup/")
        fill(page, username="ada", email="ada@exmaple.org", password1=PASSWORD, password2=PASSWORD)
        click(page, "Sign up")
        expect(page.get_by_role("heading", name="Confirm your address")).to_be_visible()
        look_at(page, "claim-verification-sent")
        page.get_by_role("link", name="Correct it").click()
        fill(page, username="ada", password=PASSWORD, email="ada@example.org")
        look_at(page, "claim-correct-address")
        click(page, "Correct the address")
        expect(page.get_by_role("heading", name="Confirm your address")).to_be_visible()
