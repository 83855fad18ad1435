"""What the people of the story do in their browsers."""

import re
import time

import pyotp
from playwright.sync_api import Browser, BrowserContext, Page, expect

from recoverydesk.demo.logins import PASSWORD
from tests.browser.stack import Stack, eventually
from tests.helpers.desk import QUEUE
from tests.helpers.patience import patient

STEP = 30  # seconds of one TOTP code


class Person:
    """One person with a browser of their own and, perhaps, an authenticator app."""

    def __init__(self, browser: Browser, stack: Stack, username: str, password: str = PASSWORD) -> None:
        self.context: BrowserContext = patient(browser.new_context(base_url=stack.url))
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.stack, self.username, self.password = stack, username, password
        self.secret = ""

    def type_password(self) -> None:
        """Sign in as far as the password goes."""
        self.page.goto("/account/login/")
        self.page.get_by_label("Username or email").or_(self.page.locator("input[name=login]")).first.fill(
            self.username
        )
        self.page.locator("input[name=password]").fill(self.password)
        self._submit()

    def type_code(self, code: str = "") -> None:
        """Show the second factor on whatever page asks for it."""
        expect(self.page.locator("input[name=code]")).to_be_visible()
        self.page.locator("input[name=code]").fill(code or self.next_code())
        self._submit()

    def _submit(self) -> None:
        """Click, and wait for the answer: whoever goes on at once must not cut it off."""
        with self.page.expect_navigation():
            self.page.locator("main button[type=submit]").first.click()

    def sign_in(self) -> None:
        self.type_password()
        expect(self.page.locator("input[name=code]")).to_be_visible()
        self.type_code()
        self.is_signed_in()

    def is_signed_in(self) -> None:
        """Wait for the button that only somebody signed in has."""
        expect(self.page.get_by_role("banner").get_by_role("button", name="Sign out")).to_be_visible()

    def next_code(self) -> str:
        """A code not used before: of the own app, or as the demo's page shows it for a sample login."""
        if self.secret:
            return pyotp.TOTP(self.secret).at(time.time() + STEP)
        page = self.context.new_page()
        try:
            return self._shown_code(page)
        finally:
            page.close()

    def _shown_code(self, page: Page) -> str:
        row = page.locator("tr", has=page.locator("th", has_text=re.compile(f"^{self.username}$")))

        def shown() -> str:
            page.goto("/demo/")
            expect(row).to_be_visible()
            if not row.locator("code").count():
                raise LookupError("no fresh code")
            return row.locator("code").first.inner_text()

        return eventually(shown)

    def click_button(self, name: str) -> None:
        """Click the one button of that name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def close(self) -> None:
        self.context.close()


def ticket_of(page: Page, username: str, queue: str = "all") -> str:
    """The address of somebody's ticket. The queue's search finds projects of that name, too: other people's."""
    page.goto(f"{QUEUE}?queue={queue}&q={username}")
    own = page.locator("#result_list tbody tr", has=page.get_by_role("cell", name=username, exact=True))
    return str(own.locator("th a").first.get_attribute("href"))
