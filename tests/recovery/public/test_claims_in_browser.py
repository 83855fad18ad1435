"""Each claim in a real browser, from the form to its end and to each refusal: every page a claimant can be on."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pyotp
import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.db.models.functions import Now
from django.dispatch import receiver
from django.test.signals import template_rendered
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.mail.models import Link
from accounts.models import User
from recoverydesk.recovery import policy, workflow
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import Claim, Source, Status
from recoverydesk.recovery.permissions import SYSTEM, signed_in
from tests.helpers import factories
from tests.helpers.attacker import admins_reset, days_pass, push, ticket
from tests.helpers.browser import click, context_of, inspect, quiet, shown_codes
from tests.helpers.files import ROOT
from tests.helpers.tickets import REASON, age_factors, as_staff, make_moderator
from tests.helpers.tour import clicks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]
HOME, NEW = "ada@example.org", "ada@new.example"
PHRASE = "an entirely new phrase"
STATED = clicks("claimant, from the form")  # from /recover/ to signed in with codes saved, links in mails included
CLICKS: dict[str, int] = {Claim.SECOND_FACTOR: STATED[0], Claim.EMAIL_AND_SECOND_FACTOR: STATED[1]}
# Pages of somebody else: who stops a request, who is signed in, who owns a project with them.
OTHERS = {"co_owners.html", "mine.html", "needed.html", "stop.html", "stopped.html"}
OURS = {path.name for path in (ROOT / "templates/recovery").glob("[!_]*.html")} - OTHERS
PLAYED: set[str] = set()
SEEN: set[str] = set()
LOOKED_AT: set[str] = set()


@receiver(template_rendered)
def _note(template: Any, **kwargs: Any) -> None:
    folder, _slash, name = (template.name or "").rpartition("/")
    if folder == "recovery":
        SEEN.add(name)


class Claimant:
    """Somebody with a browser and two mailboxes. Clicks are counted: in the page, and on links in mails."""

    def __init__(self, page: Page, site: str, claim: str) -> None:
        self.page, self.site, self.claim, self.clicks, self.code = page, site, claim, 0, ""
        self.contact = NEW if claim in policy.NEW_CONTACT else HOME

    def click(self, name: str) -> None:
        with self.page.expect_navigation():
            click(self.page, name)
        self.clicks += 1

    def choose(self, name: str, value: str) -> None:
        """Pick a radio button, which is a click unless it is picked already."""
        choice = self.page.locator(f"input[name={name}][value={value}]")
        self.clicks += 0 if choice.is_checked() else 1
        choice.check()

    def link(self, part: str) -> str:
        """The newest link of this kind in the contact's mailbox."""
        texts = "\n".join(str(one.body) for one in mail.outbox if self.contact in one.to)
        return str(re.findall(rf"{self.site}/recover/{part}/\S+", texts)[-1])

    def follow(self, part: str) -> None:
        self.page.goto(self.link(part))
        self.clicks += 1

    def says(self, text: str) -> None:
        """Wait for these words; whoever comes here first looks for faults of the page."""
        expect(self.page.get_by_role("main").get_by_text(text).first).to_be_visible()
        if text not in LOOKED_AT:
            inspect(self.page)
            LOOKED_AT.add(text)

    def ask(self) -> None:
        """By the form; what only the files know of an account is opened as the desk opens it."""
        self.page.goto("/recover/")
        self.says("Get back into your account")
        if self.claim in policy.UNVERIFIED:
            ada = User.objects.get(username="ada")
            workflow.open_ticket(subject=ada, claim=Claim(self.claim), contact=HOME, actor=SYSTEM, source=Source.FORM)
            works()
        else:
            self.fill_in_the_form()

    def fill_in_the_form(self) -> None:
        self.page.locator("input[name=username]").fill("ada")
        self.choose("claim", self.claim)
        self.choose("codes", "lost")
        self.page.locator("input[name=contact]").fill("" if self.claim == Claim.SECOND_FACTOR else self.contact)
        self.click("Ask to get back in")
        self.says("Request received")
        works()

    def confirm(self) -> None:
        """Click what the first mail leads to, and go on to the status page."""
        self.follow("status")
        if self.claim != Claim.SECOND_FACTOR:
            self.says("Did you ask for this?")
            self.click("Yes, this is my address")
            self.says("Address confirmed")
            self.keep_code()
            works()
            self.follow("status")
        else:
            self.says("How to create the branch")
            self.click("I have created the branch")
            self.says("Your return code")
            self.keep_code()

    def keep_code(self) -> None:
        shown = self.page.locator("#return-code")
        self.code = shown.inner_text() if shown.count() else ""
        assert bool(self.code) == (self.claim != Claim.UNVERIFIED_EMAIL)

    def prove(self) -> None:
        """The branch is there; a new address brings its password, too."""
        if self.claim in policy.NEW_CONTACT:
            self.choose("kind", "password")
            self.page.get_by_label("The password, token or code").fill(factories.PASSWORD)
            self.click("Send this proof")
            self.says("✔ current password")
        push()
        works()

    def reach_the_decision(self) -> None:
        self.says("Waiting period.")
        days_pass(31)
        self.page.reload()
        self.says("Our staff decide next.")

    def set_password(self) -> None:
        self.follow("password")
        self.says("Choose a new password")
        self.page.get_by_label("Return code").fill(self.code)
        self.page.get_by_label("New password", exact=False).first.fill(PHRASE)
        self.page.get_by_label("New password, again").fill(PHRASE)
        self.click("Set the new password")

    def type_code(self, button: str, digits: str) -> None:
        self.page.locator("input[name=code]").fill(digits)
        self.click(button)

    def enrol(self) -> None:
        """Add an app where the site leads, and show that the codes are saved."""
        secret = "".join(self.page.locator("#secret").inner_text().split())
        self.type_code("Turn it on", pyotp.TOTP(secret).now())
        self.click("Make new codes")
        self.type_code("I have saved them", shown_codes(self.page)[0])
        expect(self.page.get_by_text("Your recovery codes are saved.")).to_be_visible()


def works() -> None:
    """The desk does its rounds, however often this network has asked."""
    cache.clear()
    for _round in range(3):
        sweep.sweep()


@pytest.fixture(autouse=True)
def _nobody_looks_at_the_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recoverydesk.recovery.background.probe_rounds.probe_due", lambda: 0)


@pytest.fixture(params=Claim.values)
def claimant(
    request: pytest.FixtureRequest, browser: Browser, live_server: LiveServer, settings: Any, ada: User
) -> Iterator[Claimant]:
    """Ada's app is two months old and her project names a repository; where the claim says so, no address counts."""
    settings.BASE_URL = live_server.url
    factories.add_totp(ada)
    age_factors(ada)
    factories.make_project("tool", ada, urls=[("Source", "https://github.com/ada/tool")])
    if request.param in policy.UNVERIFIED:
        EmailAddress.objects.update(verified=False)
    context = context_of(browser, live_server.url)
    with quiet(context) as page:
        yield Claimant(page, live_server.url, request.param)
    context.close()


def test_each_claim_is_played_to_its_end(claimant: Claimant, ada: User) -> None:
    claimant.ask()
    claimant.confirm()
    claimant.prove()
    claimant.reach_the_decision()
    assert admins_reset() is not None
    works()
    claimant.says("Done on")
    if claimant.claim == Claim.UNVERIFIED_EMAIL:
        claimant.says("Your e-mail address is verified.")
    else:
        claimant.says("Choose your new password: we mailed you the link.")
        claimant.set_password()
        claimant.says("Your new password is set.")
        _back_in(claimant)
    PLAYED.add(claimant.claim)


def _back_in(claimant: Claimant) -> None:
    """Signed in, with an app and its codes saved; where the old app is kept, it is asked for."""
    if claimant.claim in policy.FACTORS:
        claimant.enrol()
        assert claimant.clicks == CLICKS.get(claimant.claim, claimant.clicks)
        claimant.page.goto(reverse("recover_held_tokens"))
        inspect(claimant.page)
    else:
        expect(claimant.page).to_have_url(re.compile("/account/second-factor/"))


# Refusals ------------------------------------------------------------------------------------------------------------


def reject(claimant: Claimant, ada: User) -> None:
    workflow.reject(ticket().pk, actor=as_staff(make_moderator()), reason=REASON)


def expire(claimant: Claimant, ada: User) -> None:
    days_pass(31)


def stop(claimant: Claimant, ada: User) -> None:
    workflow.stop(ticket().pk, actor=signed_in(ada, recent=True))


def withdraw(claimant: Claimant, ada: User) -> None:
    claimant.click("Yes, close my request")


REFUSALS: dict[Status, tuple[Callable[[Claimant, User], None], str]] = {
    Status.REJECTED: (reject, "Our staff could not confirm that it came from you."),
    Status.EXPIRED: (expire, "We waited for you"),
    Status.STOPPED: (stop, "Somebody stopped it with “This wasn't me”"),
    Status.WITHDRAWN: (withdraw, "You closed it on this page."),
}


@pytest.mark.parametrize("status", REFUSALS)
def test_each_claim_is_played_to_each_refusal(claimant: Claimant, ada: User, status: Status) -> None:
    refuse, words = REFUSALS[status]
    claimant.ask()
    claimant.confirm()
    page = claimant.link("status")
    refuse(claimant, ada)
    works()
    assert ticket().status == status
    claimant.page.goto(page)
    claimant.says(words)
    expect(claimant.page.get_by_role("main").locator("form")).to_have_count(0)


# The pages beside the way --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claimant", [Claim.SECOND_FACTOR.value], indirect=True)
def test_the_pages_beside_the_way_are_seen_too(claimant: Claimant, ada: User, settings: Any) -> None:
    claimant.page.goto("/recover/policy/")
    claimant.says("How long it takes")
    claimant.page.goto("/recover/status/1.nothing/")
    claimant.says("This link no longer works")
    claimant.ask()
    claimant.confirm()
    claimant.prove()
    claimant.reach_the_decision()
    assert admins_reset() is not None
    works()
    Link.objects.filter(purpose="choose_password").update(expires_at=Now())
    claimant.follow("password")
    claimant.says("This link has expired")
    claimant.click("Mail me a new link")
    claimant.says("A new link is on its way")
    settings.RECOVERY_HUMAN_RESET = False
    claimant.page.goto("/recover/")
    claimant.says("On this site, our staff do not reset accounts.")


def test_every_page_a_claimant_can_be_on_was_seen() -> None:
    """A new page fails here until some story leads to it."""
    if set(Claim.values) - PLAYED:
        pytest.skip("only some of the claims were played")
    assert not OURS - SEEN
