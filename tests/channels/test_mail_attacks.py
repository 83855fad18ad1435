"""What a stranger may send: bombs, floods, injections. Each is refused, or read in time that its length explains."""

import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.mail import delivery
from accounts.mail.models import Mail
from recoverydesk.channels.mail import authentication, quotes, reading, web_text
from recoverydesk.channels.mail.receiving import USE_THE_FORM, Envelope, Kind, receive
from recoverydesk.channels.models import IncomingMail
from recoverydesk.recovery import notices
from recoverydesk.recovery.models import Message, RecoveryTicket
from tests.helpers import factories
from tests.helpers.incoming import AUTHSERV, DESK, FOLDER, answer, sent_mail
from tests.helpers.tickets import make_ticket
from tests.tiers import times

MIB = 1024 * 1024
FROM = b"From: ada@example.org\n"
MAILS = sorted(path.read_bytes() for path in FOLDER.iterdir())


@pytest.fixture
def ticket(settings: Any, db: None) -> RecoveryTicket:
    settings.MAIL_REPLY_ADDRESS, settings.MAIL_AUTHSERV_ID = DESK, AUTHSERV
    ticket = make_ticket(factories.make_user("ada"))
    notices.make_status_link(ticket)
    return ticket


def nested(depth: int, kind: bytes = b"multipart/mixed; boundary=b%d") -> bytes:
    """Multiparts in multiparts."""
    heads = b"".join(b"Content-Type: " + kind % number + b"\n\n--b%d\n" % number for number in range(depth))
    return FROM + heads + b"Content-Type: text/plain\n\ndeep\n"


BOMBS: dict[str, Callable[[], bytes]] = {
    "25 MiB": lambda: FROM + b"\n" + b"a" * (25 * MIB),
    "nested a thousand deep": lambda: nested(1000),
    "mails in mails": lambda: FROM + b"Content-Type: message/rfc822\n\n" * 1000 + b"x",
    "a million lines": lambda: FROM + b"\n" + b"\n" * MIB,
    "no sender": lambda: b"To: x@example.org\n\nhello",
    "nothing": lambda: b"",
    "a picture": lambda: bytes(range(256)) * 100,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_at_once(bomb: str) -> None:
    raw = BOMBS[bomb]()
    began = time.process_time()
    with pytest.raises(reading.Nonsense):
        reading.read(raw)
    assert time.process_time() - began < 1


HEAVY: dict[str, Callable[[], bytes]] = {
    "nested as deep as is taken": lambda: nested(39) + b"--b0\n" * 20_000,
    "lines in the deepest part": lambda: nested(39) + b"x\n" * 200_000,
    "one line": lambda: FROM + b"\n" + b"x" * (9 * MIB),
    "html": lambda: FROM + b"Content-Type: text/html\n\n" + b"<div><blockquote>" * 50_000,
    "html that is no html": lambda: FROM + b"Content-Type: text/html\n\n" + b"<" * 500_000,
    "quotes": lambda: FROM + b"\n" + b"On 1 Dec 2026\n" * 50_000,
    "a long header": lambda: FROM + b"Subject: " + b"=?utf-8?q?a?= " * 50_000 + b"\n\nx",
    "a long reference": lambda: FROM + b"References: " + b"<" * 500_000 + b"\n\nx",
    "many senders": lambda: b"From: " + b"a@b.example, " * 50_000 + b"\n\nx",
    "quoted senders": lambda: b"From: " + b'"\\' * 50_000 + b" a@b.example\n\nx",
    "many results": lambda: FROM + b"Authentication-Results: mx.desk.example; dmarc=pass\n" * 20_000 + b"\nx",
    "many headers": lambda: FROM + b"X-A: b\n" * 200_000 + b"\nx",
    "from, from": lambda: FROM + b"\n" + b"From: a\nTo: b\n" * 20_000,
    "two hundred parts": lambda: FROM + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 50_000,
}


@pytest.mark.thorough
@pytest.mark.parametrize("heavy", HEAVY)
def test_what_is_taken_is_read_within_seconds(heavy: str) -> None:
    raw = HEAVY[heavy]()
    began = time.process_time()
    try:
        said = reading.read(raw)
        authentication.passed(said.authentication, said.sender)
    except reading.Nonsense:
        pass
    assert time.process_time() - began < 5


@pytest.mark.thorough
@pytest.mark.parametrize(
    "piece", ["On ", "on 1 ", "> ", "- ", "\n", "wrote:", "a écrit :", "From: x\n", "_", "On 1 a@b wrote\n", "-- \n"]
)
def test_cutting_quotes_is_linear(piece: str) -> None:
    def seconds(length: int) -> float:
        began = time.process_time()
        quotes.own_words((piece * length)[:length])
        return time.process_time() - began

    short = min(seconds(25_000) for _try in range(3))
    assert min(seconds(100_000) for _try in range(3)) < 10 * short + 0.5  # squared, it would be many seconds


def changed(raw: bytes, chance: Random) -> bytes:
    """A mail with some bytes, lines and boundaries damaged."""
    text = bytearray(raw)
    for _again in range(chance.randrange(1, 12)):
        place = chance.randrange(len(text) + 1)
        match chance.randrange(5):
            case 0:
                text[place:place] = bytes(chance.randrange(256) for _byte in range(chance.randrange(1, 9)))
            case 1:
                del text[place : place + chance.randrange(1, 40)]
            case 2:
                text[place:place] = chance.choice(MAILS)[: chance.randrange(400)]
            case 3:
                text[place:place] = chance.choice(
                    [b"\n", b"\r", b"\0", b"--b1\n", b"=?utf-8?b?=?=", b";", b'"', b"<", b"\xff"]
                )
            case _:
                text[place:place] = b"Content-Type: " + chance.choice(
                    [b"text/html", b"multipart/mixed", b"x", b"message/rfc822", b"text/plain; charset=\xff"]
                )
    return bytes(text)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_mails_are_read_or_refused_in_one_way(seed: int) -> None:
    chance = Random(seed)
    for _again in range(times(10_000, fast=100)):
        raw = changed(chance.choice(MAILS), chance)
        try:
            said = reading.read(raw)
        except reading.Nonsense:
            continue
        assert "\n" not in said.sender + said.subject + "".join(said.attachments)
        assert "\0" not in said.text + said.original


@pytest.mark.thorough
@settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.binary(max_size=400), st.text(max_size=200), st.text(max_size=200))
def test_no_bytes_whatever_raise_anything_else(raw: bytes, header: str, page: str) -> None:
    for whole in (raw, FROM + raw, FROM + f"Subject: {header}\nContent-Type: {header}\n\n{page}".encode()):
        try:
            reading.read(whole)
        except reading.Nonsense:
            continue
    web_text.plain(page)
    authentication.passed((header,), page)


def test_web_text_fetches_and_runs_nothing() -> None:
    said = web_text.plain(
        "<p>a<img src=http://169.254.169.254/latest onerror=alert(1)></p>"
        "<style>b{}</style><script>c</script><a href='javascript:d'>e</a><!-- f --><svg onload=alert(2)>"
    )
    assert said == "a\ne"


@pytest.mark.parametrize(
    "sender",
    ["ada@example.org\nBcc: all@example.org", "Ada <ada@example.org>, Eve <eve@example.net>",
     "ada@example.org)x@evil.example",
     '"ada@example.org" <eve@evil.example>', "ada@example.org <eve@evil.example>",
     "<ada@example.org> eve@evil.example",
     "ada@example.org\x00@evil.example", "Ada <ada@evil.example@example.org>", "\u0430da@example.org"],
)  # fmt: skip
def test_no_writing_of_a_sender_passes_for_the_contact(sender: str, ticket: RecoveryTicket) -> None:
    mail = sent_mail(ticket)
    raw = answer(mail, "Let me in.").replace(b"From: ada@example.org", f"From: {sender}".encode())
    passes = sender.startswith("ada@example.org\nBcc")  # a header of its own, which says nothing to us
    try:
        kind = receive(raw, Envelope()).kind
    except reading.Nonsense:
        kind = ""
    assert (kind == Kind.CLAIMANT) == passes
    assert Message.objects.exists() == passes


@pytest.mark.parametrize(
    "results",
    ["{other}; dmarc=pass header.from=example.org", "{mine}.evil.example; dmarc=pass header.from=example.org",
     "{mine}; dmarc=fail header.from=example.org (dmarc=pass)", "{mine}; dkim=pass header.d=example.org",
     "{mine}; dmarc=pass header.from=evil.example", "{mine}; dmarc=pass",
     "{mine}; spf=pass; x=dmarc=pass header.from=example.org",
     "{mine}; dmarc=pass header.from=example.org; dmarc=fail header.from=example.org",
     "(comment {mine}); dmarc=pass header.from=example.org",
     "{mine}; dmarc=bestguesspass header.from=example.org", "{mine}; dmarc=passed header.from=example.org", ""],
)  # fmt: skip
def test_no_other_result_counts_as_dmarc_passed(results: str, settings: Any) -> None:
    settings.MAIL_AUTHSERV_ID = AUTHSERV
    header = results.format(mine=AUTHSERV, other="mx.evil.example")
    assert not authentication.passed((header,), "ada@example.org")
    assert authentication.passed(
        (f"{AUTHSERV} 1; spf=fail; dmarc=pass (p=none) header.from=Example.org",), "ada@example.org"
    )
    assert not authentication.passed(
        (header, *[f"{AUTHSERV}; dmarc=pass header.from=example.org"] * 2), "ada@example.org"
    )


def test_what_a_stranger_wrote_is_in_no_header_and_no_line_of_our_answer(ticket: RecoveryTicket) -> None:
    bad = "=?utf-8?q?x=0d=0aBcc:_all@example.org?= @everyone [x](https://evil.example)"
    raw = answer(sent_mail(ticket), "click https://evil.example", sender="bob@example.org", to=DESK, more="X: y\n")
    receive(raw.replace(b"Subject: Re: your request", f"Subject: {bad}".encode()), Envelope())
    ours = delivery.build(Mail.objects.get(kind=USE_THE_FORM)).message()
    assert ours["Bcc"] is None
    assert "evil" not in ours.as_string()
    assert "\n" not in IncomingMail.objects.get().subject


def test_with_our_servers_name_unset_nobody_is_believed(ticket: RecoveryTicket, settings: Any) -> None:
    settings.MAIL_AUTHSERV_ID = ""
    for header in (b"; dmarc=pass", b" ; dmarc=pass", b"mx.desk.example; dmarc=pass"):
        raw = answer(sent_mail(ticket, f"<{header.hex()}@x>"), "hi").replace(b"mx.desk.example; dmarc=pass", header)
        assert receive(raw, Envelope()).kind == Kind.UNPROVEN
