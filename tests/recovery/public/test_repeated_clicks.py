"""Every public button clicked twice: the second click shows the page of the first and changes nothing."""

import re
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from accounts.mail import links
from accounts.mail.models import Link, Mail
from accounts.models import User
from recoverydesk.projects.models import Role
from recoverydesk.recovery.models import Claim, RecoveryTicket, Status
from tests.helpers import decided, factories
from tests.helpers.links import path
from tests.helpers.tickets import (
    REASON,
    age_factors,
    as_staff,
    confirm_link,
    everything,
    make_admin,
    make_ticket,
    status_link,
    stop_link,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(ada: User) -> User:
    """Her app is two months old."""
    return age_factors(ada)


def words(response: Any) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", response.content.decode())


def twice(page: str, **fields: str) -> str:
    """Click in two browsers, one after the other; the two pages say the same, and the second changed nothing."""
    first = Client().post(page, fields, follow=True)
    before = everything()
    second = Client().post(page, fields, follow=True)
    assert (second.status_code, words(second)) == (first.status_code, words(first))
    assert everything() == before
    return words(first)


def new_contact(ada: User, **fields: Any) -> RecoveryTicket:
    return make_ticket(ada, claim=Claim.EMAIL, contact="ada@new.example", **fields)


def test_withdraw(ada: User) -> None:
    assert "Your request is closed." in twice(path(status_link(make_ticket(ada))), withdraw="1")


def test_i_did_not_ask(ada: User) -> None:
    assert "Your request is closed." in twice(path(confirm_link(new_contact(ada))), withdraw="1")


@pytest.mark.parametrize("button", ["stop", "lock"])
def test_stop(ada: User, button: str) -> None:
    assert "The request is stopped" in twice(path(stop_link(make_ticket(ada))), **{button: "1"})


def test_a_second_stop_that_disputes(ada: User) -> None:
    Client().post(path(stop_link(make_ticket(ada))), {"stop": "1"})
    link = path(stop_link(make_ticket(ada)))
    pages = {words(Client().post(link, {"stop": "1"}, follow=True)) for _click in range(2)}
    assert len(pages) == 1
    assert "We have your objection" in pages.pop()
    assert RecoveryTicket.objects.latest("id").status == Status.CHALLENGED


def test_object_after_the_reset(ada: User) -> None:
    ticket = make_ticket(ada, Status.READY)
    decided.reset(ticket.pk, actor=as_staff(make_admin("resetter")), reason=REASON)
    page = path(Link.objects.filter(purpose="stop").earliest("id"))
    first, second = (words(Client().post(page, {"lock": "1"}, follow=True)) for _click in range(2))
    assert first == second
    assert "The account is frozen" in first
    assert Mail.objects.filter(context__tag="account:freeze").count() == 1


def test_confirm_a_new_contact_shows_the_return_code_the_first_time_only(ada: User) -> None:
    page = path(confirm_link(new_contact(ada)))
    first = Client().post(page, {"pushed": "1"}, follow=True)
    before = everything()
    second = Client().post(page, {"pushed": "1"}, follow=True)
    assert (first.status_code, second.status_code) == (200, 200)
    assert b"Address confirmed" in first.content
    assert b"Address confirmed" in second.content
    code = first.context["return_code"]
    assert code
    assert code not in words(second)
    assert everything() == before


def test_confirm_the_mailbox_on_the_status_page(ada: User) -> None:
    page = path(status_link(make_ticket(ada)))
    Client().post(page, {"pushed": "1"})
    again = Client().post(page, {"pushed": "1"}, follow=True)
    assert again.status_code == 200
    assert f"Recovery request {RecoveryTicket.objects.get().pk}" in words(again)


def test_mail_me_a_new_link(ada: User) -> None:
    ticket = make_ticket(ada, Status.READY)
    decided.reset(ticket.pk, actor=as_staff(make_admin("resetter")), reason=REASON)
    page = path(Link.objects.get(purpose="choose_password"))
    Link.objects.filter(purpose="choose_password").update(expires_at=Now())
    assert "A new link is on its way" in twice(page, renew="1")
    assert Mail.objects.filter(kind="recovery_choose_password").count() == 2


def signed_in(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def test_not_me_by_the_subject(ada: User) -> None:
    ticket, browser = make_ticket(ada), signed_in(ada)
    for _click in range(2):
        answer = browser.post("/recover/mine/", {"ticket": ticket.pk, "stop": "1"}, follow=True)
        assert "The request is closed." in words(answer)
        assert 'class="notice error"' not in words(answer)
    ticket.refresh_from_db()
    assert ticket.status == Status.STOPPED


def test_let_this_role_act_again(ada: User) -> None:
    kim = factories.make_user("kim")
    secret = factories.add_totp(kim)[1]
    project = factories.make_project("tool", ada)
    factories.add_role(project, kim)
    ticket, role = make_ticket(ada, Status.COMPLETED), ada.roles.get()
    Role.objects.filter(pk=role.pk).update(held_at=Now(), held_for=ticket.pk)
    browser = Client()
    browser.post("/account/login/", {"login": "kim", "password": factories.PASSWORD})
    browser.post("/account/second-factor/", {"code": factories.code(secret)})
    for _click in range(2):
        answer = browser.post("/recover/beside/", {"role": role.pk, "release": "1"}, follow=True)
        assert "Thank you. We have your answer, and our staff see it." in words(answer)
    role.refresh_from_db()
    assert role.held_at is None


# What a repeated click must not become -------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{}, {"withdraw": "1"}, {"pushed": "1"}, {"proof": "1", "kind": "device"}])
def test_a_dead_link_opens_nothing_by_looking_and_nothing_by_other_buttons(ada: User, fields: dict[str, str]) -> None:
    ticket = make_ticket(ada)
    page = path(status_link(ticket))
    links.kill(reference=ticket.reference)
    before = everything()
    assert Client().get(page).status_code == 404
    assert Client().post(page, fields).status_code == 404
    assert everything() == before


def test_a_confirming_link_killed_before_it_was_used_confirms_nothing(ada: User) -> None:
    ticket = new_contact(ada, mailbox_confirmed_at=None)
    page = path(confirm_link(ticket))
    links.kill(reference=ticket.reference)
    assert Client().post(page, {"pushed": "1"}).status_code == 404
    ticket.refresh_from_db()
    assert ticket.mailbox_confirmed_at is None


def test_a_used_choose_password_link_mails_no_new_one(ada: User) -> None:
    ticket = make_ticket(ada, Status.READY)
    decided.reset(ticket.pk, actor=as_staff(make_admin("resetter")), reason=REASON)
    link = Link.objects.get(purpose="choose_password")
    links.use(link)
    assert Client().post(path(link), {"renew": "1"}).status_code == 404
    assert Mail.objects.filter(kind="recovery_choose_password").count() == 1
