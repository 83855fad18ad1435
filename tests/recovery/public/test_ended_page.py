"""However a request ended, its status link says so for ninety days, and does nothing."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client

from accounts.mail import links, outbox
from accounts.mail.models import Mail
from accounts.models import User
from recoverydesk.recovery import workflow
from recoverydesk.recovery.models import OPEN_STATUSES, Claim, RecoveryTicket, Status
from tests.helpers import decided
from tests.helpers.links import path
from tests.helpers.tickets import (
    DAY,
    REASON,
    add_address,
    as_staff,
    confirm_link,
    everything,
    make_admin,
    make_moderator,
    make_ticket,
    status_link,
)

pytestmark = pytest.mark.django_db
ENDS = [status for status in Status.values if status not in OPEN_STATUSES]
SAID = {
    Status.COMPLETED: "Choose your new password: we mailed you the link.",
    Status.REJECTED: "Our staff could not confirm that it came from you.",
    Status.EXPIRED: "We waited for you",
    Status.STOPPED: "Somebody stopped it with “This wasn't me”",
    Status.WITHDRAWN: "You closed it on this page.",
}
BUTTONS = [{}, {"withdraw": "1"}, {"pushed": "1"}, {"proof": "1", "kind": "device"}, {"message": "1", "text": "hello"}]


def ended(ada: User, status: str, **fields: Any) -> str:
    """The path of a status link whose ticket ended like this."""
    ticket = make_ticket(ada, status, **fields)
    address = path(status_link(ticket))
    links.kill(reference=ticket.reference, purposes=["status"])
    return address


def words(address: str) -> str:
    """What stands between the tags of the page, which opens."""
    answer = Client().get(address)
    assert answer.status_code == 200
    page = answer.content.decode().split("<main")[1].split("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", "", page).replace("&#x27;", "'").split())


def test_every_end_has_words_of_its_own() -> None:
    """A new status fails here until somebody says what its page tells."""
    assert set(SAID) == set(ENDS)


@pytest.mark.parametrize("status", ENDS)
def test_the_status_link_says_how_it_ended(ada: User, status: Status) -> None:
    said = words(ended(ada, status))
    assert [end for end, sentence in SAID.items() if sentence in said] == [status]
    assert "Recovery request" in said


@pytest.mark.parametrize("status", ENDS)
def test_after_ninety_days_it_says_nothing(ada: User, status: Status) -> None:
    address = ended(ada, status)
    RecoveryTicket.objects.update(closed_at=F("closed_at") - timedelta(days=90) + timedelta(minutes=1))
    assert Client().get(address).status_code == 200
    RecoveryTicket.objects.update(closed_at=F("closed_at") - timedelta(minutes=1))
    assert Client().get(address).status_code == 404


@pytest.mark.parametrize("fields", BUTTONS)
@pytest.mark.parametrize("status", ENDS)
def test_a_button_of_a_page_left_open_leads_there_and_changes_nothing(
    ada: User, status: Status, fields: dict[str, str]
) -> None:
    address = ended(ada, status)
    before = everything()
    browser = Client()
    answer = browser.post(address, fields)
    assert (answer.status_code, answer["Location"]) == (302, address)
    assert "Your request has changed" in browser.get(address).content.decode() or "withdraw" in fields
    assert everything() == before


def test_the_words_follow_what_the_reset_did_and_what_came_after(ada: User) -> None:
    address = ended(ada, Status.COMPLETED)
    tickets = RecoveryTicket.objects.all()
    tickets.update(completed_at=Now() - 8 * DAY)
    assert "You did not set a new password in time, and we cannot mail the link again." in words(address)
    tickets.update(password_chosen_at=Now())
    assert "You set your new password on" in words(address)
    tickets.update(objected_at=Now())
    assert "Somebody objected after we let you in." in words(address)
    tickets.update(objection_settled_at=Now(), claim=Claim.UNVERIFIED_EMAIL)
    assert "Your password and your second factors stay as they are." in words(address)


def test_who_closed_it_is_told_apart(ada: User) -> None:
    assert "It was closed by somebody who was signed in to the account." in words(
        ended(ada, Status.WITHDRAWN, stopped_by="subject")
    )


def test_a_request_that_another_one_overtook_says_so(ada: User) -> None:
    ready = make_ticket(ada, Status.READY)
    slower = make_ticket(ada, contact="ada@second.example", mailbox_confirmed_at=ada.date_joined, claim=Claim.EMAIL)
    address = path(status_link(slower))
    decided.reset(ready.pk, actor=as_staff(make_admin("resetter")), reason=REASON)
    assert (
        "We let somebody into this account after another request. If that was not you, send us a new request at once."
        in words(address)
    )
    assert "Your request did not change the account" not in words(address)


def test_why_staff_closed_it_stays_with_staff(ada: User) -> None:
    ticket = make_ticket(ada)
    address = path(status_link(ticket))
    workflow.reject(ticket.pk, actor=as_staff(make_moderator()), reason="smells of a thief")
    assert "smells of a thief" not in words(address)


def test_a_mailbox_that_never_confirmed_learns_neither_account_nor_reason(ada: User) -> None:
    ticket = make_ticket(ada, claim=Claim.EMAIL, contact="eve@new.example")
    address = path(confirm_link(ticket))
    workflow.reject(ticket.pk, actor=as_staff(make_moderator()), reason=REASON)
    said = words(address)
    assert "Your request is closed." in said
    assert "ada" not in said
    assert SAID[Status.REJECTED] not in said


# What we mailed ------------------------------------------------------------------------------------------------------


def mail(ticket: RecoveryTicket, address: str, kind: str = "recovery_reminder", **fields: Any) -> None:
    row = outbox.queue(kind, address, reference=ticket.reference, dedupe=f"{kind}{address}{fields}")
    Mail.objects.filter(pk=row.pk).update(**fields)


def test_the_page_lists_the_contacts_mails_and_nobody_elses(ada: User) -> None:
    add_address(ada, "private@elsewhere.example")
    ticket = make_ticket(ada)
    for address in ("ada@example.org", "private@elsewhere.example"):
        mail(ticket, address, "recovery_notice", state=Mail.State.SENT, sent_at=Now())
    mail(ticket, "private@elsewhere.example", "recovery_wait_over")
    page = path(status_link(ticket))
    for said in (words(page), _after_the_end(ticket, page)):
        assert said.count("Somebody wants to get back into your account") == 1
        assert "The waiting period is over" not in said
        assert "elsewhere" not in said


def _after_the_end(ticket: RecoveryTicket, page: str) -> str:
    links.kill(reference=ticket.reference)
    RecoveryTicket.objects.update(status=Status.EXPIRED, closed_at=Now())
    return words(page)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "We send this mail in a moment."),
        ({"attempts": 2}, "The mail server does not take it yet. We try again."),
        ({"state": "sent", "sent_at": Now()}, "We gave this mail to our mail server on"),
        ({"state": "delivered", "sent_at": Now()}, "Your mail server has it."),
        ({"state": "bounced", "sent_at": Now()}, "Your mail server sent it back."),
        ({"state": "failed", "settled_at": Now()}, "No mail server accepted this mail."),
    ],
)
def test_each_mail_says_what_became_of_it(ada: User, fields: dict[str, Any], sentence: str) -> None:
    ticket = make_ticket(ada)
    mail(ticket, "ada@example.org", **fields)
    assert sentence in words(path(status_link(ticket)))
