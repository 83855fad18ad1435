"""The pages of projects in a real browser: axe in light and dark, narrow and wide, and what the first load weighs."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from common.clock import database_now
from recoverydesk.projects import published, services
from recoverydesk.projects.models import File, Project, Release
from tests.helpers import factories
from tests.helpers.browser import click, context_of, inspect, quiet, type_password, weight_of
from tests.helpers.guards import ask, guard
from tests.helpers.projects import day

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.thorough]

README = """# spam

[![tests](https://ci.example/badge.svg)](https://ci.example/)

A project that does *one* thing, with a line as long as the page: `pip install -i https://registry.example/`.

## Usage

```python
from spam import eggs
```

| Name | What it does with a long explanation | Since |
|---|---|---|
| `a_function_with_a_name_as_long_as_names_get_in_practice` | something | 1.0 |

1. one
   - two
     > three
"""


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, settings: Any) -> Iterator[Page]:
    """A browser at the address the site believes to be its own."""
    settings.BASE_URL = live_server.url
    context: BrowserContext = context_of(browser, live_server.url)
    with quiet(context) as made:
        yield made
    context.close()


def publish(project: Project, version: str, **about: Any) -> Release:
    urls = [("Source", "https://github.com/ada/spam"), ("Documentation", "https://docs.example/" + "long/" * 30)]
    told = {"description": README, "content_type": "text/markdown", "license_text": "MIT", "requires": ["attrs>=20"]}
    release = services.record_release(
        project, version=version, uploaded_at=database_now() - timedelta(days=3), urls=urls,
        about=published.about(summary="A project that does one thing", **told | about),
    )  # fmt: skip
    File.objects.create(
        release=release, filename=f"spam-{version}-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        packagetype="bdist_wheel", size=123_456, sha256="0123456789abcdef" * 4, uploaded_at=day("2024-05-01"),
        stored_as="dist/x", requires_python=">=3.9",
    )  # fmt: skip
    return release


def test_the_page_of_a_project_is_accessible_and_light(page: Page) -> None:
    spam = factories.make_project("spam", factories.make_user("ada"), version="0.9")
    publish(spam, "1.0", description=README * 60)
    publish(spam, "1.1")
    for number in range(60):
        services.record_release(spam, version=f"0.8.{number}", uploaded_at=day("2023-05-01"), urls=[])
    assert 0 < weight_of(page, "/projects/spam/?version=1.0") <= 60_000
    page.goto("/projects/spam/")
    inspect(page)


def test_my_projects_and_an_invitation_are_accessible(page: Page) -> None:
    ada, kim = factories.make_user("ada"), factories.make_user("kim")
    ada.set_password(factories.PASSWORD)
    ada.save()
    for name in ("spam", "a-project-with-a-name-as-long-as-the-hundred-letters-of-a-name-allow-it-to-be-in-practice"):
        project = factories.make_project(name, ada, urls=[("Source", f"https://github.com/ada/{name}")])
        factories.add_role(project, kim, kind="maintainer")
    factories.make_project("alone", ada)
    factories.add_app(kim)
    invited = factories.make_project("invited", kim)
    factories.add_role(invited, ada, since=database_now(), accepted=False)
    type_password(page, "ada")
    page.goto("/account/projects/")
    inspect(page)
    click(page, "Accept invited")
    expect(page.get_by_text("Add a second factor first")).to_be_visible()
    click(page, "Decline invited")
    expect(page.get_by_text("You declined the invitation.")).to_be_visible()
    spam = guard(Project.objects.get(normalized_name="spam"), token_days="30", newer_versions="on")
    ask(spam, "token_days", "off", ada)
    guard(spam, second_factor="key")
    page.goto("/projects/spam/settings/")
    expect(page.get_by_text("These people still need a security key:")).to_be_visible()
    inspect(page)
