"""A real SMTP server in its own thread whose answers a test writes beforehand."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

TAKEN = "250 OK"


@dataclass
class MailServer:
    """`recipients` and `data` hold the next answers to RCPT and DATA, in order; afterwards all is taken."""

    port: int
    recipients: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    offered: list[bytes] = field(default_factory=list)
    taken: list[Envelope] = field(default_factory=list)
    sessions: set[int] = field(default_factory=set)
    slow: float = 0.0  # seconds before DATA is answered
    before_answer: Callable[[], None] = lambda: None  # what happens, in another thread, while the client waits

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        answer = self.recipients.pop(0) if self.recipients else TAKEN
        if answer == TAKEN:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.sessions.add(id(session))
        self.offered.append(bytes(envelope.original_content or b""))
        await asyncio.sleep(self.slow)
        await asyncio.to_thread(self.before_answer)
        answer = self.data.pop(0) if self.data else TAKEN
        if answer == TAKEN:
            self.taken.append(envelope)
        return answer


@contextmanager
def running(port: int) -> Iterator[MailServer]:
    """Listen on a loopback port while the block lasts."""
    handler = MailServer(port)
    controller = Controller(handler, hostname="127.0.0.1", port=port, ready_timeout=120)
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()
