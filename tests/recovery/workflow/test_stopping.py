"""The real owner can always say no; and no secret lies where it does not belong."""

import logging
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core import mail as outgoing
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from accounts import services
from accounts.decisions import ConfirmationNeeded
from accounts.mail import links, outbox
from accounts.mail.models import Link, Mail
from accounts.models import Session, User
from audit import log
from audit.models import Event, EventDetail
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.recovery import errors, notices, permissions, policy, workflow
from recoverydesk.recovery.after_reset import choose_password
from recoverydesk.recovery.desk import flags
from recoverydesk.recovery.evidence import cases
from recoverydesk.recovery.models import Boundary, Claim, RecoveryTicket, Status
from recoverydesk.recovery.permissions import SYSTEM, Actor, staff
from tests.helpers import decided, factories
from tests.helpers.desk import browser, push
from tests.helpers.links import path
from tests.helpers.tickets import (
    DAY,
    HOUR,
    REASON,
    add_address,
    add_boundary,
    age_factors,
    as_staff,
    everything,
    make_admin,
    make_moderator,
    make_ticket,
    status_link,
    stop_link,
    tags_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def challenged(ada: User) -> RecoveryTicket:
    """A challenged ticket of an account with two addresses, a former one, and a co-owner."""
    add_address(ada, "ada@second.example")
    add_address(ada, "ada@unverified.example", verified=False)
    ada.former_addresses.create(email="ada@former.example")
    old = ada.former_addresses.create(email="ada@ancient.example")
    type(old).objects.filter(pk=old.pk).update(removed_at=Now() - 33 * DAY)
    factories.add_role(factories.make_project("tool", ada), factories.make_user("kim"))
    ticket = make_ticket(ada, Status.NEW)
    add_boundary(ticket)
    workflow.challenge(ticket.pk, actor=SYSTEM)
    ticket.boundaries.update(next_probe_at=None)
    ticket.refresh_from_db()
    return ticket


def done_reset(user: User) -> RecoveryTicket:
    ticket = make_ticket(user, Status.READY)
    decided.reset(ticket.pk, actor=as_staff(make_admin()), reason=REASON)
    ticket.refresh_from_db()
    return ticket


# The stop link -------------------------------------------------------------------------------------------------------


def test_the_stop_button_stops_the_ticket_and_nothing_more(ada: User, client: Client) -> None:
    ticket = make_ticket(ada)
    browser = Client()
    browser.force_login(ada)
    page = client.post(path(stop_link(ticket)), {"stop": "1"}, follow=True)
    assert b"stopped" in page.content
    ticket.refresh_from_db()
    ada.refresh_from_db()
    assert (ticket.status, ada.frozen_at) == (Status.STOPPED, None)
    assert Session.objects.filter(user=ada).exists()


def test_the_hand_that_stopped_it_may_still_freeze_the_account_once(ada: User, client: Client) -> None:
    ticket = make_ticket(ada)
    link, other = stop_link(ticket), stop_link(ticket, "ada@second.example")
    assert b'name="lock"' in client.post(path(link), {"stop": "1"}, follow=True).content
    client.post(path(other), {"lock": "1"})
    ada.refresh_from_db()
    assert (ada.frozen_at, b'name="lock"' in client.get(path(other)).content) == (None, False)
    assert b'name="lock"' in client.get(path(link)).content
    assert b"the account is frozen" in client.post(path(link), {"lock": "1"}, follow=True).content
    ada.refresh_from_db()
    ticket.refresh_from_db()
    assert (ada.frozen_by, ticket.status) == (User.FrozenBy.OWNER, Status.STOPPED)
    services.unfreeze(ada, actor="system", reason="the owner came by")
    assert b"nothing left to stop" in client.post(path(link), {"lock": "1"}, follow=True).content
    ada.refresh_from_db()
    assert ada.frozen_at is None


def test_a_live_link_clicked_all_day_writes_one_refusal_an_hour(ada: User, client: Client) -> None:
    ticket = make_ticket(ada, proof_failures=5, mailbox_confirmed_at=database_now())
    page = path(status_link(ticket))
    shown = {client.post(page, {"proof": "1", "kind": "device"}, follow=True).status_code for _click in range(10)}
    assert shown == {200}
    stopped = make_ticket(factories.make_user("kim"), Status.REJECTED)
    for _click in range(10):
        client.post(path(stop_link(stopped)), {"stop": "1"})
    assert tags_of(ticket) == tags_of(stopped) == ["account:recovery:refused"]


def test_a_co_owner_who_objects_again_and_again_fills_no_log(ada: User) -> None:
    kim = factories.make_user("kim")
    factories.add_role(factories.make_project("tool", ada), kim)
    ticket = make_ticket(ada)
    for _again in range(6):
        workflow.dispute(ticket.pk, actor=permissions.signed_in(kim), reason=REASON)
    assert tags_of(ticket).count("account:recovery:dispute") == 1
    workflow.dispute(ticket.pk, actor=as_staff(make_moderator()), reason=REASON)
    assert tags_of(ticket).count("account:recovery:dispute") == 2  # another objector


def test_stop_and_freeze_ends_sessions_and_freezes(ada: User, client: Client) -> None:
    ticket = make_ticket(ada, Status.WAITING)
    browser = Client()
    browser.force_login(ada)
    client.post(path(stop_link(ticket)), {"lock": "1"})
    ada.refresh_from_db()
    assert RecoveryTicket.objects.get().status == Status.STOPPED
    assert (ada.frozen_at is not None, ada.frozen_by) == (True, "owner")
    assert not Session.objects.filter(user=ada).exists()


def test_a_stop_after_the_reset_freezes_at_once_and_kills_the_password_link(ada: User, client: Client) -> None:
    ticket = done_reset(ada)
    choose = Link.objects.get(purpose="choose_password")
    client.post(path(Link.objects.get(purpose="stop")), {"stop": "1"})
    ticket.refresh_from_db()
    ada.refresh_from_db()
    assert (ticket.status, ticket.turn) == (Status.COMPLETED, "ours")
    assert ticket.objected_at is not None
    assert ada.frozen_at is not None
    assert client.get(path(choose)).status_code == 404


def test_after_seven_days_an_objection_changes_nothing(ada: User, client: Client) -> None:
    ticket = done_reset(ada)
    RecoveryTicket.objects.update(completed_at=Now() - 7 * DAY - timedelta(seconds=1))
    before = everything()
    page = client.post(path(Link.objects.get(purpose="stop")), {"lock": "1"}, follow=True)
    assert page.status_code == 200
    assert everything() == before
    assert Event.objects.filter(ticket=ticket.pk, data__error="InvalidTransition").count() == 1


def test_while_a_password_is_on_hold_objecting_stays_possible(ada: User, client: Client) -> None:
    ticket = done_reset(ada)
    RecoveryTicket.objects.update(completed_at=Now() - 7 * DAY - HOUR, password_hold_until=Now() + timedelta(minutes=5))
    client.post(path(Link.objects.get(purpose="stop")), {"stop": "1"})
    ticket.refresh_from_db()
    ada.refresh_from_db()
    assert (ticket.objected_at is not None, ada.frozen_at is not None) == (True, True)


def test_once_the_hold_is_over_too_an_objection_changes_nothing(ada: User, client: Client) -> None:
    done_reset(ada)
    RecoveryTicket.objects.update(completed_at=Now() - 7 * DAY - HOUR, password_hold_until=Now() - HOUR)
    before = everything()
    assert client.post(path(Link.objects.get(purpose="stop")), {"stop": "1"}, follow=True).status_code == 200
    assert everything() == before


def test_a_hold_in_the_middle_of_the_seven_days_shortens_nothing(ada: User, client: Client) -> None:
    done_reset(ada)
    RecoveryTicket.objects.update(completed_at=Now() - 6 * DAY, password_hold_until=Now() - 3 * DAY)
    client.post(path(Link.objects.get(purpose="stop")), {"stop": "1"})
    ada.refresh_from_db()
    assert ada.frozen_at is not None


def test_objecting_twice_is_one_objection_and_one_page(ada: User, client: Client) -> None:
    ticket = done_reset(ada)
    page = path(Link.objects.get(purpose="stop"))
    first = client.post(page, {"stop": "1"}, follow=True)
    RecoveryTicket.objects.update(objected_at=Now() - HOUR, completed_at=Now() - DAY)
    before = everything()
    second = client.post(page, {"stop": "1"}, follow=True)
    assert everything() == before
    assert [one.templates[0].name for one in (first, second)] == ["recovery/stopped.html"] * 2
    assert b"The account is frozen" in first.content
    assert b"The account is frozen" in second.content
    assert tags_of(ticket).count("account:recovery:object") == 1


# Settling an objection -----------------------------------------------------------------------------------------------


@pytest.fixture
def objected(ada: User, client: Client) -> RecoveryTicket:
    """A reset by grace to which the holder of the one address objected: frozen, our turn."""
    ticket = done_reset(ada)
    client.post(path(Link.objects.get(purpose="stop")), {"stop": "1"})
    ticket.refresh_from_db()
    return ticket


def settle(ticket: RecoveryTicket, by: User) -> RecoveryTicket:
    return decided.settle_objection(ticket.pk, actor=as_staff(by), reason=REASON)


def test_another_admin_settles_our_turn_ends_and_the_freeze_stays(ada: User, objected: RecoveryTicket) -> None:
    desk = browser(make_admin("otto"))
    at = f"/admin/recovery/recoveryticket/{objected.pk}/"
    assert "press/settle_objection/" in desk.get(f"{at}change/").content.decode()
    said = {"reason": REASON, "outcome": "wrong"}
    answer = push(desk, objected, "settle_objection", said, follow=True)
    assert "To unfreeze the account, open its page" in answer.content.decode()
    assert "press/settle_objection/" not in answer.content.decode()
    objected.refresh_from_db()
    ada.refresh_from_db()
    assert (objected.status, objected.turn) == (Status.COMPLETED, "nobody")
    assert (objected.objected_at is not None, ada.frozen_at is not None) == (True, True)
    event = Event.objects.get(tag="account:recovery:settle_objection")
    assert (event.actor_name, event.data["reason"], event.data["outcome"]) == ("otto", REASON, "wrong")
    assert objected.objection_outcome == "wrong"
    assert "The reset was wrong" in answer.content.decode()
    (notice,) = Mail.objects.filter(kind="recovery_objection_settled")
    assert "stays frozen" in outbox.render(notice).text
    assert outbox.render(notice).text.count("/recover/stop/") == 1
    assert push(desk, objected, "settle_objection", said).status_code == 302
    assert Mail.objects.filter(kind="recovery_objection_settled").count() == 1


def test_who_reset_does_not_settle_the_objection_to_it(objected: RecoveryTicket) -> None:
    who_reset = objected.reset_by
    assert who_reset is not None
    page = browser(who_reset).get(f"/admin/recovery/recoveryticket/{objected.pk}/change/").content.decode()
    assert "press/settle_objection/" not in page
    before = everything()
    with pytest.raises(errors.OwnReset):
        settle(objected, who_reset)
    assert everything() == before


def test_who_approved_the_reset_does_not_settle_the_objection_to_it(ada: User, client: Client) -> None:
    make_ticket(ada, Status.STOPPED, closed_at=database_now())
    ticket, approver = make_ticket(ada, Status.READY, doubt=3), make_admin("anna")
    decided.approve(ticket.pk, actor=as_staff(approver), reason=REASON)
    decided.reset(ticket.pk, actor=as_staff(make_admin()), reason=REASON)
    client.post(path(Link.objects.filter(purpose="stop", reference=ticket.reference).get()), {"stop": "1"})
    page = browser(approver).get(f"/admin/recovery/recoveryticket/{ticket.pk}/change/").content.decode()
    assert "press/settle_objection/" not in page
    with pytest.raises(errors.OwnReset):
        settle(ticket, approver)
    assert settle(ticket, make_admin("otto")).turn == "nobody"


def test_neither_a_helper_made_yesterday_nor_a_co_owner_nor_a_moderator_settles(
    ada: User, objected: RecoveryTicket
) -> None:
    helper = factories.make_user("helper", staff=True, groups=["Admins"])
    User.objects.filter(pk=helper.pk).update(staff_since=Now() - DAY)
    partner = make_admin("partner")
    factories.add_role(factories.make_project("shared", ada), partner)
    refused: list[tuple[type[errors.RecoveryError], Actor]] = [
        (errors.TooNew, as_staff(User.objects.get(pk=helper.pk))),
        (errors.CoOwnedTicket, as_staff(partner)),
        (errors.NotAllowed, as_staff(make_moderator())),
    ]
    before = everything()
    for error, actor in refused:
        with pytest.raises(error):
            decided.settle_objection(objected.pk, actor=actor, reason=REASON)
    with pytest.raises(ConfirmationNeeded):
        workflow.settle_objection(objected.pk, actor=staff(make_admin("late")), outcome="right", reason=REASON)
    with pytest.raises(errors.NoJudgement):
        decided.settle_objection(objected.pk, actor=as_staff(make_admin("nora")), outcome="perhaps", reason=REASON)
    with pytest.raises(errors.ReasonTooShort):
        decided.settle_objection(objected.pk, actor=as_staff(make_admin("otto")), reason="fine")
    assert everything()["RecoveryTicket"] == before["RecoveryTicket"]


def test_settling_revives_no_link_to_choose_a_password(ada: User, objected: RecoveryTicket, client: Client) -> None:
    choose = Link.objects.get(purpose="choose_password")
    settle(objected, make_admin("otto"))
    services.unfreeze(ada, actor="system", reason="the owner came by")
    assert client.get(path(choose)).status_code == 404
    choose_password.send_again(ada)
    assert not Link.objects.filter(purpose="choose_password", dead_at=None).exists()


def test_a_hand_whose_objection_was_settled_freezes_nothing_again(
    ada: User, objected: RecoveryTicket, client: Client
) -> None:
    settle(objected, make_admin("otto"))
    services.unfreeze(ada, actor="system", reason="the owner came by")
    page = client.post(path(Link.objects.get(purpose="stop")), {"stop": "1"}, follow=True)
    assert b"this time the account is not frozen" in page.content
    objected.refresh_from_db()
    ada.refresh_from_db()
    assert (objected.turn, ada.frozen_at) == ("ours", None)
    settle(objected, make_admin("vera"))
    objected.refresh_from_db()
    assert objected.turn == "nobody"
    assert Mail.objects.filter(kind="recovery_objection_settled").count() == 2


def test_a_thiefs_settled_objection_takes_nothing_from_the_owners(
    ada: User, objected: RecoveryTicket, client: Client
) -> None:
    settle(objected, make_admin("otto"))
    services.unfreeze(ada, actor="system", reason="the owner came by")
    first = objected.objected_at
    client.post(path(stop_link(objected, "ada@second.example")), {"stop": "1"})
    objected.refresh_from_db()
    ada.refresh_from_db()
    assert (objected.turn, ada.frozen_at is not None, objected.objected_at == first) == ("ours", True, False)


# Where a verb came from ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("button", "tag"), [("stop", "account:recovery:stop"), ("withdraw", "account:recovery:withdraw"),
                       ("pushed", "account:recovery:confirm_mailbox")],
)  # fmt: skip
def test_what_visitors_do_carries_network_and_device_in_the_erasable_row(
    ada: User, client: Client, button: str, tag: str
) -> None:
    ticket = make_ticket(ada)
    link = stop_link(ticket) if button == "stop" else status_link(ticket)
    client.post(path(link), {button: "1"}, headers={"user-agent": "Lynx/2.9"}, REMOTE_ADDR="198.51.100.7")
    event = Event.objects.get(tag=tag)
    detail = EventDetail.objects.get(event_id=event.pk)
    assert (detail.network, detail.device) == ("198.51.100.7", "Lynx/2.9")
    assert "198.51.100.7" not in str(event.data)


def test_an_objection_and_the_freeze_it_brings_carry_network_and_device(ada: User, client: Client) -> None:
    done_reset(ada)
    client.post(path(Link.objects.get(purpose="stop")), {"stop": "1"}, headers={"user-agent": "Lynx/2.9"})
    for tag in ("account:recovery:object", "account:freeze"):
        assert EventDetail.objects.get(event_id=Event.objects.get(tag=tag).pk).device == "Lynx/2.9"


# What others hear when one request ends in a reset ------------------------------------------------------------------


def test_contacts_that_were_confirmed_or_verified_hear_that_another_request_came_first(ada: User) -> None:
    add_address(ada, "ada@second.example")
    done = make_ticket(ada, Status.READY)
    new = make_ticket(ada, Status.NEW, contact="ada@second.example")
    confirmed = make_ticket(
        ada, claim="email", contact="ada@confirmed.example", mailbox_confirmed_at=database_now() - DAY
    )
    make_ticket(ada, Status.NEW, claim="email", contact="eve@unverified.example")
    make_ticket(ada, claim="email", contact="eve@asked.example")
    decided.reset(done.pk, actor=as_staff(make_admin()), reason=REASON)
    assert not RecoveryTicket.objects.open().exists()
    told = Mail.objects.filter(kind="recovery_closed")
    assert set(told.values_list("recipient", "reference")) == {
        ("ada@second.example", new.reference), ("ada@confirmed.example", confirmed.reference)
    }  # fmt: skip
    for letter in told:
        text = outbox.render(letter).text
        assert "We let somebody into this account after another request" in text
        assert not re.search(r"/recover/|000-recovery-", text)
    assert not Mail.objects.filter(recipient__startswith="eve@").exists()


def test_stopping_twice_stops_once(ada: User, client: Client) -> None:
    ticket = make_ticket(ada)
    link = stop_link(ticket)
    client.post(path(link), {"stop": "1"})
    before = everything()
    assert b"The request is stopped" in client.post(path(link), {"stop": "1"}, follow=True).content
    assert everything() == before


@pytest.mark.parametrize("status", [Status.REJECTED, Status.STOPPED, Status.WITHDRAWN, Status.EXPIRED])
def test_a_stop_link_of_a_closed_ticket_does_nothing(ada: User, client: Client, status: str) -> None:
    link = stop_link(make_ticket(ada, status))
    before = everything()
    client.post(path(link), {"stop": "1", "lock": "1"})
    assert everything() == before


# Links are for one ticket, one purpose, one recipient ----------------------------------------------------------------


def test_a_key_opens_the_page_of_its_purpose_only(ada: User, client: Client) -> None:
    ticket = make_ticket(ada)
    keys = {"status": links.key(status_link(ticket)), "stop": links.key(stop_link(ticket))}
    before = everything()
    for purpose, key in keys.items():
        for other in {"status", "stop", "password"} - {purpose}:
            for send in (client.get, client.post):
                assert send(f"/recover/{other}/{key}/").status_code == 404
    assert everything() == before


@pytest.mark.parametrize("change", ["recipient", "id", "mac", "junk"])
def test_a_key_with_anything_changed_opens_nothing(ada: User, client: Client, change: str) -> None:
    ticket = make_ticket(ada)
    link, other = stop_link(ticket), stop_link(ticket, "other@example.org")
    number, mac = links.key(link).split(".")
    if change == "recipient":
        Link.objects.filter(pk=link.pk).update(recipient="thief@example.org")
    changed = {
        "id": f"{other.pk}.{mac}",
        "mac": f"{number}.{mac[:-1]}{'B' if mac[-1] == 'A' else 'A'}",
        "junk": f"{number}.{mac}x",
    }
    key = changed.get(change, links.key(link))
    assert client.post(f"/recover/stop/{key}/", {"stop": "1"}).status_code == 404
    ticket.refresh_from_db()
    assert ticket.status == Status.CHALLENGED


# Scanners ------------------------------------------------------------------------------------------------------------


def public_pages(ticket: RecoveryTicket) -> list[str]:
    completed = done_reset(factories.make_user("kim2"))
    spent = stop_link(completed)
    password = Link.objects.get(reference=completed.reference, purpose="choose_password")
    return [path(status_link(ticket)), path(stop_link(ticket)), path(password), path(spent), "/recover/",
            "/recover/received/"]  # fmt: skip


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_a_page_changes_nothing(ada: User, client: Client, method: str) -> None:
    pages = public_pages(make_ticket(ada))
    before, events = everything(), Event.objects.count()
    for page in pages:
        for query in ("", "?stop=1&lock=1&pushed=1&withdraw=1&renew=1&hold=1"):
            assert getattr(client, method)(page + query).status_code == 200
    assert everything() == before
    assert Event.objects.count() == events


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_other_methods_are_refused(ada: User, client: Client, method: str) -> None:
    pages = public_pages(make_ticket(ada))
    before = everything()
    assert {getattr(client, method)(page).status_code for page in pages} == {405}
    assert everything() == before


def test_a_scanner_that_follows_every_link_of_every_mail_changes_nothing(
    challenged: RecoveryTicket, client: Client
) -> None:
    outbox.send_due()
    found = [url for one in outgoing.outbox for url in re.findall(r"http://localhost:8000(\S+)", str(one.body))]
    assert sum("/recover/" in url for url in found) >= 4
    before, events = everything(), Event.objects.count()
    for url in found:
        client.get(url, follow=True)
        client.head(url)
    assert everything() == before
    assert Event.objects.count() == events


# Who hears what ------------------------------------------------------------------------------------------------------


def mails(ticket: RecoveryTicket, kind: str) -> list[Mail]:
    return list(Mail.objects.filter(reference=ticket.reference, kind=kind).order_by("recipient"))


def test_every_address_has_exactly_one_notice_with_a_stop_link_of_its_own(challenged: RecoveryTicket) -> None:
    """The contact's is the mail with the branch name, which has its status link, too."""
    told = [*mails(challenged, "recovery_challenge"), *mails(challenged, "recovery_notice")]
    assert [one.recipient for one in told] == ["ada@example.org", "ada@former.example", "ada@second.example"]
    rows = Link.objects.in_bulk([one.links["stop"] for one in told])
    assert len(rows) == 3
    assert [rows[one.links["stop"]].recipient for one in told] == [one.recipient for one in told]
    texts = [outbox.render(one).text for one in told]
    for one, text in zip(told, texts, strict=True):
        assert text.count(links.url(rows[one.links["stop"]])) == 1
        assert text.count("/recover/") == len(one.links)


def test_co_owners_hear_without_a_link(challenged: RecoveryTicket) -> None:
    (told,) = mails(challenged, "recovery_co_owner")
    assert (told.recipient, told.links) == ("kim@example.org", {})
    assert re.findall(r"/recover/\S*", outbox.render(told).text) == ["/recover/beside/"]


def test_the_branch_token_is_in_the_contacts_challenge_and_nowhere_else(
    challenged: RecoveryTicket, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = notices.token_of(challenged)
    workflow.resend(challenged.pk, actor=SYSTEM)
    outbox.send_due()
    with_token = [one for one in outgoing.outbox if token in one.message().as_string()]
    assert [one.to for one in with_token] == [["ada@example.org"]] * 2
    assert all(token not in str(one.subject) for one in with_token)

    pages = [path(notices.status_link(challenged)), *(path(one) for one in Link.objects.filter(purpose="stop"))]
    seen = [client.get(page).content.decode() for page in pages]
    seen.append(client.post(pages[0], {"pushed": "1"}, follow=True).content.decode())
    admin = staff_browser()
    base = f"/admin/recovery/recoveryticket/{challenged.pk}"
    seen += [admin.get(f"{base}/mail/{one.pk}/").content.decode() for one in Mail.objects.all() if one.ticket]
    seen += [admin.get(url).content.decode() for url in (f"{base}/change/", "/admin/audit/event/")]
    secret = token.removeprefix("000-recovery-")
    assert all(secret not in page for page in seen)
    everywhere = dump()
    assert challenged.nonce in everywhere
    assert secret not in everywhere
    assert secret not in caplog.text
    assert not any(key in page for key in keys_of(challenged) for page in seen[len(pages) + 1 :])


def test_no_key_of_a_link_and_no_return_code_lies_in_the_database(challenged: RecoveryTicket, client: Client) -> None:
    code = client.post(path(notices.status_link(challenged)), {"pushed": "1"}, follow=True).context["return_code"]
    outbox.send_due()
    everywhere = dump()
    for key in keys_of(challenged):
        assert key.split(".")[1] not in everywhere
    assert code not in everywhere
    assert code.replace("-", "") not in everywhere


def keys_of(ticket: RecoveryTicket) -> list[str]:
    return [links.key(link) for link in Link.objects.filter(reference=ticket.reference)]


def staff_browser() -> Client:
    """An admin whose browser has shown a second factor."""
    admin = make_admin()
    secret = factories.add_totp(admin)[1]
    browser = Client()
    browser.post("/account/login/", {"login": admin.username, "password": factories.PASSWORD})
    browser.post("/account/second-factor/", {"code": factories.code(secret)})
    return browser


def dump() -> str:
    """Every value of every table, as text."""
    with connection.cursor() as cursor:
        rows = []
        for model in apps.get_models(include_auto_created=True):
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            rows += cursor.fetchall()
    return "\n".join(str(value) if not isinstance(value, memoryview) else bytes(value).hex() for row in rows
                     for value in row)  # fmt: skip


# The owner signs in --------------------------------------------------------------------------------------------------


def sign_in(user: User, code: Callable[[], str] | None) -> Client:
    browser = Client()
    browser.post("/account/login/", {"login": user.username, "password": factories.PASSWORD})
    if code:
        browser.last = browser.post("/account/second-factor/", {"code": code()})  # type: ignore[attr-defined]
    return browser


def test_a_sign_in_with_a_second_factor_is_a_doubt_and_asks(db: None) -> None:
    kim = factories.make_user("kim")
    secret = factories.add_totp(kim)[1]
    age_factors(kim)
    ticket = make_ticket(kim, Status.READY)
    browser: Any = sign_in(kim, lambda: factories.code(secret))
    assert browser.last.url == "/recover/mine/"
    ticket.refresh_from_db()
    assert ticket.signed_in_at is not None
    assert ticket.wait_until == ticket.signed_in_at + 14 * DAY
    assert (ticket.status, ticket.turn) == (Status.WAITING, "clock")


def test_a_recovery_code_is_a_doubt_too(db: None) -> None:
    kim = factories.make_user("kim")
    factories.add_totp(kim)
    codes = factories.add_codes(kim)
    age_factors(kim)
    ticket = make_ticket(kim, Status.WAITING)
    sign_in(kim, lambda: codes[0])
    ticket.refresh_from_db()
    assert ticket.signed_in_at is not None


def co_owner(user: User) -> Actor:
    kim = factories.make_user("kim")
    factories.add_role(factories.make_project("shared", user), kim)
    return permissions.signed_in(kim, recent=True)


@pytest.mark.parametrize("first", ["sign-in", "objection"])
def test_a_sign_in_waits_fourteen_days_whoever_objects_and_counts_once(ada: User, first: str) -> None:
    ticket, kim = make_ticket(ada, mailbox_confirmed_at=database_now() - DAY), co_owner(ada)
    add_boundary(ticket, proved=True)
    if first == "sign-in":
        workflow.note_sign_in(ticket.pk, young=False)
    for _again in range(2):
        workflow.dispute(ticket.pk, actor=kim, reason=REASON)
    for _again in range(2):
        workflow.note_sign_in(ticket.pk, young=False)
    ticket.refresh_from_db()
    assert ticket.signed_in_at is not None
    assert Event.objects.filter(ticket=ticket.pk, tag=Tag.ACCOUNT_RECOVERY_SIGNED_IN).count() == 1
    assert "somebody signed in" in [str(flag.word) for flag in flags.flags_of_ticket(ticket, database_now(), asked=1)]
    case = cases.read_case(ticket, database_now())
    assert (policy.doubt(case), policy.people(case, cases.numbers())) == (4, 2)


def test_while_somebody_signed_in_the_contact_hears_nothing_but_how_it_ends(ada: User) -> None:
    ticket = make_ticket(ada, mailbox_confirmed_at=database_now() - DAY, claim=Claim.EMAIL, contact="new@example.org")
    add_boundary(ticket, proved=True)
    status_link(ticket)
    workflow.note_sign_in(ticket.pk, young=False)
    with pytest.raises(errors.TicketBlocked):
        workflow.resend(ticket.pk, actor=SYSTEM)
    for status in (Status.CHALLENGED, Status.WAITING):
        RecoveryTicket.objects.update(status=status, wait_until=Now() + 9 * DAY, next_notice_at=Now() - HOUR)
        workflow.remind(ticket.pk)
    assert not Mail.objects.filter(recipient=ticket.contact).exists()
    workflow.reject(ticket.pk, actor=as_staff(make_moderator()), reason=REASON)
    assert [one.kind for one in Mail.objects.filter(recipient=ticket.contact)] == ["recovery_closed"]


def test_an_owner_with_an_old_factor_closes_one_request_and_then_only_doubts(ada: User) -> None:
    """Else an intruder with a factor could take back every request of the owner."""
    back = permissions.signed_in(ada, recent=True, factor_since=database_now() - 90 * DAY)
    first = make_ticket(ada)
    assert workflow.withdraw(first.pk, actor=back).status == Status.WITHDRAWN
    second = make_ticket(ada)
    assert workflow.withdraw(second.pk, actor=back).disputed_at is not None
    second.refresh_from_db()
    assert second.is_open


@pytest.mark.parametrize(("days", "ends"), [(29, False), (31, True)])
def test_an_address_younger_than_thirty_days_only_doubts(ada: User, days: int, ends: bool) -> None:
    add_address(ada, "new@second.example")
    ticket = make_ticket(ada)
    event = log.record(Tag.ACCOUNT_EMAIL_VERIFIED, actor=ada, subject=ada, address="new@second.example")
    RecoveryTicket.objects.filter(pk=ticket.pk).update(requested_at=event.time + days * DAY)
    stopped = workflow.stop(ticket.pk, actor=permissions.address_holder(stop_link(ticket, "new@second.example")))
    assert (stopped.status == Status.STOPPED) == ends
    assert (stopped.disputed_at is None) == ends


def test_the_password_alone_is_no_doubt(ada: User) -> None:
    ticket = make_ticket(ada, Status.WAITING)
    sign_in(ada, None)
    ticket.refresh_from_db()
    assert ticket.signed_in_at is None


@pytest.mark.parametrize(
    ("button", "status"), [("withdraw", Status.WITHDRAWN), ("stop", Status.STOPPED), ("lock", Status.STOPPED)]
)
def test_the_owner_who_is_back_says_what_it_is(button: str, status: str) -> None:
    kim = factories.make_user("kim")
    secret = factories.add_totp(kim)[1]
    age_factors(kim)
    ticket = make_ticket(kim)
    browser = sign_in(kim, lambda: factories.code(secret))
    assert b"Look at it or stop it" in browser.get("/").content
    said = browser.post("/recover/mine/", {"ticket": ticket.pk, button: "1"}, follow=True)
    assert "The request is closed." in said.content.decode()  # also where it ended this very session
    ticket.refresh_from_db()
    kim.refresh_from_db()
    assert (ticket.status, kim.frozen_at is not None) == (status, button == "lock")


def test_withdrawing_needs_a_recent_second_factor_and_stopping_does_not(ada: User, client: Client) -> None:
    ticket = make_ticket(ada)
    client.force_login(ada)
    answer = client.post("/recover/mine/", {"ticket": ticket.pk, "withdraw": "1"})
    assert answer["Location"].startswith("/account/step-up/")
    with pytest.raises(errors.StepUpRequired):
        workflow.withdraw(ticket.pk, actor=permissions.signed_in(ada))
    ticket.refresh_from_db()
    assert ticket.status == Status.CHALLENGED
    client.post("/recover/mine/", {"ticket": ticket.pk, "stop": "1"})
    ticket.refresh_from_db()
    assert ticket.status == Status.STOPPED


@pytest.mark.parametrize("number", ["", "x", "-1", "0", "99", "9" * 30, "٣", "1" * 5000])
def test_somebody_elses_ticket_is_answered_like_one_that_is_not_there(ada: User, client: Client, number: str) -> None:
    theirs = make_ticket(factories.make_user("kim"))
    client.force_login(ada)
    said = []
    for ticket in (str(theirs.pk), number):
        page = client.post("/recover/mine/", {"ticket": ticket, "stop": "1"}, follow=True)
        said.append(re.sub(rb'value="[A-Za-z0-9]{64}"', b"", page.content))
    assert said[0] == said[1]
    theirs.refresh_from_db()
    assert theirs.status == Status.CHALLENGED


def test_the_next_ticket_of_a_stopped_account_needs_two_people(ada: User) -> None:
    workflow.stop(make_ticket(ada).pk, actor=permissions.signed_in(ada))
    again = make_ticket(ada, Status.READY)
    with pytest.raises(errors.ApprovalMissing):
        decided.reset(again.pk, actor=as_staff(make_admin()), reason=REASON)


def test_a_hand_that_said_no_lately_disputes_its_next_no(ada: User) -> None:
    owner = permissions.signed_in(ada)
    workflow.stop(make_ticket(ada).pk, actor=owner)
    again = workflow.stop(make_ticket(ada, contact="new@example.org").pk, actor=owner)
    assert (again.status, again.disputed_at is not None) == (Status.CHALLENGED, True)
    another = permissions.address_holder(stop_link(again))
    assert workflow.stop(again.pk, actor=another).status == Status.STOPPED


def test_a_no_to_somebody_elses_account_counts_for_theirs_only(ada: User) -> None:
    kim = factories.make_user("kim")
    workflow.stop(make_ticket(kim).pk, actor=permissions.signed_in(kim))
    shared = stop_link(make_ticket(kim, contact="new@example.org"), "both@example.org")
    workflow.stop(int(shared.reference.removeprefix("ticket:")), actor=permissions.address_holder(shared))
    mine = make_ticket(ada)
    assert workflow.stop(mine.pk, actor=permissions.signed_in(ada)).status == Status.STOPPED
    again = make_ticket(ada, contact="new@example.org")
    other = permissions.address_holder(stop_link(again, "both@example.org"))
    assert workflow.stop(again.pk, actor=other).status == Status.STOPPED


@pytest.mark.parametrize("said", ["closed_at", "objected_at"])
@pytest.mark.parametrize(("days", "disputes"), [(29, True), (31, False)])
def test_a_no_of_long_ago_is_no_reason_to_dispute_the_next(ada: User, said: str, days: int, disputes: bool) -> None:
    before = {"closed_at": database_now() - 90 * DAY, said: database_now() - days * DAY}
    status = Status.STOPPED if said == "closed_at" else Status.COMPLETED
    make_ticket(ada, status, contact="old@example.org", stopped_by="subject", **before)
    ticket = workflow.stop(make_ticket(ada).pk, actor=permissions.signed_in(ada))
    assert (ticket.disputed_at is not None, ticket.status == Status.STOPPED) == (disputes, not disputes)


def test_a_young_second_factor_disputes_and_never_stops(db: None) -> None:
    kim = factories.make_user("kim")
    secret = factories.add_totp(kim)[1]
    ticket = make_ticket(kim)
    browser = sign_in(kim, lambda: factories.code(secret))
    for button in ("stop", "lock", "withdraw"):
        browser.post("/recover/mine/", {"ticket": ticket.pk, button: "1"})
        ticket.refresh_from_db()
        kim.refresh_from_db()
        assert (ticket.status, ticket.signed_in_at, kim.frozen_at) == (Status.CHALLENGED, None, None)
    assert ticket.disputed_at is not None


def test_a_closed_ticket_is_looked_at_no_more_and_its_contact_is_told(challenged: RecoveryTicket) -> None:
    Boundary.objects.update(next_probe_at=database_now())
    workflow.stop(challenged.pk, actor=permissions.address_holder(stop_link(challenged)))
    assert challenged.boundaries.get().next_probe_at is None
    (told,) = mails(challenged, "recovery_closed")
    assert told.recipient == "ada@example.org"
    assert "This wasn't me" in outbox.render(told).text
