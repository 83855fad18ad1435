"""Every weighty button of the desk, clicked by the people it takes, and what the pages look like meanwhile."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.people import Person, ticket_of
from tests.browser.stack import Stack, eventually
from tests.helpers.desk import QUEUE
from tests.helpers.pictures import shoot

pytestmark = [pytest.mark.browser, pytest.mark.thorough]
REASON = "looked at the evidence myself"
LET_THE_WAIT_END = """
from datetime import timedelta
from django.db.models.functions import Now
from recoverydesk.recovery.models import RecoveryTicket
found = RecoveryTicket.objects.filter(subject__username="nils", status="waiting")
print(found.update(wait_until=Now() - timedelta(seconds=1)))
"""


@pytest.fixture(scope="module")
def desk(browser: Browser, stack: Stack) -> Iterator[dict[str, Person]]:
    """Two moderators and two admins, signed in."""
    people = {name: Person(browser, stack, name) for name in ("mira", "jon", "rosa", "otto")}
    for person in people.values():
        person.sign_in()
    yield people
    for person in people.values():
        person.close()


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def click_and_read(person: Person, name: str, says: str, *, inside: Locator | None = None) -> None:
    """Click a button, show the second factor if it is asked for, and wait for what the desk says."""
    (inside or person.page.locator("#content")).get_by_role("button", name=name, exact=True).click()
    code, said = person.page.locator("input[name=code]"), person.page.get_by_text(says).first
    expect(code.or_(said).first).to_be_visible()
    if code.count():
        person.type_code()
    expect(said).to_be_visible()


def unfold(page: Page, summary: str) -> None:
    """Open a folded part with the keyboard."""
    page.locator("summary", has_text=re.compile(rf"^\s*{summary}\s*$")).focus()
    page.keyboard.press("Enter")


def form_of(page: Page, name: str) -> Locator:
    """The form whose button has this name."""
    return page.locator("form").filter(has=button(page, name))


# Buttons -------------------------------------------------------------------------------------------------------------


def test_an_exception_takes_two_people(desk: dict[str, Person]) -> None:
    mira, jon = desk["mira"], desk["jon"]
    address = ticket_of(mira.page, "sam")
    mira.page.goto(address)
    unfold(mira.page, "Ask for an exception")
    mira.page.get_by_label("Repository owner", exact=True).select_option(label="git.example.org/hidden")
    mira.page.get_by_label("Why you believe the claimant").select_option(value="dead_host")
    form_of(mira.page, "Ask somebody else to accept it").get_by_label("Reason").fill(REASON)
    click_and_read(
        mira, "Ask somebody else to accept it", "You asked for an exception. Another person has to decide it."
    )
    expect(button(mira.page, "Approve the exception")).to_have_count(0)
    jon.page.goto(address)
    expect(jon.page.get_by_text("exception asked")).to_be_visible()
    jon.page.get_by_label("Accept git.example.org/hidden without proof? Reason").fill(REASON)
    click_and_read(
        jon,
        "Approve the exception",
        "The exception is approved, so the claimant needs no proof for this repository owner.",
    )
    expect(jon.page.locator(".boundary .badge.flag", has_text="no proof needed")).to_be_visible()


def test_a_boundary_is_added(desk: dict[str, Person], stack: Stack) -> None:
    mira = desk["mira"]
    mira.page.goto(ticket_of(mira.page, "sam"))
    unfold(mira.page, "More")
    form = form_of(mira.page, "Add this repository")
    form.get_by_label("Address of one more repository that the claimant has to prove").fill(
        f"{stack.code_host}/extra/thing"
    )
    form.get_by_label("Reason").fill(REASON)
    click_and_read(mira, "Add this repository", "Added. The claimant has to prove this repository, too.")
    expect(mira.page.get_by_role("heading", name=f"{stack.code_host.removeprefix('http://')}/extra")).to_be_visible()


def test_a_ticket_is_disputed(desk: dict[str, Person]) -> None:
    jon = desk["jon"]
    jon.page.goto(ticket_of(jon.page, "kofi"))
    unfold(jon.page, "More")
    form_of(jon.page, "Dispute: wait longer, two people decide").get_by_label("Reason").fill(REASON)
    click_and_read(jon, "Dispute: wait longer, two people decide", "The ticket is disputed")
    expect(jon.page.locator("#head .badge.flag", has_text="disputed")).to_be_visible()
    expect(button(jon.page, "Dispute: wait longer, two people decide")).to_have_count(0)


def test_two_people_approve_and_reset_with_the_typed_name(desk: dict[str, Person], stack: Stack) -> None:
    """One boundary was proved by a branch, the other one accepted: seven days, and two admins."""
    rosa, otto = desk["rosa"], desk["otto"]
    address = ticket_of(otto.page, "nils")
    eventually(lambda: _waits_no_more(stack), within=300)
    eventually(lambda: _shows(otto, address, ".badge.status-ready"), within=300)
    expect(button(otto.page, "Reset second factors")).to_have_count(0)
    typed = otto.page.get_by_label("To confirm, type the name of the account")
    typed.fill("somebody")
    click_and_read(otto, "Approve", "Type the username of the account exactly")
    expect(typed).to_have_value("somebody")
    typed.fill("nils")
    click_and_read(otto, "Approve", "Approved. Another admin has to reset.")
    rosa.page.goto(address)
    expect(rosa.page.get_by_text("otto approved on")).to_be_visible()
    rosa.page.get_by_label("To confirm, type the name of the account").fill("nils")
    shoot(rosa.page, "desk-reset")
    click_and_read(rosa, "Reset second factors", "What the reset did")
    expect(rosa.page.locator(".result")).to_contain_text("Removed: 1 authenticator app")
    shoot(rosa.page, "desk-reset-done")


def _waits_no_more(stack: Stack) -> None:
    assert stack.manage("shell", "-v", "0", "-c", LET_THE_WAIT_END).strip() == "1"


def _shows(person: Person, address: str, what: str) -> None:
    person.page.goto(address)
    assert person.page.locator(what).count()


def test_the_ticket_says_which_role_rests_and_until_when(desk: dict[str, Person]) -> None:
    """The role in the project whose boundary was accepted without proof."""
    page = desk["rosa"].page
    page.goto(ticket_of(page, "nils"))
    panel = page.get_by_role("region", name="Roles on hold after this ticket")
    expect(panel).to_contain_text("nest-egg, owner: on hold since")


def test_who_is_named_in_a_note_sees_it_until_it_is_read(desk: dict[str, Person]) -> None:
    jon = desk["jon"]
    jon.page.goto("/admin/")
    jon.page.get_by_role("region", name="You are named in staff notes").get_by_role("link", name="kofi").click()
    expect(jon.page.locator("#timeline li:target")).to_contain_text("is this the same person?")
    click_and_read(jon, "Mark as read", "Marked as read.")
    jon.page.goto("/admin/")
    expect(jon.page.get_by_role("heading", name="What waits for staff")).to_be_visible()
    expect(jon.page.get_by_text("You are named in staff notes")).to_have_count(0)


def test_a_view_is_saved_and_removed(desk: dict[str, Person]) -> None:
    mira = desk["mira"]
    mira.page.goto(f"{QUEUE}?queue=all&flag=disputed")
    unfold(mira.page, "Save this view")
    mira.page.get_by_label("Name, for you alone").fill("disputed anywhere")
    click_and_read(mira, "Save", "Saved as “disputed anywhere”.")
    mira.page.goto(QUEUE)
    mira.page.get_by_role("link", name="disputed anywhere").click()
    expect(mira.page.locator("#result_list tbody tr", has_text="olga")).to_be_visible()
    click_and_read(mira, "Remove the view “disputed anywhere”", "The saved view is removed.")
    expect(mira.page.get_by_role("link", name="disputed anywhere")).to_have_count(0)


# Keys ----------------------------------------------------------------------------------------------------------------

STOP_POLLING = """() => {  // else it swaps what was numbered for fresh HTML
  const last = window.setTimeout(() => 0);
  for (let timer = 1; timer <= last; timer++) window.clearTimeout(timer);
  window.setTimeout = () => 0;
}"""
NUMBER_THEM = """() => {
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  const found = document.querySelectorAll("#content :is(a[href], button, select, textarea, summary, input)");
  const seen = [...found].filter((one) => one.type !== "hidden" && one.checkVisibility());
  seen.forEach((one, number) => { one.dataset.number = String(number); });
  return seen.length;
}"""
FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none";
  return [one.dataset.number ?? "", ring, one.outerHTML.slice(0, 120)];
}"""


def test_every_action_of_the_ticket_page_is_reached_by_tab_and_shows_it(desk: dict[str, Person]) -> None:
    page = desk["mira"].page
    page.goto(ticket_of(page, "sam"))
    page.evaluate(STOP_POLLING)
    page.keyboard.press("Tab")
    expect(page.locator(".skip-to-content-link")).to_be_focused()
    page.keyboard.press("Enter")
    wanted = page.evaluate(NUMBER_THEM)
    reached, without_ring = set(), []
    for _step in range(2 * wanted):
        page.keyboard.press("Tab")
        number, ring, html = page.evaluate(FOCUSED)
        if number:
            reached.add(number)
        if not ring and not html.startswith("<body"):  # past the last one the page itself has the focus
            without_ring.append(html)
    assert without_ring == []
    assert len(reached) == wanted > 30


# Looks ---------------------------------------------------------------------------------------------------------------

KINDS = {
    "proved": "eva", "mismatch": "cleo", "excepted": "nils", "disputed": "olga", "objected": "pia", "frozen": "quin",
    "new-contact": "kofi", "unverified": "maya", "staff": "rene", "ticket": "sam",
}  # fmt: skip

EVERY_WAY = ("desk-ticket", "desk-dashboard", "desk-queue", "desk-account", "desk-settings", "desk-templates")
LOOKS = (("light", 1280), ("dark", 1280), ("light", 375), ("dark", 375))


def pages(person: Person) -> dict[str, str]:
    """Every page of the desk by the name of its picture."""
    found = {f"desk-{kind}": ticket_of(person.page, name) for kind, name in KINDS.items()}
    person.page.goto(found["desk-ticket"])
    account = str(person.page.get_by_role("link", name="the account").get_attribute("href"))
    person.page.goto("/admin/recovery/replytemplate/")
    template = str(person.page.locator("#result_list tbody a").first.get_attribute("href"))
    person.page.goto("/admin/recovery/codehost/")
    host = str(person.page.get_by_role("link", name="git.example.org", exact=True).get_attribute("href")).split("?")[0]
    return found | {
        "desk-dashboard": "/admin/", "desk-queue": QUEUE, "desk-queue-all": f"{QUEUE}?queue=all",
        "desk-account": account, "desk-settings": f"{QUEUE}settings/",
        "desk-templates": "/admin/recovery/replytemplate/",
        "desk-template": template,
        "desk-code-hosts": "/admin/recovery/codehost/",
        "desk-code-host": host, "desk-host-limits": host.replace("/change/", "/limits/"),
        "desk-log": "/admin/audit/event/", "desk-statistics": "/admin/statistics/figures/",
    }  # fmt: skip


def test_no_page_of_the_desk_has_a_fault_in_light_and_dark_wide_and_narrow(desk: dict[str, Person]) -> None:
    rosa = desk["rosa"]
    found = []
    for name, path in pages(rosa).items():
        for scheme, width in LOOKS if name in EVERY_WAY else LOOKS[::3]:
            found += [f"{name} {scheme} {width}: {wrong}" for wrong in faults(rosa, path, scheme, width)]
            shoot(rosa.page, name, scheme, width)
    assert found == []


def faults(person: Person, path: str, scheme: str, width: int) -> list[str]:
    page = person.page
    person.errors.clear()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(path)
    wrong = list(person.errors)  # before axe, which tries an inline style of its own on forms
    wrong += [f"{one['id']} {one['nodes'][0]['html'][:120]}" for one in Axe().run(page).response["violations"]]
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        wrong.append("scrolls sideways")
    return wrong


def test_a_reply_is_previewed_and_the_keys_are_explained(desk: dict[str, Person]) -> None:
    mira = desk["mira"]
    mira.page.goto(ticket_of(mira.page, "cleo"))
    button(mira.page, "Preview the reply").click()
    expect(mira.page.locator("pre.mail")).to_be_visible()
    shoot(mira.page, "desk-reply")
    mira.page.goto(QUEUE)
    mira.page.keyboard.press("?")
    expect(mira.page.get_by_role("dialog")).to_be_visible()
    shoot(mira.page, "desk-keys")
