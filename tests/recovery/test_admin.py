"""The desk in the admin: who sees what, which buttons there are, what a POST by URL does."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.devices import TotpDevice
from accounts.mail import links, outbox
from accounts.mail.models import Link, Mail
from accounts.models import User
from audit.models import Event
from recoverydesk.recovery import notices, workflow
from recoverydesk.recovery.models import CodeHost, RecoveryTicket, Status
from recoverydesk.recovery.permissions import SYSTEM
from tests.helpers import factories
from tests.helpers.desk import QUEUE, browser, button, page, push
from tests.helpers.tickets import (
    REASON,
    add_boundary,
    everything,
    make_admin,
    make_moderator,
    make_root,
    make_ticket,
    refusals,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def moderator(db: None) -> Client:
    return browser(make_moderator())


@pytest.fixture
def admin(db: None) -> Client:
    return browser(make_admin())


@pytest.fixture
def ready(ada: User) -> RecoveryTicket:
    factories.make_project("tool", ada)
    ticket = make_ticket(ada, Status.READY)
    add_boundary(ticket, proved=True)
    return ticket


# Who gets in ---------------------------------------------------------------------------------------------------------


def test_only_staff_with_a_second_factor_and_the_right_see_tickets(ready: RecoveryTicket, client: Client) -> None:
    pages = [QUEUE, page(ready), f"{QUEUE}{ready.pk}/mail/1/"]
    assert {client.get(one).status_code for one in pages} == {302}
    client.force_login(make_admin("no-factor-shown"))
    assert {client.get(one).status_code for one in pages} == {302}
    client.force_login(factories.make_user("kim"))
    assert {client.get(one, follow=True).status_code for one in pages} == {403}
    auditor = browser(factories.make_user("auditor", staff=True))
    assert {auditor.get(one).status_code for one in pages} == {403}


@pytest.mark.parametrize("status", list(Status))
def test_the_ticket_page_opens_in_every_status(ada: User, moderator: Client, admin: Client, status: str) -> None:
    ticket = make_ticket(ada, status)
    for client in (moderator, admin):
        answer = client.get(page(ticket))
        assert answer.status_code == 200
        assert b"The claimant says / we see" in answer.content


@pytest.mark.parametrize("number", ["0", "99", "x", "9" * 30, "9" * 5000, "٣"])
def test_a_ticket_that_is_not_there_is_404(admin: Client, number: str) -> None:
    assert admin.get(f"{QUEUE}{number}/change/").status_code == 404
    assert admin.post(f"{QUEUE}{number}/press/challenge/", follow=True).status_code == 404


def test_there_is_no_form_to_type_into_a_ticket(ready: RecoveryTicket) -> None:
    root = browser(factories.make_user("root", superuser=True))
    before = everything()
    assert root.get(f"{QUEUE}add/").status_code == 403
    assert root.get(f"{QUEUE}{ready.pk}/delete/").status_code == 403
    root.post(page(ready), {"status": "completed", "claim": "email"})
    assert everything()["RecoveryTicket"] == before["RecoveryTicket"]
    assert RecoveryTicket.objects.get().status == Status.READY


# The one primary button ----------------------------------------------------------------------------------------------


def primaries(client: Client, ticket: RecoveryTicket) -> list[str]:
    content = client.get(page(ticket)).content.decode()
    assert content.count('class="primary-button"') <= 1
    found = client.get(page(ticket)).context["primary"]
    return [found.verb] if found else []


def test_the_reset_button_is_there_only_for_who_may_reset_and_only_when_ready(
    ada: User, ready: RecoveryTicket, moderator: Client, admin: Client
) -> None:
    assert primaries(admin, ready) == ["reset"]
    assert b"Reset second factors" in admin.get(page(ready)).content
    assert primaries(moderator, ready) == []
    assert b"press/reset" not in moderator.get(page(ready)).content
    for status in set(Status) - {Status.READY}:
        with_status = make_ticket(factories.make_user(f"of-{status}"), status, reset_by=ready.assigned_to or ada)
        assert "reset" not in primaries(admin, with_status)


def test_each_status_has_its_button(ada: User, moderator: Client) -> None:
    new = make_ticket(ada, Status.NEW)
    assert primaries(moderator, new) == ["challenge"]
    kim = make_ticket(factories.make_user("kim"))
    add_boundary(kim)
    assert primaries(moderator, kim) == ["check_now"]


def test_the_right_to_reset_without_projects_shows_the_button_there_only(ready: RecoveryTicket) -> None:
    helper = make_moderator("helper")
    factories.grant(helper, "reset_without_projects")
    client = browser(helper)
    assert primaries(client, ready) == []
    assert primaries(client, make_ticket(factories.make_user("kim"), Status.READY)) == ["reset"]


def test_the_button_says_what_it_will_remove(ada: User, admin: Client, request: pytest.FixtureRequest) -> None:
    factories.add_codes(ada)  # before the request: codes made during it are an alarm
    ready = request.getfixturevalue("ready")
    words = " ".join(admin.get(page(ready)).content.decode().split())
    assert re.search(r"This removes 1 authenticator app\b.* 8 recovery codes", words)


# Buttons -------------------------------------------------------------------------------------------------------------


def test_an_admin_resets_and_it_is_done(ada: User, ready: RecoveryTicket, admin: Client) -> None:
    answer = push(admin, ready, "reset", {"reason": REASON}, follow=True)
    assert b"Done: second factors reset" in answer.content
    assert not TotpDevice.objects.filter(user=ada).exists()
    assert RecoveryTicket.objects.get().status == Status.COMPLETED


def test_a_moderator_who_posts_the_url_is_refused_and_it_is_written_down(
    ready: RecoveryTicket, moderator: Client
) -> None:
    before = everything()
    answer = push(moderator, ready, "reset", {"reason": REASON}, follow=True)
    assert b"You may not do this" in answer.content
    assert everything() == before
    assert [(data["verb"], data["error"]) for data in refusals(ready)] == [("reset", "NotAllowed")]
    assert Event.objects.latest("id").actor_name == "mod"


@pytest.mark.parametrize("verb", ["reset", "challenge", "reject", "resend", "check_now", "send_back", "note", "take"])
def test_staff_without_rights_click_nothing(ready: RecoveryTicket, verb: str) -> None:
    auditor = browser(factories.make_user("auditor", staff=True))
    before = everything()
    push(auditor, ready, verb, {"reason": REASON, "text": "hello there"})
    assert everything() == before
    assert not ready.entries.exists()


@pytest.mark.parametrize("verb", ["reset", "challenge", "reject", "resend", "check_now", "send_back", "note", "take"])
@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "patch"])
def test_every_button_is_a_post(ready: RecoveryTicket, admin: Client, verb: str, method: str) -> None:
    before = everything()
    assert getattr(admin, method)(button(ready, verb)).status_code == 405
    assert everything() == before


@pytest.mark.parametrize("verb", ["complete", "__class__", "block", "record_probe", "stop"])
def test_a_button_that_is_none_is_404(ready: RecoveryTicket, admin: Client, verb: str) -> None:
    assert admin.post(button(ready, verb)).status_code == 404


def test_a_button_needs_the_csrf_token(ready: RecoveryTicket, admin: Client) -> None:
    admin.handler.enforce_csrf_checks = True
    before = everything()
    assert admin.post(button(ready, "reset"), {"reason": REASON}).status_code == 403
    assert everything() == before


def test_a_stale_page_resets_nothing(ready: RecoveryTicket, admin: Client) -> None:
    RecoveryTicket.objects.update(version=ready.version + 1)
    before = everything()
    answer = push(admin, ready, "reset", {"reason": REASON, "version": ready.version, "seen": ""})
    assert b"changed since you opened this page" in answer.content
    assert everything() == before
    assert refusals(ready)[-1]["error"] == "StaleTicket"


def test_an_admin_cannot_decide_about_themselves(db: None) -> None:
    boss = make_admin("boss")
    client = browser(boss)
    ticket = make_ticket(boss, Status.READY)
    before = everything()
    for verb in ("reset", "reject", "send_back", "note", "take"):
        push(client, ticket, verb, {"reason": REASON, "text": "hello there"})
    assert everything() == before
    assert not ticket.entries.exists()


def test_a_ticket_is_worked_from_new_to_closed_by_its_buttons(ada: User, moderator: Client) -> None:
    ticket = make_ticket(ada, Status.NEW)
    add_boundary(ticket)
    for verb, status in (("take", "new"), ("challenge", "challenged"), ("check_now", "challenged"),
                         ("resend", "challenged"), ("note", "challenged"), ("reject", "rejected")):  # fmt: skip
        assert push(moderator, ticket, verb, {"reason": REASON, "text": "looks odd"}).status_code == 302
        ticket.refresh_from_db()
        assert ticket.status == status
    assert ticket.assigned_to is not None
    assert ticket.entries.get().text == "looks odd"


@pytest.mark.parametrize("text", ["", "   ", "x" * 20_001])
def test_an_empty_or_endless_note_is_refused(ready: RecoveryTicket, moderator: Client, text: str) -> None:
    push(moderator, ready, "note", {"text": text})
    assert not ready.entries.exists()


def test_a_note_is_shown_as_text(ready: RecoveryTicket, moderator: Client) -> None:
    push(moderator, ready, "note", {"text": "<script>alert(1)</script>"})
    content = moderator.get(page(ready)).content
    assert b"<script>alert" not in content
    assert b"&lt;script&gt;alert" in content


# Mails ---------------------------------------------------------------------------------------------------------------


def test_the_mail_page_masks_links_and_the_branch_name(ada: User, moderator: Client) -> None:
    ticket = make_ticket(ada, Status.NEW)
    add_boundary(ticket)
    workflow.challenge(ticket.pk, actor=SYSTEM)
    token = notices.token_of(RecoveryTicket.objects.get())
    keys = [links.key(link) for link in Link.objects.all()]
    for one in Mail.objects.filter(reference=ticket.reference):
        assert any(key in outbox.render(one).text for key in keys)
        content = moderator.get(f"{QUEUE}{ticket.pk}/mail/{one.pk}/").content.decode()
        assert "•••" in content
        assert token not in content
        assert not any(key in content for key in keys)


def test_a_mail_of_something_else_is_not_shown_under_a_ticket(ada: User, ready: RecoveryTicket, admin: Client) -> None:
    other = make_ticket(factories.make_user("kim"), Status.NEW)
    workflow.challenge(other.pk, actor=SYSTEM)
    for one in Mail.objects.all():
        assert admin.get(f"{QUEUE}{ready.pk}/mail/{one.pk}/").status_code == 404


# The queue -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("queue", "names"),
    [
        ("", {"new", "ready", "objected"}), ("ours", {"new", "ready", "objected"}),
        ("nonsense", {"new", "ready", "objected"}),
        ("theirs", {"challenged"}), ("clock", {"waiting"}), ("ready", {"ready"}),
        ("mine", {"challenged"}), ("closed", {"rejected", "objected"}),
    ],
)  # fmt: skip
def test_each_tab_holds_its_tickets(db: None, queue: str, names: set[str]) -> None:
    mod = make_moderator()
    scene: dict[str, dict[str, Any]] = {
        "new": {"status": Status.NEW, "turn": "ours"},
        "challenged": {"status": Status.CHALLENGED, "turn": "theirs", "assigned_to": mod},
        "waiting": {"status": Status.WAITING, "turn": "clock"},
        "ready": {"status": Status.READY, "turn": "ours"},
        "rejected": {"status": Status.REJECTED, "turn": "nobody", "assigned_to": mod},
        "objected": {"status": Status.COMPLETED, "turn": "ours"},
    }
    for name, fields in scene.items():
        make_ticket(factories.make_user(name), **fields)
    answer = browser(mod).get(QUEUE, {"queue": queue} if queue else {})
    assert {row.ticket.subject.username for row in answer.context["found"].rows} == names


def test_the_longest_wait_comes_first_and_search_keeps_the_counts(ada: User, admin: Client) -> None:
    first, second = make_ticket(ada, Status.NEW), make_ticket(factories.make_user("kim"), Status.NEW)
    RecoveryTicket.objects.filter(pk=second.pk).update(turn_since=first.requested_at)
    add_boundary(first, "ada", proved=True)
    add_boundary(first, "adas-guild")
    found = admin.get(QUEUE).context["found"].rows
    assert [row.ticket.pk for row in found] == [second.pk, first.pk]
    (one,) = admin.get(QUEUE, {"q": "ada"}).context["found"].rows
    assert (one.proved, one.asked) == (1, 2)


def test_code_hosts_are_shown_and_nobody_types_them(admin: Client) -> None:
    CodeHost.objects.create(host="git.example", origin="https://git.example")
    assert b"git.example" in admin.get("/admin/recovery/codehost/").content
    assert admin.get("/admin/recovery/codehost/add/").status_code == 403


# Accounts ------------------------------------------------------------------------------------------------------------


def test_the_form_of_staff_rights_and_the_page_about_the_account_lead_to_each_other(
    ada: User, moderator: Client
) -> None:
    record, everything_about = f"/admin/accounts/user/{ada.pk}/change/", f"{QUEUE}account/{ada.pk}/"
    root = browser(make_root())
    assert f'href="{everything_about}"'.encode() in root.get(record).content
    assert f'href="{record}"'.encode() in root.get(everything_about).content
    assert record.encode() not in moderator.get(everything_about).content


def test_numbers_of_tickets_are_links_and_everything_else_is_text(ready: RecoveryTicket, moderator: Client) -> None:
    push(moderator, ready, "note", {"text": "<b>see</b> #7, not a#8 nor #0 nor #12345678901"})
    shown = moderator.get(page(ready)).content.decode()
    assert f'&lt;b&gt;see&lt;/b&gt; <a href="{QUEUE}7/change/">#7</a>, not a#8 nor #0 nor #12345678901' in shown


# The claimant says / we see ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "lost", "factors", "contact"),
    [
        ("second_factor", "second factor", True, True),
        ("email", "address", None, None),
        ("email_and_second_factor", "address and second factor", True, None),
        ("unverified_email", "access to an address never verified", None, None),
        ("unverified_and_factor", "access to an address never verified, and second factor", True, None),
    ],
)
def test_the_comparison_is_about_what_the_claim_says_is_lost(
    ada: User, moderator: Client, claim: str, lost: str, factors: bool | None, contact: bool | None
) -> None:
    ticket = make_ticket(ada, claim=claim, contact="new@example.org")
    lines = {fact.name: fact for fact in moderator.get(page(ticket)).context["facts"]}
    assert (lines["lost"].says, lines["lost"].match, lines["contact"].match) == (lost, factors, contact)
