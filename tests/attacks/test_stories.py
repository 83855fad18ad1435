"""The stories in which the desk could be fooled: nobody gets in, and the honest owner always gets back."""

from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from accounts.mail.models import Link, Mail
from accounts.models import TotpDevice, User
from accounts.services import unfreeze
from recoverydesk.recovery import errors, workflow
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import Claim, RecoveryTicket, Source, Status
from tests.helpers import decided, factories
from tests.helpers.attacker import account, admins_reset, ask, confirm, days_pass, letters, mailed, offer, push, ticket
from tests.helpers.links import branch_in
from tests.helpers.tickets import age_factors, as_staff, everything, make_admin

pytestmark = pytest.mark.django_db
PHRASE = "an entirely new phrase"


def gets_back(code: str, address: str = "ada@example.org") -> None:
    """The owner chooses a password with the mailed link and the return code."""
    sweep.sweep()
    page = Client().post(mailed(address, "password"), {"code": code, "password": PHRASE, "again": PHRASE})
    assert page.status_code == 302
    assert User.objects.get(username="ada").check_password(PHRASE)


def sign_in(user: User, secret: str) -> Client:
    browser = Client()
    browser.post("/account/login/", {"login": user.username, "password": factories.PASSWORD})
    browser.post("/account/second-factor/", {"code": factories.code(secret)})
    assert "_auth_user_id" in browser.session
    return browser


# An owner with a factor-bearing intruder ----------------------------------------------------------------------------


@pytest.mark.parametrize("button", ["withdraw", "stop", "lock"])
@pytest.mark.thorough
def test_an_intruder_with_a_second_factor_of_their_own_cannot_stop_the_owner(ada: User, button: str) -> None:
    secret = factories.add_totp(ada, "intruder's")[1]
    ask()
    code = confirm()
    browser = sign_in(ada, secret)
    browser.post("/recover/mine/", {"ticket": ticket().pk, button: "1"})
    assert (ticket().is_open, ticket().disputed_at is not None, ticket().signed_in_at) == (True, True, None)
    push()
    assert ticket().status == Status.WAITING
    days_pass(6.9)
    assert ticket().status == Status.WAITING
    days_pass(0.2)
    assert ticket().status == Status.READY
    assert admins_reset("grace") is None
    outcome = admins_reset("anna", "rosa")
    assert outcome is not None
    assert not TotpDevice.objects.filter(user=ada).exists()
    gets_back(code)
    assert browser.get("/account/security/").status_code == 302


@pytest.mark.thorough
def test_an_intruder_who_says_nothing_holds_the_owner_up_for_fourteen_days_and_no_longer(ada: User) -> None:
    secret = factories.add_totp(ada, "intruder's")[1]
    age_factors(ada)
    ask()
    confirm()
    browser = sign_in(ada, secret)
    assert ticket().signed_in_at is not None
    push()
    assert ticket().status == Status.WAITING
    days_pass(10)
    browser.post("/account/logout/")
    TotpDevice.objects.filter(name="intruder's").delete()
    sign_in(ada, age_and_give(ada))
    days_pass(3.9)
    assert ticket().status == Status.WAITING
    days_pass(0.2)
    assert ticket().status == Status.READY
    assert admins_reset("grace") is None
    outcome = admins_reset("anna", "rosa")
    assert outcome is not None
    assert outcome.removed is not None


def age_and_give(user: User) -> str:
    """Another old app of theirs, with a code not used yet."""
    secret = factories.add_totp(user, "intruder's other")[1]
    age_factors(user)
    return secret


# A hostile secondary address -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("button", ["stop", "lock"])
@pytest.mark.thorough
def test_a_hostile_secondary_address_stops_once_and_then_only_disputes(ada: User, button: str) -> None:
    ask()
    Client().post(mailed("ada@second.example", "stop"), {button: "1"})
    assert ticket().status == Status.STOPPED
    ada.refresh_from_db()
    if ada.frozen_at:
        unfreeze(ada, actor="system", reason="staff looked at it")
    mail.outbox.clear()
    ask()
    second = ticket()
    page = Client().post(mailed("ada@second.example", "stop"), {button: "1"}, follow=True)
    assert b"We have your objection" in page.content
    assert (second.pk, ticket().is_open, ticket().disputed_at is not None) == (ticket().pk, True, True)
    ada.refresh_from_db()
    assert ada.frozen_at is None
    code = confirm()
    push()
    days_pass(7.1)
    assert ticket().status == Status.READY
    assert admins_reset("grace") is None
    assert admins_reset("anna", "rosa") is not None
    sweep.sweep()
    page = Client().post(mailed("ada@second.example", "stop"), {"stop": "1"})
    ada.refresh_from_db()
    assert ada.frozen_at is None
    gets_back(code)


def test_a_hostile_secondary_address_cannot_take_the_account_as_a_new_contact(ada: User) -> None:
    before = account(ada)
    ask(claim="email", contact="ada@second.example")
    Client().post(mailed("ada@second.example", "status"), {"pushed": "1"})
    push()
    days_pass(40)
    assert admins_reset() is None
    assert account(ada) == before


# A feuding co-owner --------------------------------------------------------------------------------------------------


def co_owner(ada: User) -> Client:
    kim = factories.make_user("kim")
    factories.add_role(ada.roles.get().project, kim)
    return sign_in(kim, factories.add_totp(kim)[1])


@pytest.mark.thorough
def test_a_feuding_co_owner_delays_by_seven_days_however_often_they_object(ada: User) -> None:
    browser = co_owner(ada)
    ask()
    code = confirm()
    push()
    for _again in range(3):
        days_pass(2)
        browser.post("/recover/beside/", {"ticket": ticket().pk, "object": "1", "reason": "they left the project"})
    assert ticket().status == Status.WAITING
    days_pass(3.1)
    assert ticket().status == Status.READY
    assert admins_reset() is not None
    gets_back(code)


def objections_after_an_approval(object_again: Callable[[], object]) -> int:
    """Somebody objects again and again between the approval and the reset; how many approvals are alive then."""
    decided.approve(ticket().pk, actor=as_staff(make_admin("anna")), reason="looked at the evidence")
    seen = ticket().version
    for _again in range(3):
        object_again()
        sweep.sweep()
    assert (ticket().status, ticket().version) == (Status.READY, seen)
    return ticket().approvals.filter(dead_at=None).count()


@pytest.mark.thorough
def test_a_co_owner_who_goes_on_objecting_ends_no_approval(ada: User) -> None:
    browser = co_owner(ada)
    ask()
    code = confirm()
    push()
    said = {"ticket": ticket().pk, "object": "1", "reason": "they left the project"}
    browser.post("/recover/beside/", said)
    days_pass(7.1)
    assert objections_after_an_approval(lambda: browser.post("/recover/beside/", said)) == 1
    decided.reset(ticket().pk, actor=as_staff(make_admin("rosa")), reason="looked at the evidence")
    gets_back(code)


@pytest.mark.thorough
def test_a_hostile_secondary_address_that_goes_on_objecting_ends_no_approval(ada: User) -> None:
    ask()
    Client().post(mailed("ada@second.example", "stop"), {"stop": "1"})
    mail.outbox.clear()
    ask()
    link = mailed("ada@second.example", "stop")
    Client().post(link, {"stop": "1"})
    code = confirm()
    push()
    days_pass(7.1)
    assert objections_after_an_approval(lambda: Client().post(link, {"stop": "1"})) == 1
    decided.reset(ticket().pk, actor=as_staff(make_admin("rosa")), reason="looked at the evidence")
    gets_back(code)


def test_a_co_owner_who_is_staff_decides_nothing(ada: User) -> None:
    kim = make_admin("kim")
    factories.add_role(ada.roles.get().project, kim)
    ask()
    confirm()
    boundary = ticket().boundaries.get()
    for answer in (
        lambda: decided.ask_exception(
            ticket().pk, actor=as_staff(kim), boundary_id=boundary.pk, other_proof="other", reason="I know them well"
        ),
        lambda: decided.approve(ticket().pk, actor=as_staff(kim), reason="I know them well"),
        lambda: workflow.open_ticket(
            subject=ada, claim=Claim.EMAIL, actor=as_staff(kim), source=Source.STAFF, contact="x@example.com"
        ),
    ):
        with pytest.raises(errors.CoOwnedTicket):
            answer()


def test_a_co_owners_word_is_not_bound_to_the_account(ada: User) -> None:
    before, browser = account(ada), co_owner(ada)
    ask(claim="email", contact="thief@example.com")
    confirm_contact("thief@example.com")
    push()
    browser.post("/recover/beside/", {"ticket": ticket().pk, "vouch": "1"})
    assert ticket().other_proofs.get().kind == "co_owner"
    days_pass(13)
    assert ticket().status == Status.CHALLENGED
    assert admins_reset() is None
    assert account(ada) == before


def confirm_contact(address: str) -> str:
    """Click the button behind the confirming link; the branch token is mailed after that."""
    page = Client().post(mailed(address, "status"), {"pushed": "1"}, follow=True)
    sweep.sweep()
    sweep.sweep()
    return str((page.context or {}).get("return_code", ""))


# New contacts --------------------------------------------------------------------------------------------------------


def test_a_new_contact_gets_nothing_but_its_confirming_link_until_it_confirms(ada: User) -> None:
    ask(claim="email_and_second_factor", contact="new@example.com")
    (letter,) = letters("new@example.com")
    assert letter.count("/recover/") == 1
    assert "000-recovery-" not in letter
    assert "github.com" not in letter
    page = Client().get(mailed("new@example.com", "status")).content.decode()
    assert "github.com" not in page
    for address in ("ada@example.org", "ada@second.example"):
        assert "/recover/stop/" in letters(address)[-1]
    confirm_contact("new@example.com")
    assert "000-recovery-" in letters("new@example.com")[-1]
    assert not any("000-recovery-" in one for address in ("ada@example.org",) for one in letters(address))


def test_the_owner_who_lost_everything_but_the_password_gets_back_after_fourteen_days(ada: User) -> None:
    ask(claim="email_and_second_factor", contact="new@example.com")
    code = confirm_contact("new@example.com")
    offer("password", "not this one", "new@example.com")
    assert ticket().proof_failures == 1
    offer("password", factories.PASSWORD, "new@example.com")
    push()
    assert ticket().status == Status.WAITING
    days_pass(13.9)
    assert ticket().status == Status.WAITING
    days_pass(0.2)
    assert ticket().status == Status.READY
    assert admins_reset("grace") is None
    outcome = admins_reset("anna", "rosa")
    assert outcome is not None
    assert outcome.removed is not None
    rows = EmailAddress.objects.filter(user=ada)
    assert [(row.email, row.primary) for row in rows.filter(verified=True)] == [("new@example.com", True)]
    assert not TotpDevice.objects.filter(user=ada).exists()
    sweep.sweep()
    for address in ("ada@example.org", "ada@second.example"):
        assert "/recover/stop/" in letters(address)[-1]
    gets_back(code, "new@example.com")


def test_the_email_claim_keeps_the_factors(ada: User) -> None:
    ask(claim="email", contact="new@example.com")
    confirm_contact("new@example.com")
    offer("password", factories.PASSWORD, "new@example.com")
    push()
    days_pass(14.1)
    assert admins_reset() is not None
    ada.refresh_from_db()
    assert TotpDevice.objects.filter(user=ada).count() == 1
    assert not ada.has_usable_password()
    assert ada.quarantined_at is not None


@pytest.mark.thorough
def test_a_thief_with_every_boundary_but_nothing_bound_to_the_account_waits_for_ever(ada: User) -> None:
    before = account(ada)
    for _attempt in range(2):
        ask(claim="email_and_second_factor", contact="thief@example.com")
        confirm_contact("thief@example.com")
        push()
        days_pass(31)
        assert ticket().status in (Status.CHALLENGED, Status.EXPIRED)
        assert admins_reset() is None
    assert account(ada) == before


def test_with_one_old_address_alive_silence_of_the_others_opens_nothing(ada: User) -> None:
    ask(claim="email", contact="thief@example.com")
    Mail.objects.filter(kind="recovery_notice", recipient="ada@example.org").update(state="bounced")
    confirm_contact("thief@example.com")
    push()
    days_pass(31)
    assert admins_reset() is None
    assert ticket().status == Status.EXPIRED


@pytest.mark.thorough
def test_when_every_old_address_is_dead_thirty_days_and_two_people_open_it(ada: User) -> None:
    ask(claim="email", contact="new@example.com")
    confirm_contact("new@example.com")
    push()
    Mail.objects.filter(kind="recovery_notice").update(state="failed")
    days_pass(14.1)
    assert ticket().status in (Status.CHALLENGED, Status.WAITING)
    assert admins_reset() is None
    days_pass(15)
    assert ticket().status in (Status.CHALLENGED, Status.WAITING)
    days_pass(2)
    assert ticket().status == Status.READY
    assert admins_reset("anna", "lena") is not None


def test_a_first_come_new_contact_ticket_does_not_keep_the_owner_out(ada: User) -> None:
    ask(claim="email_and_second_factor", contact="thief@example.com")
    thieves = ticket()
    confirm_contact("thief@example.com")
    ask()
    own = ticket()
    assert own.pk != thieves.pk
    code = confirm()
    push()
    days_pass(1.1)
    assert ticket().status == Status.READY
    assert admins_reset("grace") is not None
    thieves.refresh_from_db()
    assert thieves.status == Status.REJECTED
    gets_back(code)


def test_another_accounts_address_is_no_new_contact(ada: User) -> None:
    factories.make_user("kim")
    ask(claim="email", contact="kim@example.org")
    assert not RecoveryTicket.objects.exists()
    (told,) = mail.outbox  # whoever reads that mailbox, and only they, hear what to do
    assert (told.to, "ada" in str(told.body)) == (["kim@example.org"], False)


def test_an_address_that_became_another_accounts_meanwhile_sends_the_ticket_back(ada: User) -> None:
    ask(claim="email", contact="new@example.com")
    confirm_contact("new@example.com")
    offer("password", factories.PASSWORD, "new@example.com")
    push()
    days_pass(14.1)
    before = account(ada)
    factories.make_user("kim", email="new@example.com")
    outcome = admins_reset()
    assert outcome is not None
    assert outcome.sent_back
    assert account(ada) == before


# The mailed choose-password link -------------------------------------------------------------------------------------


def test_a_thief_who_waits_for_the_owners_proof_and_grabs_the_mail_has_no_return_code(ada: User) -> None:
    ask()
    code = confirm()
    push()
    days_pass(1.1)
    assert admins_reset("grace") is not None
    sweep.sweep()
    stolen = mailed("ada@example.org", "password")
    for guess in ("", "aaaa-bbbb-cccc-dddd", code[:-1] + ("a" if code[-1] != "a" else "b")):
        Client().post(stolen, {"code": guess, "password": PHRASE, "again": PHRASE})
    Client().post(stolen, {"hold": "1"})
    sweep.sweep()
    assert not User.objects.get(pk=ada.pk).has_usable_password()
    assert "24 hours" in letters("ada@second.example")[-1]
    Client().post(mailed("ada@second.example", "stop"), {"stop": "1"})
    days_pass(1.1)
    page = Client().post(stolen, {"code": "", "password": PHRASE, "again": PHRASE})
    assert page.status_code == 404
    ada.refresh_from_db()
    assert (ada.has_usable_password(), ada.frozen_at is not None) == (False, True)


# Harassment ----------------------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_daily_requests_cost_the_owner_three_mails_a_month_and_nothing_else(ada: User) -> None:
    before = account(ada)
    for _day in range(10):
        ask()
        if ticket().status == Status.CHALLENGED:
            Client().post(mailed("ada@example.org", "stop"), {"stop": "1"})
        days_pass(1)
    challenges = Mail.objects.filter(kind="recovery_notice", recipient="ada@second.example").count()
    assert challenges <= 4
    assert account(ada) == before
    days_pass(51)
    ask()
    code = confirm()
    push()
    days_pass(8)
    assert admins_reset() is not None
    gets_back(code)


def test_a_strangers_mailbox_is_not_flooded_through_other_peoples_names(ada: User) -> None:
    for number in range(6):
        factories.add_totp(factories.make_user(f"user{number}"))
        ask(f"user{number}", "email", "victim@example.com")
    assert len(letters("victim@example.com")) <= 3


# Switched off --------------------------------------------------------------------------------------------------------


def test_an_owner_who_wants_no_human_reset_gets_none(ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(never_reset=True)
    ask()
    assert not RecoveryTicket.objects.exists()
    assert not mail.outbox


def test_a_site_without_human_resets_says_so_and_opens_nothing(ada: User, settings: object) -> None:
    settings.RECOVERY_HUMAN_RESET = False  # type: ignore[attr-defined]
    page = Client().get("/recover/")
    assert b"our staff do not reset accounts" in page.content
    ask()
    assert not RecoveryTicket.objects.exists()


def test_two_people_always_where_the_site_says_so(ada: User, settings: object) -> None:
    settings.RECOVERY_TWO_PERSON = "always"  # type: ignore[attr-defined]
    ask()
    confirm()
    push()
    days_pass(1.1)
    assert ticket().status == Status.READY
    assert admins_reset("grace") is None
    assert admins_reset("anna", "rosa") is not None


def test_no_link_and_no_code_of_the_desk_is_older_than_it_should_be(ada: User) -> None:
    ask()
    days_pass(20)
    assert ticket().status == Status.EXPIRED
    link = mailed("ada@example.org", "status")
    ended, branch = Client().get(link), branch_in("\n".join(letters("ada@example.org")))
    assert (ended.status_code, b"<form" in ended.content, branch in ended.content.decode()) == (200, False, False)
    before = everything()
    assert Client().post(link, {"pushed": "1"}).status_code == 302
    assert everything() == before
    assert not Link.objects.filter(purpose="status", dead_at=None).exists()
    days_pass(91)
    assert Client().get(link).status_code == 404
