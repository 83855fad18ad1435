"""Hosts for the benchmarks, each in a process of its own: one that answers at once, slow ones, huge ones."""

import contextlib
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from multiprocessing.connection import Connection

from bench.rig import lab
from common.transport.client import WebOrigin
from recoverydesk.recovery.probing import git
from recoverydesk.recovery.probing.answers import RESULT, Stop
from recoverydesk.recovery.probing.patience import Knowledge, Visit
from recoverydesk.recovery.probing.plan import Plan
from recoverydesk.recovery.probing.probe import Limits, look, redirected_path
from recoverydesk.recovery.probing.questions import Looked, Round
from recoverydesk.recovery.repository_urls.parser import HostRule, parse
from tests.helpers.far_ends import OID, running
from tests.recovery.probing import zoo
from tests.recovery.probing.zoo import Animal, write_certificate

__all__ = ["beside_slow_ones", "big_answers", "canned", "drips", "growth", "write_certificate"]

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: 4\r\n\r\n0000" % RESULT.encode()
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def canned() -> AbstractContextManager[int]:
    """A host that answers every question at once with "no such branch" and keeps the connection; its port."""
    return _in_a_process(_answer)


@contextmanager
def _in_a_process(talk: Callable[..., None], *arguments: object) -> Iterator[int]:
    port = lab.free_port()
    process = lab.FORK.Process(target=_listen, args=(port, talk, arguments), daemon=True)
    process.start()
    lab.wait_for(port)
    try:
        yield port
    finally:
        process.terminate()
        process.join()


def _listen(port: int, talk: Callable[..., None], arguments: tuple[object, ...]) -> None:
    with socket.create_server(("127.0.0.1", port), backlog=128) as listener:
        while True:
            threading.Thread(target=talk, args=(listener.accept()[0], *arguments), daemon=True).start()


def _drip_handshake(connection: socket.socket, piece: bytes) -> None:
    """A long TLS record that never comes to its end."""
    connection.sendall(b"\x16\x03\x03\x40\x00" if piece else b"")
    with contextlib.suppress(OSError):
        while True:
            time.sleep(0.2)
            connection.sendall(piece)


def _answer(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = b""
    with connection:
        while data := connection.recv(65536):
            waiting += data
            head, end, body = waiting.partition(b"\r\n\r\n")
            length = int(found[1]) if end and (found := LENGTH.search(head)) else 0
            if end and len(body) >= length:
                waiting = body[length:]
                connection.sendall(ANSWER)


@contextmanager
def kept(animal: Animal) -> Iterator[int]:
    """A host of the zoo in a process of its own; its port."""
    near, far = lab.FORK.Pipe()
    process = lab.FORK.Process(target=_keep, args=(animal, far), daemon=True)
    process.start()
    port = int(near.recv())
    try:
        yield port
    finally:
        process.terminate()
        process.join()


def _keep(animal: Animal, tell: Connection) -> None:
    def stopped() -> bool:
        time.sleep(0.5 if animal.slow else 0)
        return False

    with running(animal.make(stopped)) as host:
        tell.send(host.port)
        threading.Event().wait()


def drips() -> Iterator[tuple[str, float, float]]:
    """(name, deadline in seconds, seconds until it was given up) for every slow animal, in plain and in TLS."""
    limits = Limits(step=2, total=3, listing_total=4)
    for name, animal in zoo.ANIMALS.items():
        if animal.slow:
            deadline = limits.listing_total if name == "listing drip" else limits.step
            with kept(animal) as port:
                yield name, deadline, _given_up(port, limits)
    for name, piece in {"silence": b"", "a drip": b"\x02"}.items():
        with _in_a_process(_drip_handshake, piece) as port:
            yield f"{name} in the TLS handshake", limits.step, _given_up(port, limits, "https")


def _given_up(port: int, limits: Limits, scheme: str = "http") -> float:
    place, hosts = lab.place_at(port, "ada/tool", scheme)
    began = time.monotonic()
    with lab.new_client(port, "ada/tool", scheme, limits) as client:
        (result,) = look(client, place, [lab.TOKEN], hosts=hosts)
    if result.verdict not in ("unreachable", "ambiguous"):
        raise AssertionError(result)
    return time.monotonic() - began


def beside_slow_ones() -> tuple[float, float]:
    """Seconds until the last of 20 healthy answers at 4 hosts, and until the last of 8 dripping hosts is given up."""
    with ExitStack() as stack:
        slow = [stack.enter_context(kept(zoo.ANIMALS["header drip"])) for _ in range(8)]
        fast = [stack.enter_context(kept(zoo.ANIMALS["version 2 without the branch"])) for _ in range(4)]
        ports = [*slow, *(fast[number % 4] for number in range(20))]
        hosts = {f"localhost:{port}": HostRule("owner", "http", port, private=True, plain_http=True) for port in ports}
        plan = Plan(hosts, Limits())
        for number, port in enumerate(ports):
            plan.add(number, [f"http://localhost:{port}/owner{number}/tool"], lab.TOKEN, start=0)
        now = time.time()
        stops = {key: plan.stop(key, Visit(Knowledge(), lab.utc(now))) for key in plan.origins}
        began, healthy, last = time.monotonic(), 0.0, 0.0
        for news in Round(stops, hosts, plan.limits).run():
            if isinstance(news, Looked):
                last = time.monotonic() - began
                healthy = last if news.seen[0][1].verdict == "missing" else healthy
    return healthy, last


def big_answers() -> Iterator[tuple[str, Callable[[], str]]]:
    """Names of huge answers, and a look at each that returns its verdict."""
    animals = {**zoo.HUGE_LISTINGS, **{name: one for name, one in zoo.ANIMALS.items() if _is_big(name)}}
    for name, animal in animals.items():
        with kept(animal) as port:
            yield name, lambda port=port: _verdict(port)  # type: ignore[misc]


def _is_big(name: str) -> bool:
    return name.startswith(("5 GB", "gzip", "a million", "version 2 without"))


def _verdict(port: int) -> str:
    place, hosts = lab.place_at(port, "ada/tool")
    with lab.new_client(port, "ada/tool") as client:
        return str(look(client, place, [lab.TOKEN], hosts=hosts)[0].verdict)


def growth() -> Iterator[tuple[str, float, float]]:
    """(reader, CPU seconds for n, for 4n) on the inputs that are worst for each."""
    ref = git.line(OID + b" refs/heads/x")
    readers: dict[str, tuple[Callable[[int], object], int]] = {
        "packets, one piece": (lambda n: _drain(git.packets([ref * n + b"0000"])), 4000),
        "packets, byte by byte": (lambda n: _drain(git.packets(_bytes(ref * n + b"0000"))), 200),
        "one long packet, byte by byte": (lambda n: _drain(git.packets(_bytes(git.line(b"x" * n)))), 16000),
        "empty packets": (lambda n: _tolerant(lambda: _drain(git.packets([b"0004" * n]))), 16000),
        "file list": (lambda n: _drain(git.dumb_refs([(OID + b"\trefs/heads/x\n") * n])), 4000),
        "100 URLs of dots": (lambda n: [parse("https://" + "a." * n + "org/a/b.git") for _ in range(100)], 30),
        "100 URLs of parts": (lambda n: [parse("https://example.org/" + "a/" * n) for _ in range(100)], 240),
        "100 URLs of escapes": (lambda n: [parse("https://example.org/" + "%41" * n) for _ in range(100)], 160),
        "redirect of dots": (lambda n: _tolerant(lambda: _redirect("../" * n)), 1000),
        "redirect of slashes": (lambda n: _tolerant(lambda: _redirect("/" * n)), 4000),
    }
    for name, (read, size) in readers.items():
        yield name, _best(read, size), _best(read, size * 4)


def _drain(items: Iterable[object]) -> None:
    deque(items, maxlen=0)


def _bytes(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


def _redirect(location: str) -> str:
    place = parse("https://github.com/psf/requests")
    return redirected_path(WebOrigin("https", "github.com", 443), "/psf/requests.git", location, place, {})


def _tolerant(action: Callable[[], object]) -> None:
    try:
        action()
    except (Stop, git.BadPackets):
        return


def _best(read: Callable[[int], object], size: int) -> float:
    """CPU seconds: on a busy machine only the short reads would get a whole time slice."""
    times = []
    for _ in range(9):
        began = time.thread_time()
        read(size)
        times.append(time.thread_time() - began)
    return min(times)
