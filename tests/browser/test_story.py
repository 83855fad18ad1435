"""The whole story against the running stack: real mail, real pushes, real browsers, one reset."""

import re
from email.message import Message
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, expect

from recoverydesk.demo.logins import PASSWORD, REPOSITORIES
from tests.browser.people import Person
from tests.browser.stack import Stack, eventually, path_in
from tests.helpers.hosts import git

pytestmark = pytest.mark.browser
ADDRESS = "ada@example.org"
NEW_PASSWORD = "found-a-new-telephone"
MAKE_TOKEN = """
from accounts.models import User
from tokens.models import ApiToken
ApiToken.objects.create(user=User.objects.get(username="ada"), name="ci")
"""
SHOW_TOKEN = """
from tokens.models import ApiToken
print(ApiToken.objects.live().count(), ApiToken.objects.filter(held_at=None).count())
"""


def branch_in(text: str) -> str:
    found = re.search(r"^ +(000-recovery-[a-z2-7]{26})$", text, re.MULTILINE)
    assert found
    return found[1]


def test_from_a_lost_phone_to_signed_in_again(browser: Browser, stack: Stack, tmp_path: Path) -> None:
    before = Person(browser, stack, "ada")
    before.sign_in()
    codes = make_codes(before)
    stack.manage("shell", "-c", MAKE_TOKEN)
    pending = Person(browser, stack, "ada")
    pending.type_password()
    expect(pending.page.locator("input[name=code]")).to_be_visible()

    claimant = Person(browser, stack, "ada")
    ask(claimant)
    challenge = stack.mail(ADDRESS, "Show us")
    stop_link = path_in(challenge, "/recover/stop/")
    status_link = path_in(challenge, "/recover/status/")
    claimant.page.goto(status_link)
    expect(claimant.page.get_by_text("We have found it for 0 of 2 accounts or organisations.")).to_be_visible()
    push(stack, branch_in(challenge), tmp_path)
    claimant.click_button("I have created the branch")
    return_code = claimant.page.locator("code.big").inner_text()
    claimant.page.get_by_role("link", name="I have written it down").click()
    expect(claimant.page.get_by_text("We have found it for 2 of 2 accounts or organisations.")).to_be_visible()
    assert return_code not in claimant.page.content()

    admin = Person(browser, stack, "rosa")
    admin.sign_in()
    reset(admin)
    assert_old_ways_are_dead(before, pending, stack, codes[0])
    expect(claimant.page.get_by_text("Choose your new password: we mailed you the link.")).to_be_visible()

    chosen = path_in(stack.mail(ADDRESS, "Choose a new password"), "/recover/password/")
    choose_password(claimant, chosen, return_code)
    enrol(claimant)
    again = Person(browser, stack, "ada", NEW_PASSWORD)
    again.secret = claimant.secret
    again.sign_in()
    again.page.goto("/account/history/")
    expect(again.page.get_by_text("The account was recovered.").first).to_be_visible()

    claimant.page.goto(chosen)
    expect(claimant.page.get_by_role("heading", name="This link no longer works")).to_be_visible()
    claimant.page.goto(stop_link)
    expect(claimant.page.get_by_role("heading", name="Object to this recovery?")).to_be_visible()
    noise = [error for person in (before, pending, claimant, again) for error in person.errors]
    assert [error for error in noise if "404" not in error] == []
    assert admin.errors == []
    assert_no_mail_names_a_password(stack)


def make_codes(person: Person) -> list[str]:
    person.page.goto("/account/security/codes/")
    person.page.locator("main form button[type=submit]").first.click()
    shown = person.page.locator("ol.codes code")
    expect(shown).to_have_count(8)
    return shown.all_inner_texts()


def ask(person: Person) -> None:
    person.page.goto("/recover/")
    person.page.get_by_label("Username").fill("Ada")
    person.page.get_by_label("No: lost, or never saved").check()
    person.click_button("Ask to get back in")
    expect(person.page.get_by_role("heading", name="Request received")).to_be_visible()


def push(stack: Stack, branch: str, folder: Path) -> None:
    """The two commands of the mail, for each repository."""
    for name in REPOSITORIES:
        clone = folder / name.replace("/", "-")
        git(folder, "clone", "--quiet", "--depth", "1", f"{stack.code_host}/{name}", str(clone))
        git(clone, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")


def reset(admin: Person) -> None:
    """Wait for the objection window, open the ticket from the queue, reset, show the second factor for it."""

    def is_ready() -> None:
        admin.page.goto("/admin/recovery/recoveryticket/?queue=ready&q=ada")
        assert admin.page.locator("#result_list tbody tr th a").count() == 1

    eventually(is_ready)
    admin.page.locator("#result_list tbody tr th a").click()
    expect(admin.page.get_by_text("ends 1 session")).to_be_visible()
    admin.click_button("Reset second factors")
    expect(admin.page.get_by_text("Reset the second factors of ada.")).to_be_visible()
    admin.type_code()
    expect(admin.page.get_by_text("Done: second factors reset.")).to_be_visible()
    expect(admin.page.get_by_role("button", name="Reset second factors")).to_have_count(0)


def assert_old_ways_are_dead(before: Person, pending: Person, stack: Stack, code: str) -> None:
    """Session, pending sign-in (with a code that was good), password and token."""
    before.page.goto("/account/security/")
    expect(before.page.locator("input[name=password]")).to_be_visible()
    pending.type_code(code)
    expect(pending.page.locator("input[name=password]")).to_be_visible()
    pending.page.goto("/account/security/")
    expect(pending.page.locator("input[name=password]")).to_be_visible()
    before.type_password()
    expect(before.page.get_by_text("password you specified are not correct")).to_be_visible()
    expect(before.page.locator("input[name=password]")).to_be_visible()
    assert stack.manage("shell", "-v", "0", "-c", SHOW_TOKEN).split() == ["0", "0"]


def choose_password(person: Person, link: str, return_code: str) -> None:
    person.page.goto(link)
    person.page.get_by_label("Return code").fill("aaaa-bbbb-cccc-dddd")
    fill_passwords(person)
    person.click_button("Set the new password")
    expect(person.page.get_by_text("This is not the return code of this request.")).to_be_visible()
    person.page.get_by_label("Return code").fill(return_code.upper())
    fill_passwords(person)
    person.click_button("Set the new password")
    expect(person.page.get_by_text("Your new password is set.")).to_be_visible()


def fill_passwords(person: Person) -> None:
    person.page.get_by_label("New password:", exact=True).fill(NEW_PASSWORD)
    person.page.get_by_label("New password, again").fill(NEW_PASSWORD)


def enrol(person: Person) -> None:
    """The new password has signed them in, and the site leads to the page that adds an app."""
    person.is_signed_in()
    person.secret = "".join(person.page.locator("p.secret").inner_text().split())
    person.type_code(pyotp.TOTP(person.secret).now())
    expect(person.page.get_by_role("heading", name="Recovery codes")).to_be_visible()


def assert_no_mail_names_a_password(stack: Stack) -> None:
    """No mail of the story carries a password."""
    bodies = [decoded(part) for message in stack.mailbox.messages for part in message.walk()]
    assert any("/recover/password/" in body for body in bodies)
    assert not [body for body in bodies if PASSWORD in body or NEW_PASSWORD in body]


def decoded(part: Message) -> str:
    """The text of a part of a mail as a reader sees it, whatever its transfer encoding; "" for a container."""
    payload = part.get_payload(decode=True)
    return payload.decode(part.get_content_charset("utf-8")) if isinstance(payload, bytes) else ""
