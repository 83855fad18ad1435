"""Requests that name no account: staff see them and end them; whoever asked learns nothing about accounts."""

from typing import Any

import pytest
from django.test import Client

from accounts.mail import outbox
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now
from recoverydesk.channels import filing, sweeping, unmatched
from recoverydesk.channels.models import IssueForm, Unmatched
from recoverydesk.channels.unmatched import ANSWER, distance, read, suggested
from recoverydesk.recovery import errors
from recoverydesk.recovery.background import intake, sweep
from recoverydesk.recovery.models import Claim, RecoveryTicket, Source
from recoverydesk.recovery.permissions import staff
from tests.helpers import factories
from tests.helpers.desk import browser
from tests.helpers.tickets import make_moderator

pytestmark = pytest.mark.django_db
PAGE = "/admin/channels/unmatched/"
FORM = "### PyPI Username\n\n{}\n\n### Reason for request\n\nLost 2FA authentication app or security token\n"


@pytest.fixture(autouse=True)
def ada(db: None) -> User:
    user = factories.make_user("ada-lovelace", email="ada@example.org")
    factories.add_totp(user)
    return user


@pytest.fixture
def desk() -> Client:
    return browser(make_moderator())


def ask(name: str, contact: str = "", claim: str = "second_factor") -> None:
    """Send the public form and let the sweep handle it."""
    intake.note_request(username=name, claim=claim, says_codes_lost=True, network="", contact=contact)
    sweep.sweep()


def end(desk: Client, **button: str) -> Any:
    return desk.post(f"{PAGE}{Unmatched.objects.filter(ended_at=None).get().pk}/end/", button, follow=True)


def test_a_name_without_an_account_is_shown_when_there_is_an_address(desk: Client) -> None:
    ask("ada-lovelce", "ada@example.org", "email")
    ask("nobody")  # nobody could be answered
    page = desk.get(PAGE).content.decode()
    assert Unmatched.objects.count() == 1
    for words in ("ada-lovelce", "ada@example.org", "Perhaps ada-lovelace is meant", "No account has this name."):
        assert words in page


def test_the_same_request_is_one_row_and_a_flood_fills_no_more_than_its_place(monkeypatch: Any) -> None:
    monkeypatch.setattr(unmatched, "MOST_OPEN", 3)
    for name in ("x1", "X1", "x1", "x2", "x3", "x4", "x5"):
        ask(name, "who@example.org", "email")
    assert Unmatched.objects.count() == 3


@pytest.mark.parametrize(
    ("typed", "address", "found"),
    [("ada-lovelce", "ada@example.org", True), ("dad-lovelace", "ada@example.org", True),
     ("ada_lovelaec", "ada@example.org", True), ("ad-lovelce", "ADA@example.org", True),
     ("ada", "ada@example.org", False), ("ada-lovelce", "eve@example.org", False), ("ada-lovelce", "", False)],
)  # fmt: skip
def test_an_account_is_suggested_by_a_near_name_with_its_address(typed: str, address: str, found: bool) -> None:
    asked = unmatched.Asked(typed, "email", address, codes_lost=True)
    assert (suggested(asked) is not None) == found


def test_of_two_near_accounts_none_is_suggested() -> None:
    """An address that several accounts name, and none but one has verified."""
    other = factories.make_user("ada-lovelacf", email="x@example.org")
    other.emailaddress_set.create(email="ada@example.org", verified=False, primary=False)
    assert suggested(unmatched.Asked("ada-lovelac", "email", "ada@example.org", codes_lost=True)) is None


@pytest.mark.parametrize(
    ("one", "other", "letters"),
    [("", "", 0), ("ada", "ada", 0), ("ada", "aad", 1), ("ada", "ad", 1), ("ada", "adda", 1), ("ada", "bob", 3),
     ("", "ab", 2),
     ("abcd", "badc", 2)],
)  # fmt: skip
def test_the_distance_counts_letters(one: str, other: str, letters: int) -> None:
    assert distance(one, other) == distance(other, one) == letters


def test_the_answer_is_one_text_and_goes_out_when_a_person_sends_it(desk: Client) -> None:
    ask("ada-lovelce", "ada@example.org", "email")
    assert not Mail.objects.filter(kind=ANSWER).exists()
    end(desk, answer="")
    mail = Mail.objects.get(kind=ANSWER)
    words = outbox.render(mail)
    assert (mail.recipient, mail.user, mail.context) == ("ada@example.org", None, {})
    assert "lovelace" not in words.text + words.subject
    assert "lovelce" not in words.text
    row = Unmatched.objects.get()
    assert (row.how, row.ended_by, row.ended_at is not None) == ("answered", User.objects.get(username="mod"), True)
    assert Event.objects.get(tag=Tag.DESK_UNMATCHED_END).data["how"] == "answered"


def test_an_address_hears_no_more_than_five_answers_a_day(desk: Client) -> None:
    for number in range(6):
        ask(f"no-such-{number}", "who@example.org", "email")
        end(desk, answer="")
    assert Mail.objects.filter(kind=ANSWER).count() == 5
    assert Unmatched.objects.filter(ended_at=None).count() == 1


def test_linking_opens_a_ticket_for_the_account_that_was_meant(desk: Client, ada: User) -> None:
    ask("ada-lovelce", "new@example.org", "email_and_second_factor")
    answer = end(desk, link="", username=" `ada-lovelace` ")
    ticket = RecoveryTicket.objects.get()
    assert (ticket.subject, ticket.claim, ticket.contact) == (ada, Claim.EMAIL_AND_SECOND_FACTOR, "new@example.org")
    assert answer.redirect_chain[0][0].endswith(f"/{ticket.pk}/change/")
    assert (Unmatched.objects.get().how, Unmatched.objects.get().ticket) == ("linked", ticket)


def test_linking_to_nobody_or_to_ones_own_account_ends_nothing(desk: Client) -> None:
    ask("moderato", "new@example.org", "email")
    for name in ("nobody", "mod", ""):
        end(desk, link="", username=name)
    assert not RecoveryTicket.objects.exists()
    assert Unmatched.objects.get().ended_at is None


def test_closing_tells_nobody(desk: Client) -> None:
    ask("no-such", "who@example.org", "email")
    before = Mail.objects.count()
    end(desk, close="")
    assert (Unmatched.objects.get().how, Mail.objects.count()) == ("closed", before)


def test_what_has_ended_stays_as_it_is() -> None:
    ask("no-such", "who@example.org", "email")
    row, actor = Unmatched.objects.get(), staff(make_moderator())
    unmatched.close(row.pk, actor=actor)
    with pytest.raises(errors.InvalidTransition):
        unmatched.answer(row.pk, actor=actor)
    assert not Mail.objects.filter(kind=ANSWER).exists()


def test_an_auditor_looks_and_does_nothing() -> None:
    ask("no-such", "who@example.org", "email")
    auditor = factories.make_user("vera", staff=True, groups=["Auditors"])
    seen = browser(auditor)
    assert "<button" not in seen.get(PAGE).content.decode().partition("no-such")[2].partition("</section>")[0]
    seen.post(f"{PAGE}{Unmatched.objects.get().pk}/end/", {"close": ""})
    with pytest.raises(errors.NotAllowed):
        unmatched.close(Unmatched.objects.get().pk, actor=staff(auditor))
    assert Unmatched.objects.get().ended_at is None


def test_a_question_of_an_issue_waits_here_and_an_unknown_name_too(desk: Client, settings: Any) -> None:
    settings.RECOVERY_ISSUE_TRACKER = "https://issues.example/support"
    filing.file(FORM.format("`ada` or `bob`"), url="https://issues.example/support/1", author_id=7)
    filing.file(FORM.format("no-such"), url="https://issues.example/support/2", author_id=8)
    sweep.sweep()
    assert [(row.source, row.form) for row in Unmatched.objects.order_by("pk")] == [
        (Source.ISSUE, form) for form in IssueForm.objects.order_by("pk")
    ]
    page = desk.get(PAGE).content.decode()
    for words in ("It names no account.", "https://issues.example/support/1", "no-such", "No account has this name."):
        assert words in page
    assert "Mail our answer" not in page


def test_what_an_issue_says_is_text_on_our_pages(desk: Client) -> None:
    filing.file(FORM.format("<script>alert(1)</script>") + "\n\n[x](javascript:alert(2))")
    form = IssueForm.objects.get()
    page = desk.get(f"/admin/channels/issueform/{form.pk}/change/").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert 'href="javascript' not in page


def test_the_form_answers_the_same_and_the_row_costs_the_form_nothing(client: Client) -> None:
    said = {"claim": "email", "codes": "lost", "contact": "who@example.org"}
    answers = [client.post("/recover/", {"username": name, **said}) for name in ("ada-lovelace", "no-such")]
    assert len({(answer.status_code, answer.headers["Location"]) for answer in answers}) == 1
    assert not Unmatched.objects.exists()


def test_what_was_typed_is_encrypted_and_goes_after_its_days(settings: Any) -> None:
    ask("no-such", "who@example.org", "email")
    row = Unmatched.objects.get()
    assert b"no-such" not in bytes(row.asked)
    assert read(row).username == "no-such"
    Unmatched.objects.update(noted_at=database_now() - 2 * settings.CHANNELS_KEEP)
    sweeping.sweep()
    assert not Unmatched.objects.exists()
