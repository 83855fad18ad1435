"""What the claimant writes on the status page begins our turn; staff read it with the mails, and a reply ends it."""

import pytest
from django.test import Client

from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.recovery import errors, permissions, workflow
from recoverydesk.recovery.desk import replies
from recoverydesk.recovery.models import Message, RecoveryTicket, Status, Turn
from recoverydesk.recovery.workflow import messages, seen_pages
from tests.helpers import factories
from tests.helpers.desk import browser, page
from tests.helpers.links import path
from tests.helpers.tickets import add_boundary, as_staff, make_moderator, make_ticket, status_link

pytestmark = pytest.mark.django_db
TEXT = "I have the old phone again.\nWhich code do you want?"


@pytest.fixture
def ticket(db: None) -> RecoveryTicket:
    user = factories.make_user("ada")
    factories.add_totp(user)
    ticket = make_ticket(user)
    add_boundary(ticket)
    return ticket


def write(ticket: RecoveryTicket, text: str = TEXT) -> RecoveryTicket:
    actor = permissions.claimant(status_link(ticket))
    return workflow.write(ticket.pk, actor=actor, text=text)


def reply(ticket: RecoveryTicket, user: User) -> None:
    seen = seen_pages.seen_of_ticket(ticket)
    mark = replies.mark(ticket, replies.fill("The six digits.", ticket), user, seen)
    replies.send_reply(ticket.pk, actor=as_staff(user), text="The six digits.", previewed=mark, seen=seen)


def test_the_page_takes_a_message_and_answers_by_a_redirect(ticket: RecoveryTicket) -> None:
    where, client = path(status_link(ticket)), Client()
    assert "Write to our staff" in client.get(where).content.decode()
    answer = client.post(where, {"message": "1", "text": TEXT})
    assert (answer.status_code, answer["Location"]) == (302, where)
    assert "Our staff have your message" in client.get(where).content.decode()
    assert Message.objects.get().text == TEXT


def test_it_begins_our_turn_and_a_reply_ends_it(ticket: RecoveryTicket) -> None:
    assert write(ticket).turn == Turn.OURS
    mod = make_moderator()
    shown = browser(mod).get(page(ticket)).content.decode()
    assert "I have the old phone again.<br>Which code do you want?" in shown
    assert "the claimant wrote" in shown
    ticket.refresh_from_db()
    reply(ticket, mod)
    ticket.refresh_from_db()
    assert (ticket.turn, ticket.claimant_wrote_at) == (Turn.THEIRS, None)


def test_while_the_clock_runs_it_is_our_turn_too(db: None) -> None:
    assert write(make_ticket(factories.make_user("kim"), Status.WAITING, turn=Turn.CLOCK)).turn == Turn.OURS


@pytest.mark.parametrize("secret", ["000-recovery-" + "a" * 26, "000-RECOVERY-" + "B" * 26, "/recover/status/7.abc/"])
def test_a_secret_typed_there_is_left_out_of_every_row(ticket: RecoveryTicket, secret: str) -> None:
    write(ticket, f"I pushed {secret}, see?")
    assert secret not in Message.objects.get().text
    event = Event.objects.get(tag=Tag.ACCOUNT_RECOVERY_MESSAGE)
    assert "pushed" not in str(event.data)


@pytest.mark.parametrize("text", ["", "  \n", "x" * (messages.LONGEST + 1), "a\0b"])
def test_what_is_no_message_is_refused(ticket: RecoveryTicket, text: str) -> None:
    with pytest.raises(errors.MessageRefused):
        write(ticket, text)
    assert not Message.objects.exists()


def test_twenty_a_day_are_enough(ticket: RecoveryTicket) -> None:
    Message.objects.bulk_create(Message(ticket=ticket, text="again") for _ in range(messages.A_DAY))
    with pytest.raises(errors.TooOften):
        write(ticket)


def test_what_they_write_is_text_and_nothing_else(ticket: RecoveryTicket) -> None:
    write(ticket, "<script>alert(1)</script> #1")
    shown = browser(make_moderator()).get(page(ticket)).content.decode()
    assert "<script>alert(1)" not in shown
    assert "&lt;script&gt;alert(1)" in shown
