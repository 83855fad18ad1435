"""From what a person says they cannot do to the mail they get: the right request, or at once why there is none."""

from typing import Any

import pytest
from django.test import Client

from accounts import addresses, second_factors
from accounts.mail import rendering
from accounts.mail.models import Mail, Request
from accounts.models import User
from recoverydesk.recovery import notices, permissions, policy, workflow
from recoverydesk.recovery.background import intake, sweep
from recoverydesk.recovery.desk import replies
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status
from recoverydesk.recovery.workflow import seen_pages
from tests.helpers import factories
from tests.helpers.attacker import admins_reset, ask, days_pass, letters, mailed, push, ticket
from tests.helpers.desk import browser, page
from tests.helpers.tickets import REASON, add_address, as_staff, make_moderator

pytestmark = pytest.mark.django_db
NEW = "new@elsewhere.example"


def confirm(address: str) -> Any:
    """Press the button of the newest mail."""
    answer = Client().post(mailed(address, "status"), {"pushed": "1"}, follow=True)
    sweep.sweep()
    sweep.sweep()
    return answer


# An address never verified and a lost factor -------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["second_factor", "email_and_second_factor"])
def test_one_request_verifies_the_address_and_resets_the_factor(lost: str) -> None:
    kim = factories.make_unverified_with_app("kim")
    factories.make_project("tool", kim, urls=[("Source", "https://github.com/kim/tool")])
    ask("kim", lost, contact="" if lost == "second_factor" else "kim@example.org")
    assert ticket().claim == Claim.UNVERIFIED_AND_FACTOR
    confirm("kim@example.org")
    push()
    days_pass(8)
    outcome = admins_reset("grace")
    assert outcome is not None
    assert outcome.ticket.status == Status.COMPLETED
    assert addresses.primary(kim) == "kim@example.org"
    assert not second_factors.has_primary_factor(kim)
    sweep.sweep()
    assert mailed("kim@example.org", "password")


# A claim that policy can never grant ---------------------------------------------------------------------------------


@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("with_project", [True, False])
def test_a_lost_address_without_a_repository_is_answered_at_once(verified: bool, with_project: bool) -> None:
    kim = factories.make_user("kim", verified=verified)
    if with_project:
        factories.make_project("tool", kim, urls=[("Documentation", "https://docs.example.org/")])
    ask("kim", "email", NEW)
    if with_project and not verified:  # a person looks first: there is something to give away
        assert (ticket().status, letters(NEW)) == (Status.NEW, [])
        return
    (said,) = letters(NEW)
    assert "We cannot do that." in said
    assert ("no project" in said, "tell our staff which one" in said) == (not with_project, with_project)
    assert "/account/login/" in said
    assert "14 days" not in said
    assert "kim" not in said
    shown = Client().get(mailed(NEW, "status")).content.decode()
    assert "We cannot change the address of the account." in shown
    assert "kim" not in shown


def test_after_the_address_is_confirmed_page_and_mail_still_say_so_and_nothing_else_is_asked(ada: User) -> None:
    ask("ada", "email", NEW)
    confirm(NEW)
    assert len(letters(NEW)) == 2
    shown = Client().get(mailed(NEW, "status")).content.decode()
    assert "We cannot change the address of the account." in shown
    assert "You have something to do" not in shown
    assert "Send the message" in shown
    assert "Still missing" not in shown
    days_pass(4)
    days_pass(7)
    assert len(letters(NEW)) == 2, "there is nothing to remind them of"
    days_pass(4)
    assert ticket().status == Status.EXPIRED


def test_staff_see_that_it_cannot_be_granted_with_reject_and_the_fitting_reply(ada: User) -> None:
    ask("ada", "email", NEW)
    shown = browser(make_moderator()).get(page(ticket())).content.decode()
    assert "The rules do not allow this request" in shown
    assert "There is no repository to prove" in shown
    assert "Reject the request" in shown


def test_a_repository_that_staff_add_brings_it_back_into_reach(ada: User) -> None:
    factories.make_project("tool", ada, urls=[("Documentation", "https://docs.example.org/")])
    ask("ada", "email", NEW)
    confirm(NEW)
    workflow.add_boundary(
        ticket().pk, actor=as_staff(make_moderator()), url="https://github.com/ada/tool", reason=REASON
    )
    sweep.sweep()
    assert "000-recovery-" in letters(NEW)[-1]
    assert "We cannot change the address of the account." not in Client().get(mailed(NEW, "status")).content.decode()


def test_who_reads_the_primary_address_after_all_is_answered_there(ada: User) -> None:
    factories.add_app(ada)
    ask("ada", "email_and_second_factor", "ada@example.org")
    assert (ticket().claim, ticket().contact) == (Claim.SECOND_FACTOR, "ada@example.org")


# A stranger's mailbox learns nothing ---------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", ["email", "email_and_second_factor", "other"])
def test_an_address_typed_as_the_name_opens_no_door_to_a_new_contact(ada: User, claim: str) -> None:
    """Anybody could learn whom an address belongs to: the form says so by the shape of what was typed alone."""
    for typed in ("ada@example.org", "nobody@example.org"):
        given = {"username": typed, "claim": claim, "codes": "lost", "contact": NEW}
        assert b"Type your username, not an e-mail address" in Client().post("/recover/", given).content
    intake.note_request(username="ada@example.org", claim=claim, says_codes_lost=True, network="", contact=NEW)
    sweep.sweep()
    assert not RecoveryTicket.objects.exists()
    assert letters(NEW) == []


def test_an_address_typed_as_the_name_is_answered_at_the_account_s_own_addresses(ada: User) -> None:
    factories.add_app(ada)
    add_address(ada, "second@example.org")
    ask("ada@example.org")
    assert (ticket().claim, ticket().contact) == (Claim.SECOND_FACTOR, "ada@example.org")
    workflow.withdraw(ticket().pk, actor=permissions.claimant(notices.status_link(ticket())))
    ask("second@example.org", "email", "second@example.org")
    assert (ticket().claim, ticket().contact) == (Claim.EMAIL, "second@example.org")


@pytest.mark.parametrize("projects", [True, False])
@pytest.mark.parametrize("claim", ["email", "email_and_second_factor", "other"])
def test_no_mail_to_a_contact_that_nobody_confirmed_names_the_account(claim: str, projects: bool) -> None:
    """Whatever comes: asked, asked again, reminded, answered by staff, and closed in silence."""
    user = factories.make_user("zebedee")
    factories.add_app(user)
    if projects:
        factories.make_project("tool", user, urls=[("Source", "https://github.com/zebra/tool")])
    for _again in range(3):
        ask("zebedee", claim, NEW)
    reply(ticket())
    for days in (4, 7, 4):
        days_pass(days)
    assert ticket().status == Status.EXPIRED
    mails = Mail.objects.filter(recipient=NEW)
    assert mails.count() >= (3 if projects else 2)
    for one in mails:
        written = rendering.render(one, masked=True)
        assert "zebedee" not in (written.subject + written.text + written.html).lower(), one.kind
        assert "zebra" not in written.text, one.kind


def reply(current: RecoveryTicket) -> None:
    """A moderator sends the first canned reply that can be sent, as the desk's page offers it."""
    mod = make_moderator()
    draft = replies.fill(replies.FIRST_TEMPLATES[0][2], current)
    seen = seen_pages.seen_of_ticket(current)
    replies.send_reply(
        current.pk, actor=as_staff(mod), text=draft.text, seen=seen, previewed=replies.mark(current, draft, mod, seen)
    )


# An address that another account has verified ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_the_mailbox_of_another_account_is_told_what_to_do_whoever_was_named(ada: User, name: str) -> None:
    factories.make_user("bob")
    ask(name, "email", "bob@example.org")
    assert not RecoveryTicket.objects.exists()
    (said,) = letters("bob@example.org")
    assert "the address of your account bob" in " ".join(said.split())
    assert "ada" not in said
    assert letters("ada@example.org") == []


def test_that_mailbox_cannot_be_flooded(ada: User) -> None:
    factories.make_user("bob")
    for number in range(9):
        ask(f"name{number}", "email", "bob@example.org")
    assert len(letters("bob@example.org")) == 5


def test_one_s_own_further_address_and_an_unverified_claim_are_told_nothing(ada: User) -> None:
    add_address(ada, "second@example.org")
    add_address(factories.make_user("bob"), NEW, verified=False)
    ask("ada", "email", "second@example.org")
    ask("ada", "email", NEW)
    assert not Mail.objects.filter(kind=intake.IN_USE).exists()
    assert RecoveryTicket.objects.count() == 2


# What the release before wrote down ----------------------------------------------------------------------------------


def test_a_row_noted_by_the_release_before_is_still_read(db: None) -> None:
    factories.make_user("kim", verified=False)
    intake.note_request(
        username="kim", claim="unverified_email", says_codes_lost=True, network="", contact="kim@example.org"
    )
    sweep.sweep()
    assert ticket().claim == Claim.UNVERIFIED_EMAIL
    assert ticket().claim in policy.UNVERIFIED
    assert Request.objects.get().handled_at is not None
