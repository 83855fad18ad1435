"""Answers come in as they do on a site: a mail server takes them and pipes each into `manage.py receive_mail`."""

import asyncio
import io
import os
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.core.management import call_command
from django.db import OperationalError, connection, transaction

from accounts.mail import delivery
from recoverydesk.channels.models import IncomingMail
from recoverydesk.recovery import notices
from recoverydesk.recovery.models import Message
from tests.helpers import factories, mail_server
from tests.helpers.files import ROOT
from tests.helpers.incoming import AUTHSERV, DESK, answer, sent_mail
from tests.helpers.ports import free_port
from tests.helpers.tickets import make_ticket

ANSWERS = {0: "250 OK", 65: "554 5.6.0 no mail", 75: "451 4.3.0 try again"}


@dataclass
class Pipe:
    """What Postfix's pipe does: checks the sender, puts its result on top, starts the command with the mail."""

    environment: dict[str, str]
    codes: list[int] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        domain = str(envelope.mail_from).rpartition("@")[2]
        head = f"Authentication-Results: {AUTHSERV}; dmarc=pass header.from={domain}\r\n".encode()
        raw = head + bytes(envelope.original_content or b"")
        recipients = [part for one in envelope.rcpt_tos for part in ("--recipient", one)]
        command = [sys.executable, "manage.py", "receive_mail", "--sender", str(envelope.mail_from), *recipients]
        done = await asyncio.to_thread(
            subprocess.run, command, input=raw, cwd=ROOT, env=self.environment, capture_output=True, check=False
        )
        self.codes.append(done.returncode)
        return ANSWERS[done.returncode]


@pytest.fixture
def pipe(settings: Any) -> Iterator[tuple[Pipe, int]]:
    settings.MAIL_REPLY_ADDRESS, settings.MAIL_AUTHSERV_ID = DESK, AUTHSERV
    database = connection.settings_dict
    name = database["NAME"]
    sqlite = connection.vendor == "sqlite"
    url = f"sqlite:///{name}" if sqlite else f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"
    environment = {**os.environ, "DATABASE_URL": url, "VAR_DIR": str(settings.VAR_DIR)}
    environment |= {"MAIL_REPLY_ADDRESS": DESK, "MAIL_AUTHSERV_ID": AUTHSERV}
    environment["DJANGO_SETTINGS_MODULE"] = "recoverydesk.settings"
    handler, port = Pipe(environment), free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port, ready_timeout=120)
    controller.start()
    yield handler, port
    controller.stop()


@pytest.mark.thorough
@pytest.mark.django_db(transaction=True)
def test_a_mail_goes_out_and_its_answer_comes_in_through_the_pipe(pipe: tuple[Pipe, int], settings: Any) -> None:
    ticket = make_ticket(factories.make_user("ada"))
    notices.make_status_link(ticket)
    notices.send_status_link(ticket)
    outgoing = free_port()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", outgoing
    with mail_server.running(outgoing) as server:
        delivery.send_due()
    got = message_from_bytes(bytes(server.taken[0].original_content or b""))
    assert str(server.taken[0].mail_from).startswith("recover+b")
    back = EmailMessage()
    back["From"], back["To"], back["Subject"] = "Ada <ada@example.org>", got["Reply-To"], f"Re: {got['Subject']}"
    back["In-Reply-To"] = got["Message-ID"]
    text: Any = next(part for part in got.walk() if part.get_content_type() == "text/plain").get_payload()
    quoted = "\n".join(f"> {line}" for line in text.splitlines())
    back.set_content(f"The branch is there.\n\nOn 1 Dec 2026, RecoveryDesk wrote:\n{quoted}")
    handler, port = pipe
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(back, from_addr="ada@example.org")
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("ada@example.org", [DESK], b"\r\nno header at all\r\n")
    assert refused.value.smtp_code == 554
    assert handler.codes == [0, 65]
    assert [(one.ticket, one.text) for one in Message.objects.all()] == [(ticket, "The branch is there.")]
    assert IncomingMail.objects.get().kind == "claimant"


def piped(raw: bytes, monkeypatch: Any, *arguments: str) -> int:
    """The exit code of the command with these bytes on standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
    try:
        call_command("receive_mail", *arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.mark.django_db
def test_the_exit_codes_are_those_of_sysexits(monkeypatch: Any, settings: Any, capsys: Any) -> None:
    settings.MAIL_REPLY_ADDRESS, settings.MAIL_AUTHSERV_ID = DESK, AUTHSERV
    mail = sent_mail(make_ticket(factories.make_user("ada")))
    assert piped(answer(mail, "hello"), monkeypatch, "--sender", "ada@example.org", "--recipient", DESK) == 0
    assert piped(b"", monkeypatch) == 65
    assert piped(b"x" * (11 * 1024 * 1024), monkeypatch) == 65
    assert "no mail that can be taken in: larger than 10 MiB" in capsys.readouterr().err


@pytest.mark.django_db
def test_what_fails_here_is_tried_again_by_the_server_and_names_nothing(monkeypatch: Any, caplog: Any) -> None:
    def gone(*_args: Any) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(transaction, "atomic", gone)
    assert piped(b"From: ada@example.org\n\nmy secret words\n", monkeypatch) == 75
    assert "my secret words" not in caplog.text
