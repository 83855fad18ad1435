"""HTTP to hosts that strangers name: one resolution, pinned; no address, port or scheme but the allowed ones; a clock
and a byte count on the socket itself; no proxies, no redirects, no cookies, no credentials.

Built on urllib3's connection classes and the address ranges of requests-hardened (docs/adr/0004). No database: all
inputs are values.
"""

import functools
import hashlib
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, cast

import certifi
from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection

from common.transport.addresses import Address, Target, may_dial, resolve
from common.transport.failures import Blocked, Oversized, TransportError, plain_words
from common.transport.packing import unpacked
from common.transport.sockets import Guard, GuardedSocket, GuardedTLSSocket

CHUNK = 8192
MAX_TARGETS = 4


@dataclass(frozen=True)
class Limits:
    """Seconds for the name, for one step and for the whole probe; bytes of one body and of one answer's headers.

    A whole listing (old git, files only, Mercurial) has limits of its own: seconds from the probe's start, and bytes.
    """

    resolve: float = 5.0
    step: float = 10.0
    total: float = 20.0
    listing_total: float = 60.0
    body: int = 64 * 1024
    listing: int = 32 * 1024 * 1024
    headers: int = 16 * 1024
    user_agent: str = "git/2.0 (RecoveryDesk)"


@dataclass(frozen=True)
class WebOrigin:
    """Whom to ask, and what staff allow there beyond https on port 443 at a public address."""

    scheme: str
    host: str
    port: int
    allows: tuple[str, int] = ("https", 443)
    private: bool = False

    @property
    def is_allowed(self) -> bool:
        """Whether scheme and port may be asked at all; the address is seen when the name is resolved."""
        return (self.scheme, self.port) in (("https", 443), self.allows)

    @property
    def key(self) -> str:
        """The host, and the port where its scheme does not imply it: what the desk knows it under."""
        return self.host if (self.scheme, self.port) in (("https", 443), ("http", 80)) else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Reply:
    """One answer; `complete` is False when the body went on past the limit. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = True


class Stream:
    """An answer as it comes in. A context manager: whoever does not read to the end hangs up."""

    def __init__(self, response: HTTPResponse, hang_up: Callable[[], None]) -> None:
        self._response, self._hang_up, self._ended = response, hang_up, False
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._ended:
            self._hang_up()

    @property
    def says_its_end(self) -> bool:
        """Whether a cut answer would be noticed: it tells its length, or comes in chunks."""
        return "content-length" in self.headers or "chunked" in self.headers.get("transfer-encoding", "").lower()

    def pieces(self, limit: int) -> Iterator[bytes]:
        """The body piece by piece, unpacked; raises Oversized past `limit` bytes, Unreachable, Malformed."""
        count = 0
        with plain_words():
            for piece in unpacked(self._raw(), self.headers.get("content-encoding", ""), CHUNK):
                if (count := count + len(piece)) > limit:
                    raise Oversized("a longer answer than we read")
                yield piece
        self._ended = True

    def _raw(self) -> Iterator[bytes]:
        """The body as it arrives: without waiting until a piece is full, so that its kind is known at once."""
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            yield from self._response.stream(CHUNK, decode_content=False)
            return
        while piece := self._response.read1(CHUNK, decode_content=False):
            yield piece

    def reply(self, pieces: Iterator[bytes], head: bytes = b"") -> Reply:
        """The whole answer, or as much of it as the limit of `pieces` lets through after `head`."""
        body, complete = bytearray(head), True
        try:
            for piece in pieces:
                body += piece
        except Oversized:
            complete = False
        return Reply(self.status, self.headers, bytes(body), complete)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """The system's certificates (SSL_CERT_FILE, too) and Mozilla's; made once, it is slow."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.sslsocket_class = GuardedTLSSocket
    return context


class Client:
    """A conversation with one origin over at most one connection at a time, all to the addresses resolved first.

    Use it as a context manager; `begin` starts a further probe over the same connection. `requests`, `guard.sent`,
    `guard.received`, `peer` and `fingerprint` (SHA-256 of the host's certificate) say what the probe took.
    """

    def __init__(self, origin: WebOrigin, limits: Limits) -> None:
        self.origin, self.limits = origin, limits
        self.guard = Guard(limits.total)
        self.requests = 0
        self.peer = self.fingerprint = ""
        self._targets: list[Target] = []
        self._connection: _Pinned | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection; the next request opens another to the same addresses."""
        if self._connection:
            self._connection.close()

    def begin(self) -> None:
        """Start counting seconds, bytes and requests anew, for another probe."""
        self.guard.restart(self.limits.total)
        self.requests = 0

    def addresses(self) -> list[Address]:
        """The addresses that will be dialled, resolved now if they are not yet; none where the look will say why."""
        self.begin()
        try:
            with plain_words():
                self._targets = self._targets or self._resolved()
        except TransportError:
            return []
        return [target.address for target in self._targets]

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """Send one request and read its answer; raises Blocked, Unreachable, Malformed."""
        with self.open(method, target, headers, body) as stream:
            return stream.reply(stream.pieces(self.limits.body))

    def open(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Stream:
        """Send one request and read the head of its answer; raises Blocked, Unreachable, Malformed."""
        try:
            with plain_words():
                response = self._asked(method, target, headers, body)
        except BaseException:
            self.hang_up()
            raise
        return Stream(response, self.hang_up)

    def _asked(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> HTTPResponse:
        """Ask; once more where the host had hung up on an idle connection (RFC 9112 section 9.3.1)."""
        connection, used_before = self._connected()
        self.requests += 1
        try:
            return self._sent(connection, method, target, headers, body)
        except ConnectionError:
            if not used_before or self.guard.heard_in_step:
                raise
        self.hang_up()
        connection, _ = self._connected()
        return self._sent(connection, method, target, headers, body)

    def _sent(
        self, connection: "_Pinned", method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> HTTPResponse:
        self.guard.start_step(self.limits.step, self.limits.headers + self.limits.body)
        connection.request(method, target, body or None, headers, preload_content=False, decode_content=False)
        connection.flush()
        return connection.getresponse()

    def expect_listing(self) -> None:
        """The answer being read turns out to be a whole listing: give it its own time and size."""
        self.guard.extend(self.limits.listing_total, self.limits.listing + self.limits.headers)

    def _connected(self) -> "tuple[_Pinned, bool]":
        """The connection, and whether it was used before."""
        if not self._targets:
            self._targets = self._resolved()
        if self._connection is None:
            self._connection = self._new_connection()
        if self._connection.is_connected:
            return self._connection, True
        self._connection.close()
        self._connection.connect()
        return self._connection, False

    def _resolved(self) -> list[Target]:
        """All addresses of the name; one that may not be dialled condemns them all."""
        origin = self.origin
        if not origin.is_allowed:
            raise Blocked("only https on port 443, unless `codehost add` allows more")
        self.guard.start_step(self.limits.resolve, 0)
        targets = resolve(origin.host, origin.port, self.guard.left())
        if not all(may_dial(target.address, private=origin.private) for target in targets):
            raise Blocked("its name leads to an address that is not public")
        return targets[:MAX_TARGETS]

    def _new_connection(self) -> "_Pinned":
        host, port = self.origin.host.strip("[]"), self.origin.port
        if self.origin.scheme == "https":
            return _Secure(self, host, port, ssl_context=tls_context())
        return _Pinned(self, host, port)

    def dial(self) -> GuardedSocket:
        """Connect to the first pinned address that answers; the name is not looked up again."""
        self.guard.start_step(self.limits.step, 0)
        for position, target in enumerate(self._targets):
            try:
                return self._dial(target, self.guard.left() / (len(self._targets) - position))
            except OSError as error:
                failure = error
        raise failure

    def _dial(self, target: Target, seconds: float) -> GuardedSocket:
        made = GuardedSocket(target.family, socket.SOCK_STREAM)
        try:
            made.guard = self.guard
            made.settimeout(seconds)
            made.connect(target.sockaddr)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.settimeout(self.guard.left())  # Python's TLS handshake takes it as a total
        except BaseException:
            made.close()
            raise
        self.peer = str(target.address)
        return made


class _Pinned(HTTPConnection):
    """Connects where its client says, and sends head and body of a request together."""

    def __init__(self, client: Client, host: str, port: int) -> None:
        super().__init__(host, port)
        self.client = client
        self.waiting = b""

    def _new_conn(self) -> socket.socket:
        return self.client.dial()

    def send(self, data: Any) -> None:
        self.waiting += data

    def flush(self) -> None:
        """Send what has been put together, in one packet where it fits."""
        data, self.waiting = self.waiting, b""
        self.sock.sendall(data)


class _Secure(_Pinned, HTTPSConnection):
    def __init__(self, client: Client, host: str, port: int, *, ssl_context: ssl.SSLContext) -> None:
        HTTPSConnection.__init__(self, host, port, ssl_context=ssl_context)
        self.client = client
        self.waiting = b""

    def connect(self) -> None:
        super().connect()
        secure = cast(GuardedTLSSocket, self.sock)
        secure.guard = self.client.guard
        self.client.fingerprint = hashlib.sha256(secure.getpeercert(binary_form=True) or b"").hexdigest()
