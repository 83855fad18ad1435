"""A proxy that ends TLS and a name server, both on loopback, which do what a test says."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

RIGHT, TWO, UNCHANGED, SILENT, FORWARDS_PROTO, NO_PROTO = (
    "sets all headers", "two proxies", "passes X-Forwarded-For", "sets no X-Forwarded-For",
    "passes X-Forwarded-Proto", "sets no X-Forwarded-Proto",
)  # fmt: skip


class Proxy(ThreadingHTTPServer):
    """Ends TLS for a server on `upstream`. `manners` is one of the words above."""

    daemon_threads = True

    def __init__(self, port: int, upstream: int, certificate: Path) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.upstream, self.manners = upstream, RIGHT
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust the certificate hangs up."""


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def do_GET(self) -> None:
        """Pass the request on as these manners would."""
        line = HTTPConnection("127.0.0.1", self.server.upstream, timeout=30)
        try:
            line.request("GET", self.path, headers=self._headers())
            answer = line.getresponse()
            body = answer.read()
        finally:
            line.close()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _headers(self) -> dict[str, str]:
        manners, headers = self.server.manners, dict(self.headers.items())
        theirs = headers.pop("X-Forwarded-For", "")
        appended = {RIGHT: "127.0.0.9", TWO: "127.0.0.9, 10.0.0.1", UNCHANGED: "", SILENT: None}
        added = appended.get(manners, "127.0.0.9")
        if added is not None:
            headers["X-Forwarded-For"] = ", ".join(filter(None, (theirs, added)))
        if manners == NO_PROTO:
            del headers["X-Forwarded-Proto"]
        elif manners != FORWARDS_PROTO:
            headers["X-Forwarded-Proto"] = "https"
        return headers

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""


@contextmanager
def proxy(port: int, upstream: int, certificate: Path) -> Iterator[Proxy]:
    """Serve while the block lasts."""
    server = Proxy(port, upstream, certificate)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def name_server(texts: dict[str, list[str]]) -> Iterator[int]:
    """A name server of these TXT records (name without its dot at the end); yields its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve, args=(sock, texts), daemon=True)
        thread.start()
        yield sock.getsockname()[1]
        sock.sendto(b"", sock.getsockname())
        thread.join(10)


def _serve(sock: socket.socket, texts: dict[str, list[str]]) -> None:
    while True:
        wire, asker = sock.recvfrom(4096)
        if not wire:
            return
        query = dns.message.from_wire(wire)
        name = query.question[0].name
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        wanted = name.to_text(omit_final_dot=True)
        if found := texts.get(wanted):
            parts = [" ".join(f'"{one[at : at + 200]}"' for at in range(0, len(one), 200)) for one in found]
            answer.answer.append(dns.rrset.from_text_list(name, 60, "IN", "TXT", parts))
        elif not any(one.endswith(f".{wanted}") for one in texts):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        sock.sendto(answer.to_wire(), asker)
