"""What a hostile or clumsy member of staff may send to the desk: odd text, forged forms, buttons of others."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from common.clock import database_now
from recoverydesk.recovery.desk import assignment
from recoverydesk.recovery.models import BoundaryException, Claim, Mention, OtherProof, RecoveryTicket, Status
from recoverydesk.recovery.permissions import staff
from recoverydesk.recovery.policy import UNVERIFIED
from tests.helpers import decided, factories
from tests.helpers.desk import QUEUE, browser, page, push
from tests.helpers.tickets import (
    DAY,
    REASON,
    add_boundary,
    as_staff,
    everything,
    make_admin,
    make_moderator,
    make_root,
    make_ticket,
    refusals,
)

pytestmark = pytest.mark.django_db
Becomes = Callable[[User, RecoveryTicket], None]


@pytest.fixture
def mod(db: None) -> Client:
    return browser(make_moderator())


@pytest.fixture
def ticket(db: None) -> RecoveryTicket:
    one = make_ticket(factories.make_user("ada"), Status.NEW)
    add_boundary(one)
    return one


def disputed() -> RecoveryTicket:
    """A ready ticket two people decide about."""
    now = database_now()
    given = {"mailbox_confirmed_at": now - 20 * DAY, "disputed_at": now - 8 * DAY}
    one = make_ticket(factories.make_user("kim"), Status.READY, **given)
    add_boundary(one, proved=True)
    return one


def names(ticket: RecoveryTicket) -> list[tuple[str, str]]:
    return [(data["verb"], data["error"]) for data in refusals(ticket)]


# Odd text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["%", "_", "\\", "#", "#0214", "9" * 30, "#" + "9" * 30, "x" * 5000, "@", "//", "http://[", "https://a:99999999/b",
     "a:b/c", "ß/ß", "\u202e", "<script>", "'; --", "٣", "²", "https://xn--/a/b", "a/" * 100],
)  # fmt: skip
def test_whatever_is_searched_or_asked_of_the_queue_it_opens(ticket: RecoveryTicket, mod: Client, text: str) -> None:
    asked = dict.fromkeys(("with", "queue", "claim", "flag", "status", "page"), text)
    assert mod.get(QUEUE, {"q": text}).status_code == 200
    assert mod.get(QUEUE, asked).status_code == 200


def test_a_percent_sign_finds_no_more_than_itself(ticket: RecoveryTicket, mod: Client) -> None:
    for text in ("%", "_da", "a%", "ad_"):
        assert mod.get(QUEUE, {"q": text}).context["found"].rows == []


@pytest.mark.parametrize("name", ["q", "with"])
@pytest.mark.parametrize("address", [QUEUE, f"{QUEUE}csv/"])
def test_a_nul_is_no_search(mod: Client, address: str, name: str) -> None:
    """PostgreSQL takes no NUL in a text: asked for it, the page was an error of ours."""
    assert mod.get(address, {name: "a\0b"}).status_code == 400


@pytest.mark.parametrize("path", ["press/note/", "press/reject/", "press/dispute/", "press/assign/", "reply/"])
def test_a_nul_is_written_nowhere(ticket: RecoveryTicket, mod: Client, path: str) -> None:
    before = everything()
    given = {"text": "hello\0there", "reason": f"{REASON}\0", "to": "jon\0"}
    assert mod.post(f"{QUEUE}{ticket.pk}/{path}", given).status_code == 400
    assert everything() == before


@pytest.mark.parametrize("path", ["act/", "save-view/", "remove-view/"])
def test_a_nul_names_no_view_and_nobody(ticket: RecoveryTicket, mod: Client, path: str) -> None:
    given = {"name": "a\0b", "view": "q=x", "ticket": [str(ticket.pk)], "action": "assign", "to": "a\0b"}
    assert mod.post(f"{QUEUE}{path}", given).status_code == 400


# A form that lacks something -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["reset", "approve"])
def test_a_wrong_username_is_written_down(db: None, verb: str) -> None:
    ticket, admin = disputed(), browser(make_admin())
    answer = push(admin, ticket, verb, {"reason": REASON, "username": "Kim"})
    assert answer.status_code == 409
    assert b"Type the username of the account exactly" in answer.content
    assert names(ticket) == [(verb, "WrongUsername")]


@pytest.mark.parametrize("verb", ["reset", "approve"])
def test_who_may_not_act_hears_that_and_not_what_the_form_lacks(mod: Client, verb: str) -> None:
    ticket = disputed()
    answer = push(mod, ticket, verb, {"reason": REASON})
    assert b"You may not do this" in answer.content
    assert names(ticket) == [(verb, "NotAllowed")]


def test_a_duplicate_of_nothing_and_an_unknown_name_are_written_down(ticket: RecoveryTicket, mod: Client) -> None:
    push(mod, ticket, "duplicate", {"of": "999"})
    push(mod, ticket, "assign", {"to": "nobody-of-that-name"})
    assert names(ticket) == [("reject", "InvalidTransition"), ("assign", "UnknownSubject")]


@pytest.mark.parametrize("days", ["31", "45", "-1", "x", "9" * 17, "9" * 40])
def test_a_number_of_days_that_is_none_wakes_nothing(ticket: RecoveryTicket, mod: Client, days: str) -> None:
    """Forty-five days were taken for none: the ticket woke, and the page said so as if that had been asked."""
    until = database_now() + 3 * DAY
    assignment.snooze(ticket.pk, actor=staff(make_admin()), until=until)
    answer = push(mod, ticket, "snooze", {"days": days})
    assert b"at most 30 days" in answer.content
    assert RecoveryTicket.objects.get().snoozed_until == until
    assert names(ticket) == [("snooze", "BadSnooze")]
    push(mod, ticket, "snooze", {"days": "0"})
    assert RecoveryTicket.objects.get().snoozed_until is None


# Buttons and words that say what the reset does ----------------------------------------------------------------------


def approved_by(approver: User) -> RecoveryTicket:
    one = disputed()
    decided.approve(one.pk, actor=as_staff(approver), reason=REASON)
    return one


def lose_the_right(approver: User, ticket: RecoveryTicket) -> None:
    approver.groups.set(Group.objects.filter(name="Moderators"))


def own_a_project_with_the_subject(approver: User, ticket: RecoveryTicket) -> None:
    project = factories.make_project("tool", ticket.subject)
    factories.add_role(project, approver)
    RecoveryTicket.objects.update(requested_at=database_now())


def be_no_longer_enough(approver: User, ticket: RecoveryTicket) -> None:
    User.objects.filter(pk=ticket.subject_id).update(is_staff=True)


@pytest.mark.parametrize("becomes", [lose_the_right, own_a_project_with_the_subject, be_no_longer_enough])
def test_an_approval_that_no_longer_counts_leaves_the_button_to_approve(db: None, becomes: Becomes) -> None:
    """The page called it approved and offered the reset, which refused: nobody could go on with the ticket."""
    approver, root = make_admin("rosa"), make_root()
    ticket, client = approved_by(approver), browser(root)
    assert client.get(page(ticket)).context["primary"].verb == "reset"
    becomes(approver, ticket)
    shown = client.get(page(ticket)).context
    assert (shown["primary"].verb, shown["approvals"]) == ("approve", [])
    push(client, ticket, "approve", {"reason": REASON, "username": "kim"})
    other = browser(make_admin("otto"))
    push(other, ticket, "reset", {"reason": REASON, "username": "kim"})
    assert RecoveryTicket.objects.get(pk=ticket.pk).status == Status.COMPLETED


@pytest.mark.parametrize(
    ("claim", "label", "done"),
    [
        (Claim.SECOND_FACTOR, "Reset second factors", "Done: second factors reset."),
        (Claim.EMAIL_AND_SECOND_FACTOR, "Reset address and second factors", "Done: address and second factors reset."),
        (Claim.EMAIL, "Reset the address", "Done: the address is reset."),
        (Claim.UNVERIFIED_EMAIL, "Mark the address as verified", "Done: the address is verified."),
        (
            Claim.UNVERIFIED_AND_FACTOR,
            "Verify the address and reset second factors",
            "Done: the address is verified and the second factors are reset.",
        ),
    ],
)
def test_the_button_and_the_answer_name_what_the_reset_does(db: None, claim: Claim, label: str, done: str) -> None:
    """ "Reset second factors" stood above a reset that leaves every second factor where it is."""
    kim = factories.make_user("kim", verified=claim.value not in UNVERIFIED)
    new = claim in (Claim.EMAIL, Claim.EMAIL_AND_SECOND_FACTOR)
    contact = "kim@new.example" if new else "kim@example.org"
    ticket = make_ticket(kim, Status.READY, claim=claim, contact=contact)
    add_boundary(ticket, proved=True)
    OtherProof.objects.create(ticket=ticket, kind=OtherProof.Kind.PASSWORD)
    if new:
        decided.approve(ticket.pk, actor=as_staff(make_admin("rosa")), reason=REASON)
    client = browser(make_admin())
    assert client.get(page(ticket)).context["primary"].label == label
    answer = push(client, ticket, "reset", {"reason": REASON, "username": "kim"}, follow=True)
    assert done in answer.content.decode()
    mails = b"We mailed the link for a new password to the contact" in answer.content
    assert mails == (claim != Claim.UNVERIFIED_EMAIL)


def test_the_right_to_reset_without_projects_shows_no_button_the_verb_refuses(db: None) -> None:
    helper = make_moderator("helper")
    factories.grant(helper, "reset_without_projects")
    client = browser(helper)
    kim = factories.make_user("kim", verified=False)
    address = make_ticket(kim, Status.READY, claim=Claim.UNVERIFIED_EMAIL)
    two = make_ticket(factories.make_user("lee"), Status.READY, disputed_at=database_now() - 8 * DAY)
    decided.approve(two.pk, actor=as_staff(make_admin("rosa")), reason=REASON)
    for ticket in (address, two):
        assert client.get(page(ticket)).context["primary"] is None
        push(client, ticket, "reset", {"reason": REASON, "username": ticket.subject.username})
        assert names(ticket) == [("reset", "NotAllowed")]


# What can be found ---------------------------------------------------------------------------------------------------


def test_what_is_put_off_can_be_found_in_our_turn(ticket: RecoveryTicket, mod: Client) -> None:
    """Nobody has it and it sleeps: no tab showed it, and the filter asked Our turn for what is not in it."""
    assignment.snooze(ticket.pk, actor=staff(make_admin()), until=database_now() + 3 * DAY)
    assert [row.ticket for row in mod.get(QUEUE, {"flag": "snoozed"}).context["found"].rows] == [ticket]
    assert mod.get(QUEUE).context["found"].rows == []


def test_the_file_of_tickets_says_that_it_is_utf_8(ticket: RecoveryTicket, mod: Client) -> None:
    assert mod.get(f"{QUEUE}csv/").getvalue().startswith("\ufeffticket,".encode())


@pytest.mark.parametrize("status", [Status.NEW, Status.CHALLENGED, Status.READY])
def test_a_ticket_about_its_reader_has_no_button(db: None, status: Status) -> None:
    root = make_root()
    own = make_ticket(root, status)
    add_boundary(own, proved=status == Status.READY)
    shown = browser(root).get(page(own)).context
    assert (shown["primary"], shown["may_work"]) == (None, False)


@pytest.mark.parametrize("verb", ["approve_exception", "decline_exception"])
def test_nobody_decides_about_an_exception_they_have_not_read(db: None, verb: str) -> None:
    """It was declined and asked again, for another reason, while the form was open."""
    ticket, client = make_ticket(factories.make_user("ada")), browser(make_admin())
    row = add_boundary(ticket)
    ask: dict[str, Any] = {"boundary_id": row.pk, "other_proof": "archived"}
    asker, judge = as_staff(make_moderator("asker")), as_staff(make_moderator("judge"))
    decided.ask_exception(ticket.pk, actor=asker, reason="the first reason", **ask)
    shown = client.get(page(ticket)).context
    decided.decline_exception(ticket.pk, actor=judge, boundary_id=row.pk, reason=REASON)
    decided.ask_exception(ticket.pk, actor=asker, reason="another reason altogether", **ask)
    form = {"boundary": row.pk, "version": shown["seen"].version, "seen": shown["seen"].event, "reason": REASON}
    answer = push(client, ticket, verb, form)
    assert answer.status_code == 409
    assert len(answer.context["changes"]) == 2
    assert names(ticket) == [(verb, "StaleTicket")]
    assert list(row.exceptions.order_by("id").values_list("approved", flat=True)) == [False, None]


def test_the_reason_that_stands_in_the_box_names_all_a_reset_rests_on(db: None) -> None:
    ticket = disputed()
    row = add_boundary(ticket, "gone")
    given = {"other_proof": "dead_host", "reason": REASON, "asked_by": make_moderator("asker")}
    BoundaryException.objects.create(boundary=row, approved=True, decided_by=make_admin("judge"), **given)
    OtherProof.objects.create(ticket=ticket, kind=OtherProof.Kind.PASSWORD)
    evidence = browser(make_admin()).get(page(ticket)).context["evidence"]
    said = "1 of 2 repository owners proved, 1 accepted without proof, other proof given, mailbox confirmed"
    assert evidence.startswith(said)


def test_many_links_of_one_owner_hide_no_other_owner_from_the_accounts_page(mod: Client) -> None:
    """The first two hundred links were read, whosever they were: later projects seemed to name no repository."""
    ada = factories.make_user("ada")
    for number in range(5):
        urls = [("Source", f"https://github.com/old{number}/r{one}") for one in range(50)]
        factories.make_project(f"project{number}", ada, urls=urls)
    shown = mod.get(f"{QUEUE}account/{ada.pk}/").context["roles"]
    assert [list(owners) for _role, owners, _rest in shown] == [[f"github.com/old{number}"] for number in range(5)]


@pytest.mark.parametrize("since", [{"is_staff": False}, {"is_active": False}, {"frozen": True}])
def test_nobody_is_given_a_ticket_or_told_of_one_who_cannot_come_to_the_desk(
    ticket: RecoveryTicket, mod: Client, since: dict[str, bool]
) -> None:
    """It would have lain on the desk of a frozen account, where Take next passes it over."""
    jon = make_moderator("jon")
    User.objects.filter(pk=jon.pk).update(**({"frozen_at": database_now()} if "frozen" in since else since))
    assert push(mod, ticket, "assign", {"to": "jon"}).status_code == 409
    assert "jon" not in [worker.username for worker in mod.get(QUEUE).context["workers"]]
    push(mod, ticket, "note", {"text": "@jon, look at this"})
    assert RecoveryTicket.objects.get(pk=ticket.pk).assigned_to is None
    assert not Mention.objects.exists()
