"""The public pages, and the desk's that need rare data, in a real browser: axe in light and dark, narrow and wide; a
virtual key on the status page.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db.models.functions import Now
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect
from pytest_django.live_server_helper import LiveServer

from accounts.mail import links, outbox
from accounts.mail.models import Link, Mail
from accounts.models import RecoveryCodeDevice, TotpDevice, User
from common.clock import database_now
from recoverydesk.projects import holds
from recoverydesk.recovery import workflow
from recoverydesk.recovery.models import Claim, CodeHost, OtherProof, RecoveryTicket, Status
from tests.helpers import decided, factories
from tests.helpers.browser import PASSKEY, U2F_KEY, click, context_of, enrol_key, plug_in, quiet, sign_out
from tests.helpers.browser import type_password as browser_types_password
from tests.helpers.desk import browser as at_the_desk
from tests.helpers.factories import PASSWORD
from tests.helpers.pictures import shoot
from tests.helpers.tickets import (
    DAY,
    REASON,
    add_boundary,
    age_factors,
    as_staff,
    make_admin,
    make_ticket,
    prove,
    status_link,
    stay_clear_of_midnight,
    stop_link,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]
LOOKS = (("light", 375), ("dark", 1280))
Make = Callable[[User], str]


@pytest.fixture
def context(browser: Browser, live_server: LiveServer, settings: Any) -> Iterator[BrowserContext]:
    """A browser at the address the site believes to be its own."""
    settings.BASE_URL = live_server.url
    settings.OTP_WEBAUTHN_ALLOWED_ORIGINS = [live_server.url]
    made = context_of(browser, live_server.url)
    yield made
    made.close()


def make_user(username: str) -> User:
    """Somebody whose password the browser's helpers type."""
    user = factories.make_user(username)
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    return user


def inspect(page: Page) -> None:
    """No axe violation and no sideways scrolling, in each look."""
    for scheme, width in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark", reduced_motion="reduce")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{page.url} {width} {scheme}\n{found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (page.url, width)


# A key --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "fields"),
    [(PASSKEY, {"claim": Claim.EMAIL, "contact": "ada@new.example"}), (U2F_KEY, {})],
    ids=["a passkey, by a new contact", "an old key, by the account's own mailbox"],
)
def test_a_remaining_key_is_shown_on_the_status_page(
    context: BrowserContext, ada: User, kind: dict[str, Any], fields: dict[str, Any]
) -> None:
    TotpDevice.objects.filter(user=ada).delete()
    RecoveryCodeDevice.objects.filter(user=ada).delete()
    with quiet(context) as page:
        plug_in(page, kind)
        browser_types_password(page, "ada")
        enrol_key(page, "blue key")
        sign_out(page)
        age_factors(ada)  # a key of today is not bound to the account
        ticket = make_ticket(ada, mailbox_confirmed_at=ada.date_joined, **fields)
        add_boundary(ticket, "guild")
        page.goto(links.url(status_link(ticket)))
        if not fields:  # nothing of the kind is asked for, so it is folded away
            page.get_by_text("Other proof that the account is yours").click()
        click(page, "Show my security key")
        expect(page.get_by_text("This proof matches the account.")).to_be_visible()
        expect(page.get_by_text("✔ remaining second factor")).to_be_visible()
        expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()
    assert list(OtherProof.objects.values_list("kind", flat=True)) == ["factor"]
    assert not ada.sessions.exists()


def test_somebody_elses_key_is_refused_in_words(context: BrowserContext, ada: User) -> None:
    make_user("kim")
    with quiet(context) as page:
        plug_in(page, PASSKEY)
        browser_types_password(page, "kim")
        enrol_key(page, "blue key")
        sign_out(page)
        ticket = make_ticket(ada, claim=Claim.EMAIL, contact="ada@new.example")
        add_boundary(ticket, "guild")
        page.goto(links.url(status_link(ticket)))
        click(page, "Show my security key")
        expect(page.get_by_text("This does not match the account.")).to_be_visible()
    assert RecoveryTicket.objects.get().proof_failures == 1


# Every page as a person sees it -------------------------------------------------------------------------------------


def status_page(**fields: Any) -> Make:
    def make(ada: User) -> str:
        status = fields.pop("status", Status.CHALLENGED)
        ticket = make_ticket(ada, status, **fields)
        add_boundary(ticket, "ada")
        add_boundary(ticket, "a-guild-with-quite-a-long-name-as-some-have", proved=True)
        return links.url(status_link(ticket))

    return make


def frozen(ada: User) -> str:
    User.objects.filter(pk=ada.pk).update(frozen_at=Now(), frozen_by="staff")
    return status_page()(ada)


def confirming(ada: User) -> str:
    ticket = make_ticket(ada, claim=Claim.EMAIL, contact="ada@new.example")
    reference = ticket.reference
    return links.url(links.make_link("confirm_contact", ticket.contact, lifetime=DAY, user=ada, reference=reference))


def stopping(status: Status) -> Make:
    return lambda ada: links.url(stop_link(make_ticket(ada, status)))


def choosing(ada: User) -> str:
    ticket = make_ticket(ada, Status.READY)
    decided.reset(ticket.pk, actor=as_staff(make_admin("resetter")), reason=REASON)
    return links.url(Link.objects.get(purpose="choose_password"))


def expired(ada: User) -> str:
    url = choosing(ada)
    Link.objects.filter(purpose="choose_password").update(expires_at=Now())
    return url


def ended(status: Status, **fields: Any) -> Make:
    """The status link of a request that ended like this, and a mail about it."""

    def make(ada: User) -> str:
        ticket = make_ticket(ada, status, **fields)
        outbox.queue("recovery_closed", ticket.contact, reference=ticket.reference, dedupe="closed")
        Mail.objects.update(state=Mail.State.SENT, sent_at=Now())
        address = links.url(status_link(ticket))
        links.kill(reference=ticket.reference, purposes=["status"])
        return address

    return make


def plain(address: str) -> Make:
    return lambda ada: address


BOUND: dict[str, Any] = {"claim": Claim.EMAIL, "contact": "ada@new.example"}
PAGES: dict[str, tuple[Make, list[str]]] = {
    "form": (plain("/recover/"), ["Ask to get back in"]),
    "answer": (plain("/recover/received/"), []),
    "policy": (plain("/recover/policy/"), []),
    "dead link": (plain("/recover/status/1.none/"), []),
    "status, their turn": (status_page(), ["I have created the branch"]),
    "status, no repositories": (lambda ada: links.url(status_link(make_ticket(ada))), ["Yes, I asked for this"]),
    "status, disputed": (status_page(disputed_at=Now()), []),
    "status, frozen": (frozen, []),
    "status, new contact": (status_page(mailbox_confirmed_at=Now(), **BOUND), ["Send this proof"]),
    "status, no tries left": (status_page(proof_failures=5, **BOUND), []),
    "status, waiting": (status_page(status=Status.WAITING), []),
    "status, ready": (status_page(status=Status.READY), []),
    "closed": (status_page(), ["Yes, close my request"]),
    "done": (ended(Status.COMPLETED), []),
    "done, password set": (ended(Status.COMPLETED, password_chosen_at=Now()), []),
    "done, objected": (ended(Status.COMPLETED, objected_at=Now()), []),
    "rejected": (ended(Status.REJECTED), []),
    "expired": (ended(Status.EXPIRED), []),
    "stopped": (ended(Status.STOPPED), []),
    "withdrawn": (ended(Status.WITHDRAWN), []),
    "confirm": (confirming, ["Yes, this is my address"]),
    "stop": (stopping(Status.CHALLENGED), ["This wasn't me: stop it"]),
    "stop and freeze": (stopping(Status.WAITING), ["Somebody is in my account: stop and freeze"]),
    "object": (stopping(Status.COMPLETED), ["This wasn't me: freeze the account"]),
    "nothing to stop": (stopping(Status.REJECTED), []),
    "password": (choosing, ["Set the new password", "Go on without the code: wait 24 hours"]),
    "password, expired": (expired, ["Mail me a new link"]),
}

PICTURES = {
    "form": "recover-form", "status, their turn": "recover-status", "stop": "recover-stop",
    "password": "recover-password", "policy": "recover-policy", "done": "recover-done",
    "expired": "recover-closed",
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_every_public_page_and_what_its_button_leads_to_is_accessible(
    context: BrowserContext, ada: User, name: str
) -> None:
    make, buttons = PAGES[name]
    factories.add_totp(ada)
    age_factors(ada)
    with quiet(context) as page:
        address = make(ada)
        page.goto(address)
        expect(page.locator("h1")).to_have_count(1)
        if name in PICTURES:
            shoot(page, PICTURES[name])
        inspect(page)
        for button in buttons:
            page.goto(address)
            page.evaluate("document.querySelectorAll('[required]').forEach(one => one.removeAttribute('required'))")
            with page.expect_navigation():
                click(page, button)
            inspect(page)


NAME = "000-recovery-" + "a2" * 13
PLACES = [
    ("github.com", "https://github.com/ada/tool"), ("gitlab.com", "https://gitlab.com/ada/tool"),
    ("codeberg.org", "https://codeberg.org/ada/tool"), ("git.example", "https://git.example/ada/tool.git"),
]  # fmt: skip


def test_the_branch_name_is_filled_in_by_the_browser_and_sent_nowhere(context: BrowserContext, ada: User) -> None:
    """No request leaves while the name is typed, pasted, filled in and copied, and none that leaves later has it."""
    ticket = make_ticket(ada)
    for host, url in PLACES:
        row = add_boundary(ticket, host=host)
        row.repositories[0]["url"] = url
        row.save()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    with quiet(context) as page:
        page.goto(links.url(status_link(ticket)))
        own, sent = page.url, list[Request]()
        page.on("request", lambda one: sent.append(one))  # noqa: PLW0108
        _fill_in_and_copy(page)
        mark = own.partition("/recover/")[0] + "/static/accounts/icon.svg"
        assert [one.url for one in sent if one.url not in (own, mark)] == []  # it asks how the request stands
        assert {one.method for one in sent} <= {"GET"}
        with page.expect_navigation():
            click(page, "I have created the branch")
        assert "POST" in {one.method for one in sent}
        assert [one.url for one in sent if NAME in f"{one.url} {one.headers} {one.post_data or ''}"] == []
        kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
        assert NAME not in kept


def _fill_in_and_copy(page: Page) -> None:
    field, said = page.get_by_label("The branch name from our mail"), page.locator("#branch-said")
    for summary in page.locator("summary", has_text="With git").all():
        summary.click()
    field.press_sequentially("my-branch")
    expect(said).to_contain_text("This is not one of our branch names.")
    field.fill(f"  refs/heads/{NAME} ")
    expect(said).to_be_empty()
    shown = page.locator("pre code")
    assert all(text.endswith(f"refs/heads/{NAME}") or "clone" in text for text in shown.all_inner_texts())
    assert shown.count() == 3 * len(PLACES)
    page.locator("#anywhere-1 + p button").click()
    expect(page.locator("#copied")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == shown.first.inner_text()


def test_the_status_page_goes_on_by_itself_while_the_code_is_shown_and_to_the_end(
    context: BrowserContext, ada: User
) -> None:
    """Nobody reloads it: the branch is found, then staff reject; what was typed and the code stay where they are."""
    ticket = make_ticket(ada)
    row = add_boundary(ticket)
    with quiet(context) as page:
        page.goto(links.url(status_link(ticket)))
        with page.expect_navigation():
            click(page, "I have created the branch")
        code = page.locator("code.big").inner_text()
        page.get_by_label("Your message").fill("half a sentence")
        page.get_by_label("Your message").blur()
        prove(row)
        RecoveryTicket.objects.update(status=Status.WAITING, wait_until=Now() + DAY)
        expect(page.get_by_text("Waiting period.")).to_be_visible()
        expect(page.get_by_text("We have found it for 1 of 1 account or organisation.")).to_be_visible()
        expect(page.get_by_role("heading", name="How to create the branch")).to_have_count(0)
        expect(page.locator("code.big")).to_have_text(code)
        expect(page.get_by_label("Your message")).to_have_value("half a sentence")
        workflow.reject(ticket.pk, actor=as_staff(make_admin()), reason=REASON)
        expect(page.get_by_text("Your request is closed.")).to_be_visible()
        expect(page.locator("main form")).to_have_count(0)
        inspect(page)


def test_the_pages_of_who_is_signed_in_are_accessible(context: BrowserContext, live_server: LiveServer) -> None:
    """Ada's role rests, and kim, who owns the project with her, may let it act again."""
    ada, kim = factories.make_user("ada"), factories.make_user("kim")
    factories.add_role(factories.make_project("tool", ada), kim)
    holds.hold(ada, ["tool"], actor="system", ticket=make_ticket(ada, Status.COMPLETED).pk)
    User.objects.filter(pk=ada.pk).update(quarantined_at=database_now())
    for person in (kim, ada):
        add_boundary(make_ticket(person))
    for user in (kim, ada):
        for path in ("/recover/mine/", "/recover/beside/"):
            browser = Client()
            browser.force_login(user)
            take_session(context, browser, live_server.url)
            with quiet(context) as page:
                page.goto(path)
                assert page.url.endswith(path)
                inspect(page)


def take_session(context: BrowserContext, browser: Client, url: str) -> None:
    """Go on in this browser where the test client has signed in."""
    context.clear_cookies()
    context.add_cookies([{"name": "session", "value": browser.cookies["session"].value, "url": url}])


def test_the_pages_of_a_code_host_that_had_its_looks_are_accessible(
    context: BrowserContext, live_server: LiveServer
) -> None:
    stay_clear_of_midnight()
    CodeHost.objects.create(
        host="git.example", origin="https://git.example", described=False, asked=2_000, asked_on=database_now().date()
    )
    ticket = make_ticket(factories.make_user("ada"))
    add_boundary(ticket)
    take_session(context, at_the_desk(make_admin()), live_server.url)
    page = context.new_page()  # whose console tests/browser/test_desk_buttons.py hears: axe makes it speak
    page.goto(f"/admin/recovery/recoveryticket/{ticket.pk}/change/")
    inspect(page)
    with page.expect_navigation():
        page.get_by_role("link", name="The code host").click()
    inspect(page)
    with page.expect_navigation():
        page.get_by_role("link", name="Change the limits").click()
    page.get_by_label("Checks a day, at most").fill("5000")
    page.get_by_label("Reason").fill("too short")
    page.evaluate("document.querySelectorAll('form').forEach(one => { one.noValidate = true; })")
    with page.expect_navigation():
        click(page, "Change the limits")
    expect(page.get_by_text("Ensure this value has at least 10 characters")).to_be_visible()
    inspect(page)
    page.get_by_label("Reason").fill(REASON)
    with page.expect_navigation():
        click(page, "Change the limits")
    expect(page.get_by_text("Saved. The next check of this host follows these limits.")).to_be_visible()
    inspect(page)


def test_the_page_that_asks_for_the_second_factor_of_a_decision_is_accessible(
    context: BrowserContext, live_server: LiveServer
) -> None:
    ticket = make_ticket(factories.make_user("ada"), Status.READY)
    take_session(context, at_the_desk(make_admin()), live_server.url)
    with quiet(context) as page:
        page.goto(f"/admin/recovery/recoveryticket/{ticket.pk}/change/")
        with page.expect_navigation():
            click(page, "Reset second factors")
        expect(page.get_by_role("article")).to_contain_text("Reset the second factors of ada.")
        inspect(page)
        page.locator("#id_code").fill("000000")
        with page.expect_navigation():
            click(page, "Decide")
        expect(page.get_by_text("That code is not right")).to_be_visible()
        inspect(page)
