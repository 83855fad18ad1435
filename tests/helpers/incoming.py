"""Mails that come in: the ones of `tests/data/mails/`, with the addresses of a ticket of this test put in."""

from ast import literal_eval
from dataclasses import dataclass

from accounts.mail.models import Mail
from recoverydesk.channels.mail import reply_addresses
from recoverydesk.recovery.models import RecoveryTicket
from tests.helpers.files import ROOT

FOLDER = ROOT / "tests" / "data" / "mails"
AUTHSERV, DESK = "mx.desk.example", "recover@desk.example"


@dataclass(frozen=True)
class Written:
    """A mail of the folder and what it is to be read as."""

    name: str
    kind: str
    its_ticket: bool
    text: str


def written() -> list[Written]:
    rows = [line.split("\t") for line in (ROOT / "tests" / "data" / "mails.tsv").read_text().splitlines()[1:]]
    return [Written(name, kind, its == "yes", literal_eval(text)) for name, kind, its, text in rows]


def sent_mail(ticket: RecoveryTicket, message_id: str = "<ours@desk.example>") -> Mail:
    """A mail of ours that has left for the ticket's contact."""
    return Mail.objects.create(
        kind="recovery_challenge", recipient=ticket.contact, user=ticket.subject, reference=ticket.reference,
        language="en", state=Mail.State.SENT, dedupe_key=f"sent:{message_id}", message_id=message_id,
    )  # fmt: skip


def raw(name: str, mail: Mail) -> bytes:
    """The bytes of a mail of the folder, as an answer to this one."""
    reply, bounce = reply_addresses.reply_to(mail), reply_addresses.envelope_sender(mail)
    wrong = reply.replace(reply.partition(".")[2][:3], "aaa")
    said = {"@@REPLY@@": reply, "@@BOUNCE@@": bounce, "@@WRONG@@": wrong, "@@MSGID@@": mail.message_id}
    text = (FOLDER / name).read_bytes()
    for place, value in said.items():
        text = text.replace(place.encode(), value.encode())
    return text


def answer(mail: Mail, text: str, *, sender: str = "ada@example.org", to: str = "", more: str = "") -> bytes:
    """A plain answer that our server found to be from the sender's domain."""
    domain = sender.rpartition("@")[2]
    return (
        f"Authentication-Results: {AUTHSERV}; dmarc=pass header.from={domain}\nFrom: {sender}\n"
        f"To: {to or reply_addresses.reply_to(mail)}\nSubject: Re: your request\n{more}\n{text}\n"
    ).encode()
