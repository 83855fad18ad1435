"""From the bytes of a mail to what it says: who, what kind, which text. Looks at nothing but the bytes.

Headers are read with Python's oldest policy, which takes every header as text: nothing of what a stranger may write in
one raises. Depth and number of parts are bounded before they are read, by counting.
"""

import email
import re
from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message

from recoverydesk.channels.mail import quotes, web_text

MOST_BYTES = 10 * 1024 * 1024
MOST_PARTS = 40  # multiparts and attached mails, each nested in the other at worst: every line is compared with each
MOST_LINES = 400_000  # 10 MiB of an attachment have 140,000
LONGEST_TEXT = 200_000  # characters of a body that are looked at
LONGEST_HEADER = 998  # RFC 5322


class Nonsense(ValueError):
    """No mail that anybody could answer or read: too large, too deeply nested, without a sender."""


@dataclass(frozen=True)
class Delivery:
    """One report of a server on a mail it could not deliver (RFC 3464): of which mail, and whether for good."""

    message_ids: tuple[str, ...]
    failed: bool


@dataclass(frozen=True)
class Incoming:
    """A mail, read. Addresses in lower case, `text` without quotes and signature, `original` with them."""

    sender: str  # of the From header; "" where it names none or several
    recipients: tuple[str, ...]
    subject: str
    message_id: str
    answers: tuple[str, ...]  # Message-IDs of In-Reply-To and References
    authentication: tuple[str, ...]  # Authentication-Results, topmost first
    automatic: str  # which header says that a program wrote it; "" for a person
    from_list: bool
    text: str
    original: str
    attachments: tuple[str, ...]
    delivery: Delivery | None = field(default=None)


def read(raw: bytes) -> Incoming:
    """Read a mail. Linear in its length. Raises Nonsense."""
    if len(raw) > MOST_BYTES:
        raise Nonsense(f"larger than {MOST_BYTES // 1024 // 1024} MiB")
    lower = raw.lower()
    if lower.count(b"multipart/") + lower.count(b"message/") > MOST_PARTS:
        raise Nonsense("too many parts")
    if raw.count(b"\n") + raw.count(b"\r") > 2 * MOST_LINES:
        raise Nonsense("too many lines")
    try:
        message = email.message_from_bytes(raw.replace(b"\0", b""))
    except (RecursionError, ValueError, LookupError, MessageError) as error:
        raise Nonsense(type(error).__name__) from error
    senders = _mailboxes(message, "From")
    if not any(senders):
        raise Nonsense("no sender")
    parts, answered = _parts(message), f"{_raw(message, 'In-Reply-To')} {_raw(message, 'References')}"
    original = _original(parts)
    return Incoming(
        sender=senders[0] if len(senders) == 1 else "",
        recipients=tuple(_addresses(message, "X-Original-To", "Delivered-To", "To", "Cc")),
        subject=_text_of(message, "Subject"),
        message_id=_raw(message, "Message-ID").strip(),
        answers=tuple(dict.fromkeys(MESSAGE_ID.findall(answered))),
        authentication=tuple(_all(message, "Authentication-Results")),
        automatic=_automatic(message),
        from_list=any(message.get(name) is not None for name in ("List-Id", "List-Post", "List-Unsubscribe")),
        text=quotes.own_words(original),
        original=original,
        attachments=tuple(_attachments(parts)),
        delivery=_delivery(message, parts),
    )


MESSAGE_ID = re.compile(r"<[^<>\s]{3,200}>")


def _all(message: Message, name: str) -> list[str]:
    """Every header of a name, each on one line, as it was sent; bytes beyond ASCII are UTF-8 (RFC 6532)."""
    found = [str(value) for known, value in message.raw_items() if known.lower() == name.lower()]
    plain = (one.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for one in found)
    return [" ".join(one.split())[: 10 * LONGEST_HEADER] for one in plain]


def _raw(message: Message, name: str) -> str:
    """The first of them, or ""."""
    return next(iter(_all(message, name)), "")


def _text_of(message: Message, name: str) -> str:
    """A header as people read it."""
    return _words(_raw(message, name)[:LONGEST_HEADER])


def _words(raw: str) -> str:
    """Encoded words decoded (RFC 2047), on one line, without control characters; as it is where it cannot be."""
    try:
        text = str(make_header(decode_header(raw)))
    except (LookupError, ValueError, UnicodeError, MessageError):
        text = raw
    return _on_one_line(text)


def _on_one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


ADDRESS = re.compile(r"[^\s<>@,;:\"()\\]{1,64}@[^\s<>@,;:\"()\\]{1,253}", re.ASCII)
UNSEEN = re.compile(r'"(?:[^"\\]|\\.)*"|\([^()]*\)')  # names in quotes, and comments
MAILBOX = re.compile(r"[^<>]*<([^<>]*)>\s*")


def _mailboxes(message: Message, *names: str) -> list[str]:
    """The addresses in these headers, lower case, in order; "" for what is none. Strict where parsers have guessed."""
    lines = [line for name in names for line in _all(message, name)]
    pieces = [piece.strip() for line in lines for piece in UNSEEN.sub(" ", line).split(",") if piece.strip()]
    inner = [found[1].strip() if (found := MAILBOX.fullmatch(piece)) else piece for piece in pieces]
    return [address.lower() if ADDRESS.fullmatch(address) else "" for address in inner]


def _addresses(message: Message, *names: str) -> list[str]:
    return list(dict.fromkeys(address for address in _mailboxes(message, *names) if address))


# Who wrote it: RFC 3834, and what programs wrote before it ------------------------------------------------------------

HEADERS = ("X-Autoreply", "X-Autorespond", "X-Auto-Response", "X-Vacation", "X-Mail-Autoreply")
PRECEDENCE = ("bulk", "junk", "list", "auto_reply")
MACHINES = ("mailer-daemon", "postmaster", "noreply", "no-reply", "do-not-reply", "donotreply")
AWAY = re.compile(
    r"(?:auto(?:matic|mated)?[- ]?(?:reply|response)\b|auto:|out of (?:the )?office|vacation\b|abwesenheit"
    r"|automatische antwort|réponse automatique|absence du bureau|respuesta automática|fuera de la oficina"
    r"|resposta automática|risposta automatica|fuori sede|automatisch antwoord|自動応答|自动回复|自動回覆|автоответ)"
)


def _automatic(message: Message) -> str:
    submitted = _raw(message, "Auto-Submitted").partition(";")[0].strip().lower()
    if submitted not in ("", "no"):
        return "Auto-Submitted"
    if _raw(message, "Precedence").lower() in PRECEDENCE:
        return "Precedence"
    if set(HEADERS) & set(message.keys()):
        return "autoreply"
    if any(address.partition("@")[0] in MACHINES for address in _addresses(message, "From")):
        return "From"
    return "Subject" if AWAY.match(_text_of(message, "Subject").lower()) else ""


# What it says ---------------------------------------------------------------------------------------------------------


def _parts(message: Message) -> list[Message]:
    """The leaves of a mail, but nothing of the mails attached to it."""
    found, left = list[Message](), [message]
    while left and len(found) < MOST_PARTS:
        part = left.pop()
        below = part.get_payload() if part.get_content_maintype() == "multipart" else None
        if isinstance(below, list):
            left += [one for one in reversed(below) if isinstance(one, Message)]
        else:
            found.append(part)
    return found


def _is_text(part: Message, kind: str) -> bool:
    return part.get_content_type() == kind and part.get_content_disposition() != "attachment"


def _original(parts: list[Message]) -> str:
    """The whole text: of the first plain part, or else of the first HTML part."""
    for part in parts:
        if _is_text(part, "text/plain") and (text := _decoded(part)).strip():
            return text
    for part in parts:
        if _is_text(part, "text/html"):
            return web_text.plain(_decoded(part))
    return ""


def _decoded(part: Message) -> str:
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    try:
        text = raw.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        text = raw.decode("utf-8", "replace")
    return text[:LONGEST_TEXT].replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def _attachments(parts: list[Message]) -> list[str]:
    """What was attached and is dropped: names and types."""
    dropped = [one for one in parts if one.get_content_maintype() != "text" or one.get_content_disposition()]
    return [_attachment(one) for one in dropped][:20]


def _attachment(part: Message) -> str:
    try:
        name = part.get_filename("") or ""
    except (LookupError, ValueError, UnicodeError, TypeError):
        name = ""
    return _on_one_line(f"{_words(name)[:100]} ({part.get_content_type()[:80]})")


# Reports of servers (RFC 3464) ----------------------------------------------------------------------------------------

FAILED = re.compile(r"^Action:\s*failed", re.I | re.M)
REFUSED = re.compile(r"\b5\d\d[ -]|\b5\.\d{1,3}\.\d{1,3}\b")


def _delivery(message: Message, parts: list[Message]) -> Delivery | None:
    """The report a server sent back; an older server's is a plain mail of its daemon with a code for good."""
    reports = [one for one in parts if one.get_content_type() == "message/delivery-status"]
    if not reports:
        return _old_delivery(message, parts)
    said = "\n".join(_flat(one) for one in reports)
    failed = bool(FAILED.search(said)) and not re.search(r"^Status:\s*4", said, re.I | re.M)
    return Delivery(_returned(parts), failed)


def _old_delivery(message: Message, parts: list[Message]) -> Delivery | None:
    daemon = any(one.partition("@")[0] in MACHINES[:2] for one in _addresses(message, "From"))
    if not daemon:
        return None
    text = _original(parts)
    return Delivery((*_returned(parts), *MENTIONED.findall(text)), bool(REFUSED.search(text)))


MENTIONED = re.compile(r"^>?\s*Message-ID:\s*(<[^<>\s]{3,200}>)", re.I | re.M)


def _returned(parts: list[Message]) -> tuple[str, ...]:
    """The Message-IDs of what came back: a whole mail, or its headers."""
    back = [one for one in parts if one.get_content_type() in ("message/rfc822", "text/rfc822-headers")]
    return tuple(found for one in back for found in MENTIONED.findall(_flat(one)))


def _flat(part: Message) -> str:
    """A part with what is attached to it as text."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return "\n".join(one.as_string()[:LONGEST_TEXT] for one in payload if isinstance(one, Message))
    return _decoded(part)
