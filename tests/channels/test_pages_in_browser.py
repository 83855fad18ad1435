"""The desk's pages of channels in a real browser: axe in light and dark, narrow and wide; the buttons work there."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from pytest_django.live_server_helper import LiveServer

from recoverydesk.channels import filing
from recoverydesk.channels.mail.receiving import Envelope, receive
from recoverydesk.channels.models import IncomingMail, IssueForm, Unmatched
from recoverydesk.recovery.background import intake, sweep
from tests.helpers import factories
from tests.helpers.browser import click, context_of, inspect
from tests.helpers.desk import browser as at_the_desk
from tests.helpers.incoming import AUTHSERV, DESK, answer, sent_mail
from tests.helpers.tickets import make_moderator, make_ticket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]
FORM = "### PyPI Username\n\nada or bob\n\n### Reason for request\n\nLost access to email address\n"


@pytest.fixture
def context(browser: Browser, live_server: LiveServer, settings: Any) -> Iterator[BrowserContext]:
    settings.BASE_URL, settings.RECOVERY_ISSUE_TRACKER = live_server.url, "https://issues.example/support"
    settings.MAIL_REPLY_ADDRESS, settings.MAIL_AUTHSERV_ID = DESK, AUTHSERV
    made = context_of(browser, live_server.url)
    client = at_the_desk(make_moderator())
    made.add_cookies([{"name": "session", "value": client.cookies["session"].value, "url": live_server.url}])
    yield made
    made.close()


def test_the_pages_of_channels_are_accessible_and_their_buttons_work(context: BrowserContext) -> None:
    user = factories.make_user("ada-lovelace", email="ada@example.org")
    filing.file(FORM, url="https://issues.example/support/7", author_id=583231)
    said: dict[str, Any] = {"claim": "email", "says_codes_lost": True, "network": "", "contact": "ada@example.org"}
    intake.note_request(username="ada-lovelce", **said)
    sweep.sweep()
    receive(answer(sent_mail(make_ticket(user)), "hello", sender="eve@example.org"), Envelope())
    page = context.new_page()  # nobody hears its console: axe makes it speak
    for path in ("incomingmail/", f"incomingmail/{IncomingMail.objects.get().pk}/change/", "issueform/",
                 f"issueform/{IssueForm.objects.get().pk}/change/", "unmatched/"):  # fmt: skip
        page.goto(f"/admin/channels/{path}")
        inspect(page)
        if folder := os.environ.get("SCREENSHOTS", ""):
            for scheme, width in (("light", 1280), ("dark", 1280), ("light", 375), ("dark", 375)):
                page.set_viewport_size({"width": width, "height": 800})
                page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
                page.screenshot(path=f"{folder}/{path.replace('/', '-')}{scheme}-{width}.png", full_page=True)
    expect(page.get_by_text("Perhaps ada-lovelace is meant")).to_be_visible()
    with page.expect_navigation():
        click(page, "Mail our answer")
    expect(page.get_by_text("Our answer is on its way.")).to_be_visible()
    assert [row.how for row in Unmatched.objects.order_by("pk")] == ["", "answered"]
