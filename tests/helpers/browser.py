"""A real browser with virtual security keys (CDP), a page whose console must stay silent, and axe."""

import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyotp
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect

from tests.helpers.factories import PASSWORD
from tests.helpers.patience import patient

LOOKS = [(320, "light"), (320, "dark"), (1280, "light"), (1280, "dark")]
KEY = {"transport": "usb", "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}
PASSKEY = {**KEY, "protocol": "ctap2", "hasResidentKey": True}
PLAIN_KEY = {**KEY, "protocol": "ctap2", "hasResidentKey": False}
U2F_KEY = {**KEY, "protocol": "u2f", "hasResidentKey": False, "hasUserVerification": False, "isUserVerified": False}


@contextmanager
def quiet(context: BrowserContext, *, allowed: str = r"\b(400|403|404|429|500)\b") -> Iterator[Page]:
    """A page of this context; anything its console says but the status of an error page fails the test."""
    page = context.new_page()
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not re.search(allowed, message.text):
            said.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    assert said == [], said


def plug_in(page: Page, kind: dict[str, Any]) -> "VirtualKey":
    """Plug a virtual security key into the browser of this page."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": kind})
    return VirtualKey(session, str(made["authenticatorId"]))


class VirtualKey:
    """One virtual key; `pull_out` takes it away again."""

    def __init__(self, session: Any, number: str) -> None:
        self.session, self.number = session, number

    def pull_out(self) -> None:
        self.session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self.number})


def inspect(page: Page) -> None:
    """Ask axe, and look for sideways scrolling, in both widths and both schemes: narrow light, wide dark."""
    for width, scheme in LOOKS[::3]:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark", reduced_motion="reduce")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{page.url} {width} {scheme}\n{found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (page.url, width)


def context_of(browser: Browser, url: str) -> BrowserContext:
    return patient(browser.new_context(base_url=url, reduced_motion="reduce"))


def click(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name, exact=True).click()


def type_password(page: Page, username: str) -> None:
    page.goto("/account/login/")
    page.get_by_label("Username or e-mail address").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    with page.expect_navigation():  # whoever goes on at once must not cut the answer off
        click(page, "Sign in")


def type_code(page: Page, code: str, button: str = "Sign in") -> None:
    page.locator("#id_code").fill(code)
    with page.expect_navigation():
        click(page, button)


def shown_codes(page: Page) -> list[str]:
    """The eight recovery codes, once the page has come that shows them."""
    shown = page.locator("ol.codes code")
    expect(shown).to_have_count(8)
    return shown.all_inner_texts()


def sign_out(page: Page) -> None:
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()


def enrol_app(page: Page, name: str) -> pyotp.TOTP:
    """Add an authenticator app from the security page; returns what the phone would hold."""
    page.goto("/account/security/app/")
    page.get_by_label("Name of this app").fill(name)
    click(page, "Go on")
    app = pyotp.TOTP("".join(page.locator("#secret").inner_text().split()))
    type_code(page, app.now(), "Turn it on")
    return app


def enrol_key(page: Page, name: str) -> None:
    page.goto("/account/security/key/")
    page.get_by_label("Name").fill(name)
    click(page, "Add this key")
    page.wait_for_url(re.compile(r"/account/security/(codes/)?$"))


def weight_of(page: Page, path: str) -> int:
    """The compressed bytes of everything a page loads."""
    loaded: list[Response] = []

    def note(response: Response) -> None:
        loaded.append(response)

    page.on("response", note)
    page.goto(path)
    page.wait_for_load_state("networkidle")
    page.remove_listener("response", note)
    return sum(len(gzip.compress(response.body())) for response in loaded)
