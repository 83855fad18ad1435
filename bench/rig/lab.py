"""What the benchmarks of the probe measure with: real repositories behind the real backend, a line with delay, git."""

import multiprocessing
import os
import resource
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.rig import relay
from common.transport.client import Client
from recoverydesk.demo import codehost
from recoverydesk.recovery.probing.probe import Limits, Result, look, origin_of
from recoverydesk.recovery.repository_urls.parser import HostRule, Place, parse

TOKEN = "000-recovery-" + "abcdefghijklmnopqrstuvwxyz"
FORK = multiprocessing.get_context("fork")
PACKET = 52  # bytes of IPv4 and TCP headers with time stamps, for each segment


def make_repository(root: Path, branches: int) -> str:
    """A bare repository with so many branches, all packed; its name."""
    name = f"bench/r{branches}"
    folder = codehost.create_repository(root, name)
    tip = codehost.git(folder, "rev-parse", "main")
    with (folder / "packed-refs").open("w") as file:
        file.write("# pack-refs with: peeled fully-peeled sorted \n")
        file.writelines(f"{tip} refs/heads/feature/work-{number:08d}\n" for number in range(branches - 1))
    return name


@contextmanager
def served(root: Path, *, certificate: Path | None = None) -> Iterator[int]:
    """The demo's code host (git http-backend) behind gunicorn; its port."""
    port = free_port()
    tls = ["--certfile", str(certificate), "--keyfile", str(certificate)] if certificate else []
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "16", "-b", f"127.0.0.1:{port}", *tls]
    command += ["--keep-alive", "60", "--log-level", "error", f"recoverydesk.demo.codehost:make_app({str(root)!r})"]
    with subprocess.Popen(command) as server:
        try:
            wait_for(port)
            yield port
        finally:
            server.terminate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(400):
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")


@dataclass
class Line:
    """A relay in a process of its own, and what went through it."""

    port: int
    counters: relay.Counters

    def count(self) -> int:
        """Bytes of payload in both directions so far."""
        time.sleep(0.01)
        return int(self.counters.up.value + self.counters.down.value)


@contextmanager
def line_to(port: int, *, delay: float = 0.0) -> Iterator[Line]:
    """A relay in front of a port; `delay` is one round trip in seconds."""
    own, counters = free_port(), relay.Counters(FORK)
    process = FORK.Process(target=relay.run, args=(own, port, delay, counters), daemon=True)
    process.start()
    wait_for(own)
    try:
        yield Line(own, counters)
    finally:
        process.terminate()
        process.join()


def place_at(port: int, name: str, scheme: str = "http") -> tuple[Place, dict[str, HostRule]]:
    hosts = {f"localhost:{port}": HostRule("owner", scheme, port, private=True, plain_http=scheme == "http")}
    return parse(f"{scheme}://localhost:{port}/{name}", hosts), hosts


def new_client(port: int, name: str, scheme: str = "http", limits: Limits | None = None) -> Client:
    place, hosts = place_at(port, name, scheme)
    origin = origin_of(place, hosts)
    assert origin is not None
    return Client(origin, limits or Limits(user_agent="git/2.0 (RecoveryDesk; +https://desk.example.org/policy/)"))


def ask(client: Client, port: int, name: str, *, spoken: str, scheme: str = "http") -> Result:
    place, hosts = place_at(port, name, scheme)
    (result,) = look(client, place, [TOKEN], hosts=hosts, spoken=spoken)
    if result.verdict != "missing":
        raise AssertionError(f"{result.verdict}: {result.detail}")
    return result


def segments(client: Client) -> int:
    """TCP segments of the client's connection so far, both ways (linux/tcp.h, tcpi_segs_out and tcpi_segs_in)."""
    made = client._connection
    assert made is not None
    assert made.sock is not None
    info = made.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    return sum(struct.unpack_from("II", info, 136))


@dataclass
class Sample:
    """Wall and CPU seconds of each repetition."""

    wall: list[float]
    cpu: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.wall)

    @property
    def best(self) -> float:
        return min(self.wall)

    @property
    def mean_cpu(self) -> float:
        return statistics.mean(self.cpu)


def timed(action: Callable[[], object], samples: Sample | None = None) -> Sample:
    """Do it once and add wall time and CPU (ours and our children's) to the samples."""
    samples = samples or Sample([], [])
    cpu, began = _cpu(), time.perf_counter()
    action()
    samples.wall.append(time.perf_counter() - began)
    samples.cpu.append(_cpu() - cpu)
    return samples


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def ls_remote(port: int, name: str) -> None:
    """What everybody does today."""
    url = f"http://localhost:{port}/{name}.git"
    command = ["git", "ls-remote", "--heads", url, f"refs/heads/{TOKEN}"]
    variables = {**codehost.environment(), "no_proxy": "localhost"}
    subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL)


def utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def machine() -> str:
    load = os.getloadavg()[0]
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    python = sys.version.partition(" ")[0]
    return f"{os.cpu_count()} cores, load {load:.1f} at the start (shared with other work), Python {python}, {git}"
