"""Mails that come in: which ticket, which text, whose word; a report marks the mail that came back."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.mail import delivery, links, outbox
from accounts.mail.models import Mail
from audit.models import Event
from audit.tags import Tag
from common import keys
from recoverydesk.channels import sweeping
from recoverydesk.channels.mail import reading, reply_addresses
from recoverydesk.channels.mail.receiving import USE_THE_FORM, Envelope, Kind, receive
from recoverydesk.channels.models import TEXT, IncomingMail
from recoverydesk.recovery import notices, permissions, workflow
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import Claim, Message, RecoveryTicket, Status, Turn
from tests.helpers import factories
from tests.helpers.incoming import AUTHSERV, DESK, FOLDER, answer, raw, sent_mail, written
from tests.helpers.tickets import DAY, add_boundary, make_ticket

pytestmark = pytest.mark.django_db
WRITTEN = written()


@pytest.fixture(autouse=True)
def ticket(settings: Any) -> RecoveryTicket:
    settings.MAIL_REPLY_ADDRESS, settings.MAIL_AUTHSERV_ID = DESK, AUTHSERV
    ticket = make_ticket(factories.make_user("ada"))
    notices.make_status_link(ticket)
    return ticket


@pytest.fixture
def mail(ticket: RecoveryTicket) -> Mail:
    return sent_mail(ticket)


def test_every_written_mail_is_read_as_what_it_is(mail: Mail, ticket: RecoveryTicket) -> None:
    assert len(WRITTEN) >= 60
    assert {one.name for one in WRITTEN} == {path.name for path in FOLDER.iterdir()}
    wrong = []
    for one in WRITTEN:
        Message.objects.all().delete()
        Mail.objects.filter(pk=mail.pk).update(state=Mail.State.SENT)
        bytes_of_it = raw(one.name, mail)
        row = receive(bytes_of_it, Envelope())
        found = (row.kind, row.ticket == ticket, reading.read(bytes_of_it).text)
        if found != (one.kind, one.its_ticket, one.text.replace("@@MSGID@@", mail.message_id)):
            wrong.append((one.name, found))
        heard = [message.text for message in Message.objects.all()]
        said = [one.text] if one.kind == Kind.CLAIMANT and not one.name.endswith("confirms.eml") else []
        assert heard == said, one.name
    assert wrong == []


def test_without_mac_and_dmarc_nothing_is_the_claimants_word(mail: Mail) -> None:
    """Every written mail again, once without our server's result and once to an address whose MAC is wrong."""
    wrong = reply_addresses.reply_to(mail)[:-20] + "aa@desk.example"
    kinds = Counter[str]()
    for one in WRITTEN:
        whole = raw(one.name, mail)
        for changed in (
            whole.replace(b"Authentication-Results: mx.desk.example", b"X-Results: mx.desk.example"),
            whole.replace(reply_addresses.reply_to(mail).encode(), wrong.encode()),
            whole.replace(b"dmarc=pass", b"dmarc=none"),
        ):
            if changed != whole:
                kinds[receive(changed, Envelope()).kind] += 1
    assert kinds[Kind.CLAIMANT] == 0
    assert kinds[Kind.UNPROVEN] > 100
    assert not Message.objects.exists()


def test_an_answer_is_a_message_on_the_ticket_and_wakes_it(mail: Mail, ticket: RecoveryTicket) -> None:
    RecoveryTicket.objects.filter(pk=ticket.pk).update(snoozed_at=timezone.now(), snoozed_until=timezone.now())
    row = receive(answer(mail, "I pushed it."), Envelope("ada@example.org", (reply_addresses.reply_to(mail),)))
    ticket.refresh_from_db()
    assert (row.kind, row.ticket, ticket.turn) == (Kind.CLAIMANT, ticket, Turn.OURS)
    assert Message.objects.get().text == "I pushed it."
    assert Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_MESSAGE, ticket=ticket.pk).count() == 1
    assert ticket.mailbox_confirmed_at is None


def test_the_same_bytes_twice_are_one_message(mail: Mail) -> None:
    for _again in range(2):
        receive(answer(mail, "I pushed it."), Envelope())
    assert (Message.objects.count(), IncomingMail.objects.count()) == (1, 1)


def test_the_limits_of_the_status_page_hold(mail: Mail) -> None:
    kinds = [receive(answer(mail, f"number {number}"), Envelope()).kind for number in range(22)]
    assert kinds == [Kind.CLAIMANT] * 20 + [Kind.REFUSED] * 2
    assert IncomingMail.objects.order_by("-pk")[0].reason == "TooOften"


def test_a_long_answer_is_cut_and_kept_whole_for_a_while(mail: Mail, settings: Any) -> None:
    row = receive(answer(mail, "word " * 1000), Envelope())
    assert len(Message.objects.get().text) == 2000
    assert keys.decrypt(TEXT, bytes(row.original)).decode().count("word") == 1000
    assert sweeping.sweep() == 0
    IncomingMail.objects.update(received_at=timezone.now() - 2 * settings.CHANNELS_KEEP)
    assert sweeping.sweep() == 1
    row.refresh_from_db()
    assert (row.original, row.sender, row.subject) == (None, "", "")


def test_staff_never_see_the_branch_name_a_link_or_a_mac(mail: Mail, ticket: RecoveryTicket) -> None:
    token, link = notices.token_of(ticket), links.url(notices.make_status_link(ticket))
    reply = reply_addresses.reply_to(mail)
    row = receive(answer(mail, f"{token}\n{link}\n{reply}\n> {token} {link}", more=f"X: {token}"), Envelope())
    shown = keys.decrypt(TEXT, bytes(row.original)).decode() + Message.objects.get().text
    for secret in (token, link, link.rpartition(".")[2], reply, reply.partition(".")[2][:26]):
        assert secret not in shown


# Confirming the mailbox -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said", ["Yes, I asked for this", "“Yes, I asked for this”\n\nThanks!", "yes, i asked for this."]
)
def test_the_words_of_the_button_confirm_the_mailbox(said: str, mail: Mail, ticket: RecoveryTicket) -> None:
    assert receive(answer(mail, said), Envelope()).reason == "confirms"
    ticket.refresh_from_db()
    assert ticket.mailbox_confirmed_at is not None


@pytest.mark.parametrize(
    "said",
    ["This wasn't me!", "No. Yes, I asked for this", "I never asked for this, stop it",
     "> Yes, I asked for this", "ok", "withdraw", "stop", "approve"],
)  # fmt: skip
def test_no_other_answer_does_anything_but_speak(said: str, mail: Mail, ticket: RecoveryTicket) -> None:
    """The account's owner answers from the same mailbox."""
    before = RecoveryTicket.objects.values("status", "mailbox_confirmed_at", "wait_until", "disputed_at").get()
    receive(answer(mail, said), Envelope())
    assert RecoveryTicket.objects.values("status", "mailbox_confirmed_at", "wait_until", "disputed_at").get() == before


def test_a_new_contact_confirms_by_answer_and_gets_the_branch(ticket: RecoveryTicket) -> None:
    """Its confirming link is spent by that, as by the button."""
    theirs = make_ticket(factories.make_user("bob"), claim=Claim.EMAIL, contact="b@new.example")
    add_boundary(theirs)
    link = links.make_link(
        "confirm_contact", theirs.contact, lifetime=DAY, user=theirs.subject, reference=theirs.reference
    )
    asked = sent_mail(theirs, "<asked@desk.example>")
    assert receive(answer(asked, "hello", sender="b@new.example"), Envelope()).kind == Kind.REFUSED
    assert not Message.objects.exists()
    receive(answer(asked, "Yes, I asked for this", sender="b@new.example"), Envelope())
    assert RecoveryTicket.objects.get(pk=theirs.pk).mailbox_confirmed_at is not None
    link.refresh_from_db()
    assert link.used_at is not None
    assert Mail.objects.filter(kind="recovery_challenge", recipient="b@new.example", state="queued").exists()
    assert receive(answer(asked, "Now I may write.", sender="b@new.example"), Envelope()).kind == Kind.CLAIMANT


def test_a_closed_ticket_takes_no_answer(ticket: RecoveryTicket, mail: Mail) -> None:
    whole = answer(mail, "Please open it again.")
    workflow.withdraw(ticket.pk, actor=permissions_of(ticket))
    assert receive(whole, Envelope()).kind == Kind.REFUSED
    assert RecoveryTicket.objects.get(pk=ticket.pk).status == Status.WITHDRAWN


def permissions_of(ticket: RecoveryTicket) -> Any:
    return permissions.claimant(notices.make_status_link(ticket))


# Reports --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "state"),
    [("dsn-postfix", "bounced"), ("dsn-exchange-headers-only", "bounced"), ("dsn-sendmail-verp-only", "bounced"),
     ("bounce-qmail", "bounced"), ("dsn-delayed", "sent"), ("dsn-of-somebody-else", "sent")],
)  # fmt: skip
def test_a_report_marks_the_mail_that_came_back_for_good(name: str, state: str, mail: Mail) -> None:
    receive(raw(next(one.name for one in WRITTEN if name in one.name), mail), Envelope(""))
    mail.refresh_from_db()
    assert mail.state == state


def test_a_bounce_drives_the_ticket_as_a_refusal_of_the_server_does(mail: Mail, ticket: RecoveryTicket) -> None:
    receive(raw(next(one.name for one in WRITTEN if "dsn-postfix" in one.name), mail), Envelope(""))
    sweep.sweep()
    ticket.refresh_from_db()
    assert (ticket.contact_bounced_at is not None, ticket.turn) == (True, Turn.OURS)
    assert Event.objects.filter(tag=Tag.ACCOUNT_EMAIL_BOUNCED, ticket=ticket.pk).count() == 2


# Strangers ------------------------------------------------------------------------------------------------------------


def test_a_strangers_mail_is_answered_with_the_form_and_not_all_day(ticket: RecoveryTicket, mail: Mail) -> None:
    for number in range(9):
        receive(answer(mail, f"help {number}", sender="bob@example.org", to=DESK), Envelope("bob@example.org", (DESK,)))
    sent = Mail.objects.filter(kind=USE_THE_FORM)
    assert (sent.count(), {one.recipient for one in sent}) == (5, {"bob@example.org"})
    words = outbox.render(sent[0])
    assert "/recover/" in words.text
    assert "help" not in words.text + words.subject


@pytest.mark.parametrize("more", ["Auto-Submitted: auto-replied\n", "List-Id: <x.example>\n", "Precedence: bulk\n"])
def test_what_programs_write_is_never_answered(more: str, mail: Mail) -> None:
    receive(answer(mail, "help", sender="bob@example.org", to=DESK, more=more), Envelope())
    assert not Mail.objects.filter(kind=USE_THE_FORM).exists()


def test_nobody_makes_us_write_to_an_address_that_is_not_theirs(mail: Mail) -> None:
    forged = answer(mail, "help", sender="victim@example.org", to=DESK).replace(b"dmarc=pass", b"dmarc=fail")
    receive(forged, Envelope("victim@example.org", (DESK,)))
    receive(answer(mail, "help", sender="victim@example.org", to=DESK), Envelope("", (DESK,)))
    assert not Mail.objects.filter(kind=USE_THE_FORM).exists()


def test_our_answer_coming_back_is_a_loop_and_ends_there(mail: Mail) -> None:
    receive(answer(mail, "help", sender="bob@example.org", to=DESK), Envelope())
    ours = delivery.build(Mail.objects.get(kind=USE_THE_FORM)).message().as_bytes()
    assert receive(ours, Envelope("x@example.org", (DESK,))).kind == Kind.LOOP
    assert Mail.objects.filter(kind=USE_THE_FORM).count() == 1


# What leaves ----------------------------------------------------------------------------------------------------------


def test_the_contacts_mails_carry_the_reply_address_and_others_do_not(ticket: RecoveryTicket, settings: Any) -> None:
    notices.send_status_link(ticket)
    to_contact = delivery.build(Mail.objects.get(kind="recovery_status"))
    elsewhere = sent_mail(ticket, "<other@desk.example>")
    elsewhere.recipient, elsewhere.kind = "old@example.org", "recovery_status"
    assert to_contact.reply_to == [reply_addresses.reply_to(Mail.objects.get(kind="recovery_status"))]
    assert to_contact.message()["From"] == settings.DEFAULT_FROM_EMAIL
    assert reply_addresses.bounced_mail(to_contact.from_email) == Mail.objects.get(kind="recovery_status")
    assert reply_addresses.reply_to(elsewhere) == ""
    assert "answer this mail" in str(to_contact.body)


def test_without_an_address_for_answers_mails_are_as_before(ticket: RecoveryTicket, settings: Any) -> None:
    settings.MAIL_REPLY_ADDRESS = ""
    notices.send_status_link(ticket)
    built = delivery.build(Mail.objects.get(kind="recovery_status"))
    assert (built.reply_to, built.from_email) == ([], settings.DEFAULT_FROM_EMAIL)
    assert "do not reply" in str(built.body)


def test_a_reply_address_opens_its_own_ticket_alone(ticket: RecoveryTicket, mail: Mail) -> None:
    other = make_ticket(factories.make_user("bob"))
    reply = reply_addresses.reply_to(mail)
    assert reply_addresses.ticket_of(reply.upper()) == ticket
    assert reply_addresses.ticket_of(reply.replace(f"+{ticket.pk}.", f"+{other.pk}.")) is None
    assert reply_addresses.ticket_of(reply.replace("desk.example", "evil.example")) is None
    assert reply_addresses.ticket_of(reply_addresses.envelope_sender(mail)) is None
    assert reply_addresses.bounced_mail(reply) is None
    RecoveryTicket.objects.filter(pk=ticket.pk).update(contact="new@example.org")
    assert reply_addresses.ticket_of(reply) is None


def test_the_folder_holds_nothing_but_mails() -> None:
    assert {Path(path).suffix for path in FOLDER.iterdir()} == {".eml"}
