"""An owner at the page of staged releases, in a real browser: nothing that axe finds, and the way to the index."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from accounts.models import User
from recoverydesk.projects.models import File, Project
from recoverydesk.staging.models import StagedRelease
from tests.helpers import factories
from tests.helpers.browser import click, context_of, inspect
from tests.helpers.desk import browser as signed_in
from tests.helpers.desk import fresh_code
from tests.helpers.packages import Send, wheel, wheel_name

pytestmark = [pytest.mark.browser, pytest.mark.thorough, pytest.mark.django_db(transaction=True)]


def test_an_owner_chooses_confirms_and_publishes(
    transactional_db: None, live_server: Any, settings: Any, browser: Browser, storage: Path, send: Send
) -> None:
    settings.BASE_URL = live_server.url
    factories.make_project("sample", User.objects.get(username="ada"), version="0.1")
    Project.objects.update(guards={"two_step": "on"})
    for version in ("1.0", "1.1"):
        send(wheel_name(version=version), wheel(version=version), of=("sample", version))
    member = signed_in(User.objects.get(username="ada"))
    context = context_of(browser, live_server.url)
    context.add_cookies([{"name": "session", "value": member.cookies["session"].value, "url": live_server.url}])
    page = context.new_page()
    page.goto("/account/projects/")
    page.get_by_role("link", name="2 staged releases wait to be published").click()
    inspect(page)
    for version in ("1.0", "1.1"):
        page.get_by_label(f"Choose sample {version}").check()
    click(page, "Publish what I chose")
    inspect(page)
    page.get_by_label("Code").fill(fresh_code(member))
    click(page, "Decide")
    page.get_by_text("sample 1.1 is published.").wait_for()
    inspect(page)
    assert File.objects.count() == 2
    assert set(StagedRelease.objects.values_list("state", flat=True)) == {"published"}
    context.close()
