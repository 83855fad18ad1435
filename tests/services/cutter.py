"""A line to PostgreSQL that breaks exactly at COMMIT: just before it arrives, or after it, before the answer does."""

import select
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

COMMIT = b"Q" + struct.pack("!I", 4 + len(b"COMMIT\0")) + b"COMMIT\0"
BEFORE, AFTER = "before", "after"
PIECE = 2**16


class Cutter(socketserver.ThreadingTCPServer):
    """Passes everything on; `orders` are the next cuts, `obeyed` those that were made.

    Only the `end` of a transaction that said `marker` is cut off.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, host: str, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Line)
        self.remote = (host, port)
        self.port = int(self.server_address[1])
        self.marker, self.end = b"", COMMIT
        self.orders: list[str] = []
        self.obeyed: list[str] = []
        self.lock = threading.Lock()

    def connect(self) -> socket.socket:
        """A connection to the server; a host that is a folder has its socket there, as for libpq."""
        host, port = self.remote
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        remote = socket.socket(socket.AF_UNIX)
        remote.connect(f"{host}/.s.PGSQL.{port}")
        return remote

    def next_order(self) -> str:
        """What to do with this COMMIT; empty to let it pass."""
        with self.lock:
            if not self.orders:
                return ""
            self.obeyed.append(self.orders.pop(0))
            return self.obeyed[-1]


class _Line(socketserver.BaseRequestHandler):
    server: Cutter

    def handle(self) -> None:
        self.marked = False
        with self.server.connect() as remote:
            while self._pass_on(self.request, remote):
                pass

    def _pass_on(self, local: socket.socket, remote: socket.socket) -> bool:
        for one in select.select([local, remote], [], [])[0]:
            data = one.recv(PIECE)
            if not data:
                return False
            order = self._order(data) if one is local else ""
            if order != BEFORE:
                (remote if one is local else local).sendall(data)
            if order:
                return self._cut(remote, order)
        return True

    def _order(self, data: bytes) -> str:
        self.marked |= self.server.marker in data
        if self.server.end not in data:
            return ""
        order, self.marked = self.server.next_order() if self.marked else "", False
        return order

    def _cut(self, remote: socket.socket, order: str) -> bool:
        """The line breaks; where COMMIT was passed on, once the server has answered."""
        if order == AFTER:
            remote.recv(PIECE)
        return False


@contextmanager
def cutting(host: str, port: int) -> Iterator[Cutter]:
    """A cutter in front of the server at `host` and `port`, until the block ends."""
    with Cutter(host, port) as cutter:
        threading.Thread(target=cutter.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield cutter
        finally:
            cutter.shutdown()
