"""The search, the pages of a private site and a token that only installs, in a real browser: nothing that axe finds."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser

from recoverydesk.projects.models import About
from tests.helpers import factories
from tests.helpers.browser import context_of, inspect
from tests.helpers.desk import browser as signed_in

pytestmark = [pytest.mark.browser, pytest.mark.thorough, pytest.mark.django_db(transaction=True)]


def test_somebody_signs_in_searches_and_makes_a_token_to_install(
    transactional_db: None, live_server: Any, settings: Any, browser: Browser
) -> None:
    settings.BASE_URL, settings.INDEX_PRIVATE, settings.SIGN_UP = live_server.url, True, "closed"
    ada = factories.make_user("ada")
    for number in range(25):
        project = factories.make_project(f"tool-{number}", ada)
        About.objects.create(release=project.releases.get(), summary="Tools for everybody " * 9)
    context = context_of(browser, live_server.url)
    page = context.new_page()
    page.goto("/account/signup/")
    page.get_by_text("You cannot make an account here yourself.").wait_for()
    inspect(page)
    page.goto("/search/?q=tool")
    page.get_by_role("heading", name="Sign in", exact=True).wait_for()
    session = signed_in(ada).cookies["session"].value
    context.add_cookies([{"name": "session", "value": session, "url": live_server.url}])
    page.goto("/")
    page.get_by_role("link", name="Search projects").click()
    inspect(page)
    page.get_by_label("Words in the name or the summary").fill("tool everybody")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("25 projects have these words").wait_for()
    inspect(page)
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("link", name="tool-9", exact=True).wait_for()
    page.goto("/account/tokens/new/")
    page.get_by_label("Name").fill("ci")
    page.get_by_label("What it is for").select_option("account")
    page.get_by_label("Only install").check()
    inspect(page)
    page.get_by_role("button", name="Make the token").click()
    page.get_by_text("PIP_INDEX_URL").wait_for()
    inspect(page)
    page.goto("/account/tokens/")
    page.get_by_role("button", name="Copy").first.click()
    page.get_by_text(re.compile("Copied|Your browser does not allow that")).wait_for()
    inspect(page)
    context.close()
