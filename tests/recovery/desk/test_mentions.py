"""`@name` in a staff note: who is told, how, and until when."""

import pytest

from accounts.mail import outbox
from accounts.mail.models import Mail
from accounts.models import User
from recoverydesk.recovery.desk import mentions, notes
from recoverydesk.recovery.models import Entry, Mention, RecoveryTicket, Status
from recoverydesk.recovery.permissions import staff
from tests.helpers import factories
from tests.helpers.desk import QUEUE, browser, button, page, push
from tests.helpers.tickets import make_admin, make_moderator, make_ticket

pytestmark = pytest.mark.django_db
SECRET_WORDS = "the passport photo looks wrong"


@pytest.fixture
def mod(db: None) -> User:
    return make_moderator()


@pytest.fixture
def jon(db: None) -> User:
    return make_moderator("jon")


@pytest.fixture
def ticket(db: None) -> RecoveryTicket:
    return make_ticket(factories.make_user("ada"), Status.NEW)


def told(ticket: RecoveryTicket, mod: User, text: str) -> list[str]:
    return notes.add_note(ticket.pk, actor=staff(mod), text=text)


def test_who_is_named_gets_one_mail_without_the_notes_words(ticket: RecoveryTicket, mod: User, jon: User) -> None:
    assert told(ticket, mod, f"@jon {SECRET_WORDS}, @JON?") == ["jon"]
    mail = Mail.objects.get(kind=mentions.KIND)
    assert mail.recipient == "jon@example.org"
    words = outbox.render(mail)
    assert f"{page(ticket)}#note-{Entry.objects.get().pk}" in words.text
    assert SECRET_WORDS not in words.text + words.subject + words.html + str(mail.context)


@pytest.mark.parametrize("text", ["@jon", "ask @jon.", "(@jon)", "@jon, look", "@jon: look", "line\n@jon"])
def test_a_name_is_found_wherever_people_write_it(ticket: RecoveryTicket, mod: User, jon: User, text: str) -> None:
    assert told(ticket, mod, text) == ["jon"]


@pytest.mark.parametrize("text", ["jon@example.org", "x@jon", "@jonathan", "@jon@example.org", "@", "github.com/@jon"])
def test_an_address_is_no_name(ticket: RecoveryTicket, mod: User, jon: User, text: str) -> None:
    assert told(ticket, mod, text) == []
    assert not Mail.objects.exists()


def test_nobody_is_told_who_may_not_work_the_ticket(ticket: RecoveryTicket, mod: User) -> None:
    factories.make_user("kim")
    factories.make_user("auditor", staff=True, groups=["Auditors"])
    gone = make_moderator("gone")
    gone.is_active = False
    gone.save()
    assert told(ticket, mod, "@ada @kim @auditor @gone @mod @nobody") == []
    assert not Mail.objects.exists()
    assert not Mention.objects.exists()


def test_staff_are_not_told_of_a_note_about_themselves(mod: User, jon: User) -> None:
    assert told(make_ticket(jon, Status.NEW), mod, "@jon asks for a reset, odd") == []


def test_a_refused_note_tells_nobody(ticket: RecoveryTicket, jon: User) -> None:
    auditor = browser(factories.make_user("auditor", staff=True, groups=["Auditors"]))
    assert push(auditor, ticket, "note", {"text": "@jon"}).status_code == 409
    assert not Mention.objects.exists()


def test_the_desk_shows_a_mention_until_it_is_read(ticket: RecoveryTicket, mod: User, jon: User) -> None:
    writer, reader = browser(mod), browser(jon)
    answer = push(writer, ticket, "note", {"text": f"@jon {SECRET_WORDS}"}, follow=True)
    assert b"The note is added. We mailed jon." in answer.content
    link = f'href="{page(ticket)}#note-{Entry.objects.get().pk}"'.encode()
    for one in ("/admin/", QUEUE):
        assert link in reader.get(one).content
        assert link not in writer.get(one).content
    assert b"Mark as read" not in writer.get(page(ticket)).content
    assert b"Mark as read" in reader.get(page(ticket)).content
    assert link in reader.get("/admin/").content
    assert reader.get(button(ticket, "read")).status_code == 405
    push(reader, ticket, "read")
    for one in ("/admin/", QUEUE, page(ticket)):
        assert b"You are named in staff notes" not in reader.get(one).content


def test_only_ones_own_mentions_are_marked_as_read(ticket: RecoveryTicket, mod: User, jon: User) -> None:
    rosa = make_admin("rosa")
    assert told(ticket, mod, "@jon @rosa") == ["jon", "rosa"]
    notes.read_mentions(ticket.pk, actor=staff(jon))
    assert [one.user for one in Mention.objects.filter(read_at=None)] == [rosa]
