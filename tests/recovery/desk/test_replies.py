"""A reply is sent only by who was shown its preview, and makes no link that is not ours."""

import hashlib
import re
from typing import Any

import pytest
from django.test import Client

from accounts.mail import outbox, rendering
from accounts.mail.models import Mail
from accounts.models import User
from recoverydesk.recovery.desk import notes, replies
from recoverydesk.recovery.models import RecoveryTicket, Status
from recoverydesk.recovery.permissions import staff
from recoverydesk.recovery.workflow import seen_pages
from tests.helpers import factories
from tests.helpers.desk import QUEUE, browser, fields_of, hidden
from tests.helpers.tickets import add_boundary, make_moderator, make_ticket, refusals

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(db: None) -> RecoveryTicket:
    user = factories.make_user("ada")
    factories.add_totp(user)
    one = make_ticket(user, Status.NEW)
    add_boundary(one)
    return one


@pytest.fixture
def mod(db: None) -> User:
    return make_moderator()


@pytest.fixture
def client(mod: User) -> Client:
    return browser(mod)


def at(ticket: RecoveryTicket) -> str:
    return f"{QUEUE}{ticket.pk}/reply/"


def preview(client: Client, ticket: RecoveryTicket, text: str) -> Any:
    answer = client.post(at(ticket), {"text": text, **hidden(ticket)})
    assert answer.status_code == 200
    return answer


def sends(client: Client, ticket: RecoveryTicket, form: dict[str, Any]) -> bool:
    """Whether this form sends a mail; if not, the ticket is as it was."""
    before = RecoveryTicket.objects.filter(pk=ticket.pk).values().get()
    answer = client.post(at(ticket), {"send": "1", **form})
    if answer.status_code == 302:
        return True
    assert answer.status_code == 409
    assert not Mail.objects.exists()
    assert RecoveryTicket.objects.filter(pk=ticket.pk).values().get() == before
    return False


def test_what_was_shown_is_sent(client: Client, ticket: RecoveryTicket) -> None:
    form = {"text": "Hello Ada", **fields_of(preview(client, ticket, "Hello Ada"))}
    assert sends(client, ticket, form)
    assert "Hello Ada" in outbox.render(Mail.objects.get()).text


@pytest.mark.parametrize("mark", ["", "x", "0" * 64, hashlib.sha256(b"Hello Ada").hexdigest(), "ü"])
def test_a_mark_that_no_preview_gave_sends_nothing(client: Client, ticket: RecoveryTicket, mark: str) -> None:
    """The SHA-256 of the text once did: anybody can work it out without having looked."""
    assert not sends(client, ticket, {"text": "Hello Ada", "previewed": mark, **hidden(ticket)})
    assert refusals(ticket)[-1]["error"] == "ReplyRefused"


def test_a_mark_is_of_its_text_its_ticket_its_reader_and_the_state_it_was_read_in(
    client: Client, ticket: RecoveryTicket
) -> None:
    other = make_ticket(factories.make_user("kim"), Status.NEW)
    form = {"text": "Hello Ada", **fields_of(preview(client, ticket, "Hello Ada"))}
    colleague = browser(make_moderator("lin"))
    assert not sends(client, ticket, form | {"text": "Hello Ada!"})
    assert not sends(client, other, form)
    assert not sends(colleague, ticket, form)
    notes.add_note(ticket.pk, actor=staff(make_moderator("jon")), text="wait")
    assert not sends(client, ticket, form)
    assert not sends(client, ticket, form | hidden(ticket))


def test_a_preview_that_cannot_be_sent_gives_no_mark(client: Client, ticket: RecoveryTicket) -> None:
    shown = preview(client, ticket, "until {wait_until}")
    assert shown.context["previewed"] == ""
    assert "Send this reply" not in shown.content.decode()


def test_a_reply_sent_twice_is_sent_once(client: Client, ticket: RecoveryTicket) -> None:
    form = {"text": "Hello Ada", **fields_of(preview(client, ticket, "Hello Ada"))}
    assert sends(client, ticket, form)
    assert client.post(at(ticket), {"send": "1", **form}).status_code == 409
    assert Mail.objects.count() == 1


# Links ----------------------------------------------------------------------------------------------------------------

OURS = [
    "http://localhost:8000",
    "http://localhost:8000/",
    "http://localhost:8000/recover/?a=1#b",
    "http://localhost:8000?x",
]
FOREIGN = [
    "https://evil.example/", "http://localhost:8001/", "https://localhost:8000/", "http://localhost:8000.evil.example/",
    "http://localhost:8000@evil.example/", "http://localhost:80000/", "http://localhost/", "HTTP://LOCALHOST:8000/",
    "http://user@localhost:8000/", "http://localhost:8000\\@evil.example", "http://localhost:8000:pw@evil.example/",
    "http://localhost:8000%2f@evil.example/", "//localhost:8000/", "javascript:alert(1)", "mailto:a@evil.example",
]  # fmt: skip


def anchors(page: str) -> list[str]:
    return re.findall(r'<a [^>]*href="([^"]*)"', page)


@pytest.mark.parametrize("address", OURS)
def test_an_address_of_this_site_is_a_link(ticket: RecoveryTicket, address: str) -> None:
    words = replies.preview(ticket, replies.fill(f"see {address} please", ticket))
    assert address.replace("&", "&amp;") in anchors(words.html)


@pytest.mark.parametrize("address", FOREIGN)
def test_any_other_address_is_plain_words(ticket: RecoveryTicket, address: str) -> None:
    draft = replies.fill(f"see {address} and <a href={address}>here</a> or [here]({address})", ticket)
    words = replies.preview(ticket, draft)
    assert [one for one in anchors(words.html) if not rendering.is_of_site(one)] == []
    assert address in words.text


def test_the_preview_says_which_addresses_stay_words(client: Client, ticket: RecoveryTicket) -> None:
    text = "see https://evil.example/x, http://localhost:8000/recover/ and https://git.example/ada"
    shown = preview(client, ticket, text).content.decode()
    assert "so they are not links in the mail" in shown
    assert "<code>https://evil.example/x</code>, <code>https://git.example/ada</code>" in shown
    assert "makes no links" not in preview(client, ticket, "see http://localhost:8000/recover/").content.decode()


@pytest.mark.parametrize("name", [name for name, *_ in replies.FIRST_TEMPLATES])
def test_a_canned_reply_that_asks_says_where_to_answer(name: str) -> None:
    """The message box is there once the desk has written to the contact; before that nothing is asked."""
    body, situation = next((body, key) for one, key, body in replies.FIRST_TEMPLATES if one == name)
    asks = "?" in re.sub(r'"[^"]*"', "", body)
    assert asks == ("the message box on your status page" in body) == (situation in ("unreadable", "missing"))


def test_a_ticket_seen_as_it_is_gives_the_preview_its_numbers(client: Client, ticket: RecoveryTicket) -> None:
    assert client.post(at(ticket), {"text": "Hello"}).context["seen"] == seen_pages.seen_of_ticket(ticket)
