"""A TCP relay in user space that counts bytes and stands for a line with delay.

Each direction holds bytes back for half a round trip. The handshake, which user space cannot delay, is stood for by one
round trip on the first bytes of a connection; slow start by an initial window of ten packets that doubles each round
trip (RFC 6928). There is no limit of bandwidth and no loss.
"""

import queue
import socket
import threading
import time
from multiprocessing.context import ForkContext
from multiprocessing.sharedctypes import Synchronized
from typing import TypeAlias

Count: TypeAlias = "Synchronized[int]"
Waiting: TypeAlias = "queue.SimpleQueue[tuple[float, bytes]]"
WINDOW = 10 * 1460
CHUNK = 65536


class Counters:
    """Shared between the processes: bytes to the server, bytes from it, connections."""

    def __init__(self, context: ForkContext) -> None:
        self.up: Synchronized[int] = context.Value("q", 0)
        self.down: Synchronized[int] = context.Value("q", 0)
        self.connections: Synchronized[int] = context.Value("q", 0)


def run(port: int, target: int, delay: float, counters: Counters) -> None:
    """Relay every connection until the process is ended."""
    with socket.create_server(("127.0.0.1", port), backlog=128) as listener:
        while True:
            local, _ = listener.accept()
            remote = socket.create_connection(("127.0.0.1", target))
            counters.connections.value += 1
            for one in (local, remote):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _start(local, remote, delay, delay, counters.up)
            _start(remote, local, delay, 0.0, counters.down)


def _start(source: socket.socket, sink: socket.socket, delay: float, handshake: float, count: Count) -> None:
    waiting: Waiting = queue.SimpleQueue()
    threading.Thread(target=_read, args=(source, waiting, delay, handshake, count), daemon=True).start()
    threading.Thread(target=_write, args=(sink, waiting), daemon=True).start()


def _read(source: socket.socket, waiting: Waiting, delay: float, handshake: float, count: Count) -> None:
    ready, window, left, opens = 0.0, WINDOW, WINDOW, 0.0
    while data := _some(source):
        with count.get_lock():
            count.value += len(data)
        now = time.monotonic() + handshake
        handshake = 0.0
        while data:
            if not left and delay:
                opens, window = max(now, opens) + delay, window * 2
                left = window
            part, data = (data[:left], data[left:]) if delay else (data, b"")
            left -= len(part)
            ready = max(ready, now + delay / 2, opens + delay / 2)
            waiting.put((ready, part))
    waiting.put((ready, b""))


def _some(source: socket.socket) -> bytes:
    try:
        return source.recv(CHUNK)
    except OSError:
        return b""


def _write(sink: socket.socket, waiting: Waiting) -> None:
    while True:
        ready, data = waiting.get()
        time.sleep(max(0.0, ready - time.monotonic()))
        try:
            if not data:
                sink.shutdown(socket.SHUT_WR)
                return
            sink.sendall(data)
        except OSError:
            return
