"""The pages of trusted publishers in a real browser: filled in by an owner, axe, both widths, what they weigh."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from recoverydesk.publishers import issuers, verbs
from recoverydesk.publishers.models import Publisher
from recoverydesk.publishers.shapes import Workflow
from tests.helpers import factories
from tests.helpers.browser import click, context_of, inspect, quiet, type_code, type_password, weight_of
from tokens import services

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.thorough]


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, settings: Any) -> Iterator[Page]:
    settings.BASE_URL = live_server.url
    context = context_of(browser, live_server.url)
    with quiet(context) as made:
        yield made
    context.close()


def test_an_owner_adds_a_publisher_and_every_state_can_be_read(page: Page) -> None:
    ada, kim = factories.make_user("ada"), factories.make_user("kim")
    _device, secret = factories.add_totp(ada)
    factories.add_app(kim)
    spam = factories.make_project("spam", ada)
    factories.add_role(spam, kim)
    gitlab = issuers.read(issuers.DEFAULT)[1]
    long = Workflow("a-group/with-a-name-as-long-as-names-get-in-practice/tool", "ci/publish-to-the-registry.yml", "x")
    taken = verbs.add(spam, gitlab, long, actor=kim)
    Publisher.objects.filter(pk=taken.pk).update(repository_id="1", owner_id="2", pinned_at=taken.created_at)
    verbs.add_for_new("fresh", gitlab, long, actor=ada)
    type_password(page, "ada")
    type_code(page, factories.code(secret))
    page.wait_for_load_state("networkidle")
    assert 0 < weight_of(page, "/projects/spam/publishers/") <= 60_000
    page.get_by_text("GitHub Actions (github.com)").click()
    form = page.locator("details[open]")
    form.get_by_label("Repository").fill("https://github.com/ada/spam")
    form.get_by_label("Workflow file").fill("release")
    click(page, "Add")
    expect(page.get_by_text("Write the name of a file that ends with .yml or .yaml.")).to_be_visible()
    inspect(page)
    form.get_by_label("Workflow file").fill("release.yml")
    click(page, "Add")
    expect(page.get_by_text("The trusted publisher is added.")).to_be_visible()
    verbs.hold_all(kim, actor="system")
    page.reload()
    inspect(page)
    click(page, "Take over a-group/with-a-name-as-long-as-names-get-in-practice/tool ci/publish-to-the-registry.yml")
    expect(page.get_by_text("The trusted publisher now uploads in your name.")).to_be_visible()
    verbs.hold_all(ada, actor="system")
    services.hold_all(ada, actor="system", reason="a test")
    for path in ("/account/publishers/", "/account/tokens/held/", "/account/tokens/", "/projects/spam/publishers/"):
        page.goto(path)
        inspect(page)
