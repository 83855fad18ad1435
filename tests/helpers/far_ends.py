"""Real far ends: a host that says exactly the bytes a test wants, canaries that must never hear from us."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BufferedReader

import pytest

from recoverydesk.recovery.probing.answers import ADVERTISEMENT, RESULT
from recoverydesk.recovery.probing.git import line
from recoverydesk.recovery.repository_urls.parser import HostRule, Place, parse

TOKEN = "000-recovery-" + "abcde" + "x" * 21
OID = b"1" * 40
V2 = line(b"version 2") + line(b"agent=test") + line(b"ls-refs=unborn") + line(b"object-format=sha1") + b"0000"


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Said = bytes | Iterable[bytes]
Answer = Callable[[Asked], Said]


def http(status: int, kind: str = "text/plain", body: bytes = b"", **headers: str) -> bytes:
    """A whole answer, after which the host hangs up."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def speaks(refs: bytes, advertisement: bytes = V2) -> Answer:
    """A host that speaks v2 and answers every question with the same packets."""
    return lambda asked: http(200, ADVERTISEMENT, advertisement) if asked.method == "GET" else http(200, RESULT, refs)


@dataclass
class RawHost:
    """A listener on 127.0.0.1 whose every answer is `answer(request)`, sent piece by piece."""

    answer: Answer
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    asked: list[Asked] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    tls: ssl.SSLContext | None = None

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    @property
    def rule(self) -> HostRule:
        return HostRule("owner", "http", self.port, private=True, plain_http=True)

    @property
    def hosts(self) -> dict[str, HostRule]:
        return {f"localhost:{self.port}": self.rule}

    def url(self, path: str = "ada/tool") -> str:
        return f"http://localhost:{self.port}/{path}"

    def place(self) -> Place:
        return parse(self.url(), self.hosts)

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, plain: socket.socket) -> None:
        try:
            with plain, self._secured(plain) as connection, connection.makefile("rb") as stream:
                self._say(connection, _read(stream))
        except OSError:
            return  # the other side hung up on us, as it may

    def _secured(self, plain: socket.socket) -> socket.socket:
        return self.tls.wrap_socket(plain, server_side=True) if self.tls else plain

    def _say(self, connection: socket.socket, asked: Asked) -> None:
        self.asked.append(asked)
        answer = self.answer(asked)
        for piece in [answer] if isinstance(answer, bytes) else answer:
            connection.sendall(piece)
            if self.stopped.is_set():
                return


def _read(stream: BufferedReader) -> Asked:
    method, target, _ = stream.readline().decode().split(" ", 2)
    pairs = iter(lambda: stream.readline().decode().strip(), "")
    headers = {name.lower(): value.strip() for name, _, value in (pair.partition(":") for pair in pairs)}
    return Asked(method, target, headers, stream.read(int(headers.get("content-length", "0"))))


def drip(first: bytes, piece: bytes, host_box: list[RawHost]) -> Iterator[bytes]:
    """Send something, then a little every now and then until the test is over."""
    yield first
    while not host_box[0].stopped.wait(0.05):
        yield piece


MakeHost = Callable[[Answer], RawHost]


@pytest.fixture
def raw_host() -> Iterator[MakeHost]:
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(running(answer))


@contextmanager
def running(answer: Answer, *, tls: ssl.SSLContext | None = None) -> Iterator[RawHost]:
    """A host that answers like this until the block ends."""
    host = RawHost(answer, tls=tls)
    thread = threading.Thread(target=host.serve, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        host.stopped.set()
        host.listener.shutdown(socket.SHUT_RDWR)
        host.listener.close()
        thread.join(2)


@dataclass
class Canary:
    """One port on every address of this machine, 127.0.0.1 and ::1 among them, that nobody may reach."""

    port: int
    listeners: list[socket.socket]

    def heard(self) -> int:
        """How many connections are waiting."""
        return sum(_pending(listener) for listener in self.listeners)


def _pending(listener: socket.socket) -> int:
    listener.setblocking(False)
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return 0
    return 1
