"""The page of styles shows every part, and the parts can be read by everybody."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts import icons
from recoverydesk.demo import styles
from tests.helpers.browser import LOOKS, context_of, inspect, quiet
from tests.helpers.files import ROOT
from tests.helpers.pictures import shoot

SITE, DESK = "/demo/styles/", "/demo/styles/desk/"
PAGES = {"styles": SITE, "styles-desk": DESK} | {f"error-{name}": f"{SITE}{name}/" for name in styles.ERRORS}
BADGE = re.compile(r"\.badge(?::is\(([^)]*)\)|(\.[\w-]+))")


@pytest.fixture(autouse=True)
def _urls_of_the_demo(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.demo.urls"


@pytest.mark.django_db
@pytest.mark.parametrize("where", [SITE, DESK])
def test_both_frames_show_every_part(client: Client, where: str) -> None:
    page = client.get(where).content.decode()
    for part in [*styles.BADGES.values(), *icons.ICONS, *styles.colours()]:
        assert str(part) in page
    assert page.count("disabled") >= 4
    assert page.count('class="errorlist') == 1


def test_every_kind_of_badge_is_shown() -> None:
    text = (ROOT / "accounts" / "static" / "accounts" / "design.css").read_text()
    rules = [re.findall(r"\.([\w-]+)", several or one) for several, one in BADGE.findall(text)]
    assert len(rules) > 4
    assert [rule for rule in rules if not set(rule) & set(styles.BADGES)] == []


@pytest.mark.django_db
def test_only_pages_of_errors_are_shown_as_such(client: Client) -> None:
    assert [client.get(f"{SITE}{name}/").status_code for name in ("404", "base", "..")] == [200, 404, 404]
    assert client.post(SITE).status_code == 405


def test_every_page_of_an_error_is_listed() -> None:
    there = {path.stem for path in (ROOT / "templates").glob("[45]*.html")} | {"unknown"}
    assert set(styles.ERRORS) == there


@pytest.fixture
def page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A page whose console must stay silent."""
    context = context_of(browser, live_server.url)
    with quiet(context) as page:
        yield page
    context.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.thorough
@pytest.mark.parametrize("name", PAGES)
def test_every_part_can_be_read_in_every_look(page: Page, name: str) -> None:
    page.goto(PAGES[name])
    inspect(page)
    for width, scheme in LOOKS if name.startswith("styles") else ():
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
        shoot(page, name, scheme, width)
