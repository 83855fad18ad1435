"""The moderators' workplace in real browsers: how many clicks, two people at once, keys."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.people import Person, ticket_of
from tests.browser.stack import Stack
from tests.helpers.desk import QUEUE
from tests.helpers.files import ROOT
from tests.helpers.tour import clicks

pytestmark = pytest.mark.browser


class Counted:
    """A page whose clicks are counted. Opening an address is none: that is where the day starts."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def click(self, target: Locator) -> None:
        target.click()
        self.clicks += 1

    def click_button(self, name: str) -> None:
        self.click(self.page.get_by_role("button", name=name, exact=True))


@pytest.fixture(scope="module")
def mira(browser: Browser, stack: Stack) -> Iterator[Person]:
    yield from _signed_in(Person(browser, stack, "mira"))


@pytest.fixture(scope="module")
def jon(browser: Browser, stack: Stack) -> Iterator[Person]:
    yield from _signed_in(Person(browser, stack, "jon"))


@pytest.fixture(scope="module")
def otto(browser: Browser, stack: Stack) -> Iterator[Person]:
    yield from _signed_in(Person(browser, stack, "otto"))


def _signed_in(person: Person) -> Iterator[Person]:
    person.sign_in()
    yield person
    person.close()


def open_ticket(stack: Stack, username: str) -> None:
    """A new ticket that waits for a moderator; one that is open stays as it is."""
    command = [sys.executable, "manage.py", "ticket", "open", "--user", username, "--claim", "second_factor"]
    environment = {**stack.environment, "RECOVERY_AUTO_CHALLENGE": "off"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


# Clicks --------------------------------------------------------------------------------------------------------------


def test_on_a_mismatch_the_right_reply_is_two_clicks_away(mira: Person, stack: Stack) -> None:
    desk = Counted(mira.page)
    desk.page.goto(ticket_of(mira.page, "cleo", queue="ours"))
    expect(desk.page.locator("#reply-template option:checked")).to_contain_text("fits this ticket")
    desk.click(desk.page.get_by_role("region", name="Next step").get_by_role("button", name=re.compile("^Preview")))
    expect(desk.page.locator("pre.mail")).to_contain_text("this account has no second factor")
    desk.click_button("Send this reply")
    expect(desk.page.get_by_text("The reply is on its way to the contact.")).to_be_visible()
    assert [desk.clicks] == clicks("claim does not match")
    text = stack.mail("cleo@example.org", "About your recovery request")
    assert "this account has no second factor" in text


@pytest.mark.thorough
def test_without_auto_challenge_the_moderator_clicks_once(mira: Person, stack: Stack) -> None:
    open_ticket(stack, "noor")
    desk = Counted(mira.page)
    desk.page.goto(ticket_of(mira.page, "noor"))
    desk.click_button("Ask for proof")
    expect(desk.page.locator(".badge.status-challenged")).to_be_visible()
    assert clicks("proved by branches, moderator") == [0, desk.clicks]


@pytest.mark.thorough
def test_with_auto_challenge_nobody_clicks_anything_before_the_reset(mira: Person) -> None:
    """Sam's ticket of the sample data was opened and answered by the desk itself."""
    mira.page.goto(ticket_of(mira.page, "sam"))
    expect(mira.page.locator(".badge.status-challenged")).to_be_visible()
    actors = mira.page.locator("#timeline li.line-event > strong").all_text_contents()
    assert set(actors) == {"system"}


def test_the_admin_clicks_once_and_shows_the_second_factor(otto: Person, mira: Person) -> None:
    address = ticket_of(otto.page, "eva")
    mira.page.goto(address)
    expect(mira.page.get_by_role("button", name="Reset second factors")).to_have_count(0)
    desk = Counted(otto.page)
    desk.page.goto(address)
    other = otto.context.new_page()
    other.goto(address)
    expect(desk.page.locator(".removes")).to_contain_text("This removes 1 authenticator app")
    desk.click_button("Reset second factors")
    expect(desk.page.get_by_text("Reset the second factors of eva.")).to_be_visible()
    otto.type_code()
    expect(desk.page.get_by_text("What the reset did")).to_be_visible()
    expect(desk.page.locator(".result")).to_contain_text("Removed: 1 authenticator app")
    assert [desk.clicks] == clicks("proved by branches, admin")
    click_again_in_every_way(otto, other)


def click_again_in_every_way(otto: Person, other: Page) -> None:
    """A second window, Back and reload change nothing and say who did it."""
    other.get_by_role("button", name="Reset second factors").click()
    expect(other.get_by_text("You had done this already, so it was not done again.")).to_be_visible()
    other.reload()
    expect(other.get_by_text("Reset by otto on").first).to_be_visible()
    other.close()
    otto.page.reload()
    expect(otto.page.get_by_text("Reset by otto on").first).to_be_visible()
    otto.page.go_back()
    again = otto.page.get_by_role("button", name="Reset second factors")
    if again.count():
        with otto.page.expect_navigation():
            again.click()
    otto.page.goto(ticket_of(otto.page, "eva"))
    otto.page.goto(f"{otto.page.url}?show=events")
    expect(otto.page.get_by_text("The account was recovered.")).to_have_count(1)


# Two people ----------------------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_two_people_take_two_tickets(mira: Person, jon: Person, stack: Stack) -> None:
    for name in ("kim", "lee"):
        open_ticket(stack, name)
    for person in (mira, jon):
        person.page.goto(QUEUE)
    mira.page.keyboard.press("n")
    jon.page.get_by_role("button", name="Take next ticket").click()
    for person in (mira, jon):
        expect(person.page).to_have_url(re.compile(r"/recoveryticket/\d+/"))
        expect(person.page.get_by_text("with you", exact=False).first).to_be_visible()
    assert mira.page.url != jon.page.url


@pytest.mark.thorough
def test_they_see_each_other_and_an_old_form_keeps_its_text(mira: Person, jon: Person, stack: Stack) -> None:
    open_ticket(stack, "lee")
    address = ticket_of(mira.page, "lee")
    with mira.page.expect_response(lambda answer: answer.request.method == "POST"):  # she says that she is here
        mira.page.goto(address)
    jon.page.goto(address)
    expect(jon.page.get_by_text("mira has this open", exact=False)).to_be_visible()
    mira.page.get_by_label("A note the claimant never sees").fill("I was in the middle of a thought")
    jon.page.get_by_label("A note the claimant never sees").fill("Mine was first")
    jon.click_button("Add note")
    expect(jon.page.get_by_text("Note added.")).to_be_visible()
    mira.click_button("Add note")
    expect(mira.page.get_by_role("alert")).to_contain_text("changed since you opened this page")
    expect(mira.page.get_by_role("alert")).to_contain_text("jon")
    expect(mira.page.get_by_label("A note the claimant never sees")).to_have_value("I was in the middle of a thought")
    mira.click_button("Add note")
    expect(mira.page.get_by_text("I was in the middle of a thought").first).to_be_visible()
    mira.errors.clear()


# Keys ----------------------------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_shortcuts_work_and_one_switch_turns_them_off(jon: Person) -> None:
    page = jon.page
    page.goto(ticket_of(page, "sam"))
    page.keyboard.press("r")
    expect(page.locator("#reply-template")).to_be_focused()
    page.goto(QUEUE)
    page.keyboard.press("/")
    expect(page.locator("#desk-search")).to_be_focused()
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_label("Use these shortcuts in this browser").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.reload()
    page.keyboard.press("/")
    expect(page.locator("#desk-search")).not_to_be_focused()
    page.get_by_role("button", name=re.compile("Keyboard shortcuts")).click()
    page.get_by_label("Use these shortcuts in this browser").check()


@pytest.mark.thorough
def test_a_ticket_is_worked_by_keyboard_alone(jon: Person) -> None:
    page = jon.page
    page.goto(ticket_of(page, "sam"))
    page.get_by_role("button", name="Check the repositories now").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("We check again now.")).to_be_visible()
