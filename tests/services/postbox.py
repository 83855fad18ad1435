"""A real SMTP server that keeps every byte it took, and misbehaves on request."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from tests.helpers.ports import free_port


class Postbox:
    """`mode`: take, greylist (451 to the first two tries of a mail), later (451 to all), slow, drop (no answer)."""

    def __init__(self) -> None:
        self.mode = "take"
        self.slow = 5.0  # seconds
        self.taken: dict[str, list[bytes]] = defaultdict(list)  # Message-ID -> what was offered and taken
        self.addressed: dict[str, tuple[str, str]] = {}  # Message-ID -> recipient, subject
        self.tries: Counter[str] = Counter()
        self.dropped = 0
        self.port = free_port()
        self.controller: Controller | None = None

    def open(self) -> None:
        """Listen."""
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=120)
        self.controller.start()

    def close(self) -> None:
        """Refuse connections."""
        if self.controller:
            self.controller.stop()
            self.controller = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002
        content: bytes = envelope.original_content
        message = _parsed(content)
        number = str(message["Message-ID"])
        self.tries[number] += 1
        if self.mode == "later" or (self.mode == "greylist" and self.tries[number] <= 2):
            return "451 4.7.1 come back later"
        if self.mode == "slow":
            await asyncio.sleep(self.slow)
        self.addressed[number] = str(message["To"]), str(message["Subject"])
        self.taken[number].append(content)
        if self.mode == "drop" and self.tries[number] == 1:
            self.dropped += 1
            server.transport.abort()
        return "250 taken"

    def find(self, recipient: str, word: str) -> str:
        """The text of the newest mail to `recipient` with this word in its subject; LookupError while there is none."""
        for number in reversed(list(self.taken)):
            to, subject = self.addressed[number]
            if recipient == to and word in subject:
                part = _parsed(self.taken[number][0]).get_body(("plain",))
                assert part is not None
                return str(part.get_content()).replace("\r\n", "\n")
        raise LookupError(f"{word} for {recipient}")

    def repeated(self) -> int:
        """How many copies came beyond the first of each mail."""
        return sum(len(copies) - 1 for copies in self.taken.values())

    def changed(self) -> list[str]:
        """The Message-IDs under which two different mails came."""
        return [number for number, copies in self.taken.items() if len(set(copies)) > 1]


def _parsed(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


@contextmanager
def listening() -> Iterator[Postbox]:
    """A post box that is open while the block lasts."""
    box = Postbox()
    box.open()
    try:
        yield box
    finally:
        box.close()
