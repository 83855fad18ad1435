"""The public pages, and the desk's that need rare data, in a real browser: axe in light and dark, narrow and wide; a
virtual key on the status page.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db.models.functions import Now
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.mail import links
from accounts.mail.models import Link
from accounts.models import User
from common.clock import database_now
from recoverydesk.projects.models import Role
from recoverydesk.recovery.models import Claim, CodeHost, OtherProof, RecoveryTicket, Status
from tests import factories
from tests.accounts.browsing import PASSKEY, U2F_KEY, click, context_of, enrol_key, plug_in, quiet, sign_out
from tests.accounts.browsing import type_password as browser_types_password
from tests.accounts.conftest import PASSWORD
from tests.browser.pictures import shoot
from tests.recovery import decided
from tests.recovery.builders import (
    DAY,
    REASON,
    add_boundary,
    age_factors,
    as_staff,
    make_admin,
    make_ticket,
    status_link,
    stay_clear_of_midnight,
    stop_link,
)
from tests.recovery.test_held_roles_page import at_the_desk, hold

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


@pytest.fixture
def ada(db: None) -> User:
    return make_user("ada")


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
    with quiet(context) as page:
        plug_in(page, kind)
        browser_types_password(page, "ada")
        enrol_key(page, "blue key")
        sign_out(page)
        ticket = make_ticket(ada, mailbox_confirmed_at=ada.date_joined, **fields)
        page.goto(links.url(status_link(ticket)))
        if not fields:  # nothing of the kind is asked for, so it is folded away
            page.get_by_text("Something else that is bound to the account").click()
        click(page, "Show my security key")
        expect(page.get_by_text("This matches the account.")).to_be_visible()
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
        page.goto(links.url(status_link(make_ticket(ada, claim=Claim.EMAIL, contact="ada@new.example"))))
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


def plain(address: str) -> Make:
    return lambda ada: address


BOUND: dict[str, Any] = {"claim": Claim.EMAIL, "contact": "ada@new.example"}
PAGES: dict[str, tuple[Make, list[str]]] = {
    "form": (plain("/recover/"), ["Ask to get back in"]),
    "answer": (plain("/recover/received/"), []),
    "policy": (plain("/recover/policy/"), []),
    "dead link": (plain("/recover/status/1.none/"), []),
    "status, their turn": (status_page(), ["I have pushed them"]),
    "status, no repositories": (lambda ada: links.url(status_link(make_ticket(ada))), ["Yes, I asked for this"]),
    "status, disputed": (status_page(disputed_at=Now()), []),
    "status, blocked": (status_page(blocked_at=Now()), []),
    "status, frozen": (frozen, []),
    "status, new contact": (status_page(mailbox_confirmed_at=Now(), **BOUND), ["Offer this"]),
    "status, no tries left": (status_page(proof_failures=5, **BOUND), []),
    "status, waiting": (status_page(status=Status.WAITING), []),
    "status, ready": (status_page(status=Status.READY), []),
    "closed": (status_page(), ["I found it, close my request"]),
    "confirm": (confirming, ["Yes, this is my address"]),
    "stop": (stopping(Status.CHALLENGED), ["This wasn't me: stop it"]),
    "stop and freeze": (stopping(Status.WAITING), ["Somebody is in my account: stop and freeze"]),
    "object": (stopping(Status.COMPLETED), ["This wasn't me: freeze the account"]),
    "nothing to stop": (stopping(Status.REJECTED), []),
    "password": (choosing, ["Set the new password", "Start the 24 hours"]),
    "password, expired": (expired, ["Mail me a new link"]),
}

PICTURES = {
    "form": "recover-form", "status, their turn": "recover-status", "stop": "recover-stop",
    "password": "recover-password", "policy": "recover-policy",
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


def test_the_pages_of_who_is_signed_in_and_the_list_of_roles_on_hold_are_accessible(
    context: BrowserContext, live_server: LiveServer
) -> None:
    role = hold()
    hold("bob", days=3)
    kim = User.objects.get(username="kim")
    factories.add_role(factories.make_project("kims", kim), role.user)
    for person in (kim, role.user):
        add_boundary(make_ticket(person))
    people = {"/recover/mine/": kim, "/recover/beside/": kim}
    people["/admin/recovery/recoveryticket/held-roles/"] = make_admin()
    for path, user in people.items():
        desk = path.startswith("/admin/")
        browser = at_the_desk(user) if desk else Client()
        if not desk:
            browser.force_login(user)
        take_session(context, browser, live_server.url)
        with quiet(context) as page:
            page.goto(path)
            assert page.url.endswith(path)
            inspect(page)
    assert Role.objects.filter(held_at__isnull=False).count() == 2


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
    page.get_by_label("Most looks a day").fill("5000")
    page.get_by_label("Reason").fill("too short")
    page.evaluate("document.querySelectorAll('form').forEach(one => { one.noValidate = true; })")
    with page.expect_navigation():
        click(page, "Change the limits")
    expect(page.get_by_text("Ensure this value has at least 10 characters")).to_be_visible()
    inspect(page)
    page.get_by_label("Reason").fill(REASON)
    with page.expect_navigation():
        click(page, "Change the limits")
    expect(page.get_by_text("Done: the next round asks this host at that pace.")).to_be_visible()
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
