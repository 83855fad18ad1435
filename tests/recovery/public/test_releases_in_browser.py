"""Releases in a real browser: an owner withdraws, a maintainer is refused, a stranger who was invited accepts."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.db import close_old_connections
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from common.clock import database_now
from recoverydesk.projects import services
from recoverydesk.projects.models import File, MailInvitation, Project, Release, Role
from recoverydesk.projects.published import FileFact
from tests.helpers import factories
from tests.helpers.browser import click, context_of, inspect, quiet, type_code, type_password
from tests.helpers.tokens import mint

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.thorough]
SDIST, WHEEL = "spam-1.0.tar.gz", "spam-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
PAGE = "/projects/spam/releases/1.0/"
SignedIn = Callable[[str], Page]


@pytest.fixture
def signed_in(browser: Browser, live_server: LiveServer, settings: Any) -> Iterator[SignedIn]:
    """A browser of their own for each person, in which they have just shown a second factor; "" is a visitor."""
    settings.BASE_URL = live_server.url
    with ExitStack() as stack:

        def enter(name: str) -> Page:
            context = context_of(browser, live_server.url)
            stack.callback(context.close)
            page = stack.enter_context(quiet(context))
            if name:
                secret = factories.add_totp(User.objects.get(username=name))[1]
                type_password(page, name)
                type_code(page, factories.code(secret))
            return page

        yield enter
    close_old_connections()


@pytest.fixture
def spam(transactional_db: None) -> Project:
    """Ada owns it, kim maintains it; ada uploaded two files an hour ago."""
    ada, kim = factories.make_user("ada"), factories.make_user("kim")
    project = factories.make_project("spam", ada, version="0.9")
    factories.add_role(project, kim, kind="maintainer")
    factories.add_app(ada, "old phone")
    an_hour_ago, token = database_now() - timedelta(hours=1), mint(ada, name="laptop").row.id
    for number, name in enumerate((SDIST, WHEEL)):
        facts = [FileFact(name, "sdist", 123_456, f"{number:064}", an_hour_ago, stored_as=f"dist/{name}")]
        services.record_release(
            project, version="1.0", uploaded_at=an_hour_ago, urls=[], files=facts, uploader=ada, token=token
        )
    return project


def section(page: Page, name: str) -> Any:
    """The form of the whole release that has this button; those of files stand before it."""
    return page.locator("form", has=page.get_by_role("button", name=name, exact=True)).last


def test_an_owner_yanks_takes_back_and_deletes(signed_in: SignedIn, spam: Project) -> None:
    owner, visitor = signed_in("ada"), signed_in("")
    owner.goto("/projects/spam/")
    inspect(owner)
    owner.get_by_role("button", name="Yank or delete this release").click()
    expect(owner.get_by_text("uploaded by ada with the token “laptop”").first).to_be_visible()
    for summary in owner.locator("summary", has_text="Yank or delete").all():
        summary.click()
    inspect(owner)

    yank = section(owner, "Yank 1.0")
    yank.get_by_label("Reason, which everybody can read").fill("breaks on 3.13")
    yank.get_by_role("button").click()
    expect(owner.get_by_text("1.0 is yanked.")).to_be_visible()
    visitor.goto("/projects/spam/?version=1.0")
    expect(visitor.get_by_text("The reason given: breaks on 3.13")).to_be_visible()
    visitor.goto(PAGE)
    expect(visitor).to_have_url(visitor.url.split("/projects/")[0] + "/projects/spam/?version=1.0")
    click(owner, "Un-yank 1.0")
    expect(owner.get_by_text("1.0 is no longer yanked.")).to_be_visible()

    owner.locator("summary", has_text=SDIST).click()
    owner.get_by_label(f"Type “{SDIST}” to delete it for ever").fill("spam")
    click(owner, f"Delete {SDIST}")
    expect(owner.get_by_text("Nothing was deleted.")).to_be_visible()
    owner.locator("summary", has_text=SDIST).click()
    owner.get_by_label(f"Type “{SDIST}” to delete it for ever").fill(SDIST)
    click(owner, f"Delete {SDIST}")
    expect(owner.get_by_text(f"{SDIST} is deleted.")).to_be_visible()
    owner.get_by_label("Type “spam 1.0” to delete it for ever").fill("spam 1.0")
    click(owner, "Delete spam 1.0")
    expect(owner.get_by_text("the names of its files stay taken for ever")).to_be_visible()
    inspect(owner)
    visitor.goto("/projects/spam/")
    expect(visitor.get_by_role("heading", name="spam 0.9")).to_be_visible()
    owner.get_by_role("link", name="History of this project").click()
    expect(owner.get_by_text("A release was deleted.")).to_be_visible()
    inspect(owner)
    assert File.objects.get(filename=WHEEL).deleted_at is None


def test_a_maintainer_is_refused_whatever_they_send(signed_in: SignedIn, spam: Project) -> None:
    page = signed_in("kim")
    page.goto(PAGE)
    expect(page.get_by_text("Only an owner of the project can delete it.")).to_be_visible()
    expect(page.get_by_role("button", name="Delete spam 1.0")).to_have_count(0)
    forged = section(page, "Yank 1.0")
    forged.get_by_label("Reason, which everybody can read").evaluate(
        "one => { one.name = 'typed'; one.value = 'spam 1.0'; }"
    )
    forged.get_by_role("button").evaluate("one => { one.name = 'delete'; }")
    forged.get_by_role("button").click()
    expect(page.get_by_text("Only an owner of the project may delete this.")).to_be_visible()
    assert Release.objects.get(version="1.0").deleted_at is None
    page.goto("/projects/spam/settings/")
    expect(page.get_by_role("button", name="Change the status")).to_have_count(0)
    inspect(page)
    page.goto("/projects/spam/history/")
    expect(page.get_by_text("laptop")).to_have_count(0)


def test_an_owner_archives_and_everybody_reads_why(signed_in: SignedIn, spam: Project) -> None:
    owner, visitor = signed_in("ada"), signed_in("")
    owner.goto("/projects/spam/settings/")
    owner.get_by_label("Status", exact=True).select_option("archived")
    owner.get_by_label("Reason, which everybody can read").fill("moved to eggs")
    click(owner, "Change the status")
    expect(owner.get_by_text("The status of the project is changed.")).to_be_visible()
    visitor.goto("/projects/spam/")
    expect(visitor.get_by_text("This project is archived: it takes no new files.")).to_be_visible()
    inspect(visitor)


def test_a_stranger_who_was_invited_by_mail_accepts(signed_in: SignedIn, spam: Project) -> None:
    factories.make_user("lee")
    factories.make_user("eve")
    owner = signed_in("ada")
    owner.goto("/projects/spam/settings/")
    owner.get_by_label("Username or e-mail address").fill("lee@exmaple.org")
    click(owner, "Invite")
    expect(owner.locator("strong", has_text="lee@exmaple.org")).to_be_visible()
    click(owner, "Withdraw lee@exmaple.org")
    expect(owner.get_by_text("The invitation is withdrawn.")).to_be_visible()
    owner.get_by_label("Username or e-mail address").fill("lee@example.org")
    click(owner, "Invite")
    expect(owner.locator("strong", has_text="lee@example.org")).to_be_visible()
    inspect(owner)

    other = signed_in("eve")
    other.goto("/account/projects/")
    expect(other.get_by_role("button", name="Accept spam")).to_have_count(0)
    invited = signed_in("lee")
    invited.goto("/account/projects/")
    expect(invited.get_by_text("lee@example.org")).to_be_visible()
    inspect(invited)
    click(invited, "Accept spam")
    expect(invited.get_by_text("You accepted the invitation.")).to_be_visible()
    assert Role.objects.get(user__username="lee").accepted_at
    assert not MailInvitation.objects.exists()
    invited.goto(PAGE)
    expect(invited.get_by_text("Only people of the project see this page.")).to_be_visible()
