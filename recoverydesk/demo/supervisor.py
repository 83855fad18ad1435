"""Starts the demo's processes, watches them, and leaves none behind."""

import fcntl
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from recoverydesk.operating import children

LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
READY_WITHIN = 300  # seconds, for the slowest machine: a child that ends is noticed at once


class DemoRefused(Exception):
    """The demo cannot start or go on; the message is one line for the person at the shell."""


def lock(path: Path) -> int:
    """Take the lock of this folder and return its descriptor. The children hold it too. Raises DemoRefused."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise DemoRefused(
            f"already running in this folder ({path.parent}): stop it first, or set VAR_DIR=..."
        ) from error
    return descriptor


def addresses() -> list[tuple[int, str]]:
    """Return the loopback addresses of this machine: a browser may try either for `localhost`."""
    return [(int(family), address) for family, address in LOOPBACK.items() if _can_bind(family, address, 0)]


def _can_bind(family: int, address: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError:
        return False
    return True


def binds(port: int, name: str) -> list[str]:
    """Return gunicorn's arguments to listen on `port` of every loopback address. Raises DemoRefused: it is taken."""
    arguments = []
    for family, address in addresses():
        if not _can_bind(family, address, port):
            raise DemoRefused(f"port {port} is taken: choose another with {name}=...")
        arguments += ["--bind", f"[{address}]:{port}" if family == socket.AF_INET6 else f"{address}:{port}"]
    return arguments


def run(commands: Mapping[str, Sequence[str]], *, keep: int, health: str, announcement: str) -> None:
    """Run all commands until Ctrl-C or SIGTERM; announce once `health` answers 200. Raises DemoRefused if one ends."""
    running: dict[str, children.Child] = {}
    _on_signals(_interrupt)
    try:
        for name, command in commands.items():
            running[name] = children.start(command, os.environ, keep=keep)
        _wait_until_ready(running, health)
        print(announcement, flush=True)
        while True:
            _refuse_the_dead(running)
            time.sleep(0.2)
    except KeyboardInterrupt:
        print("\nstopping ...", flush=True)
    finally:
        _on_signals(signal.SIG_IGN)
        children.stop(list(running.values()))


def _on_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Stop once: whatever comes after the first signal must not break the stopping."""
    _on_signals(signal.SIG_IGN)
    raise KeyboardInterrupt


def _refuse_the_dead(running: Mapping[str, children.Child]) -> None:
    for name, child in running.items():
        if child.poll() is not None:
            raise DemoRefused(f"the {name} ended (exit {child.returncode}): stopping")


def _wait_until_ready(running: Mapping[str, children.Child], health: str) -> None:
    opener, deadline = build_opener(ProxyHandler({})), time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        _refuse_the_dead(running)
        try:
            with opener.open(health, timeout=5):
                return
        except (URLError, HTTPException, OSError):
            time.sleep(0.1)  # not yet
    raise DemoRefused(f"{health} did not answer within {READY_WITHIN} seconds: stopping")


def become(commands: Mapping[str, Sequence[str]], *, keep: int, health: str, announcement: str) -> NoReturn:
    """Go on as `run` in a fresh interpreter of this process: without Django it keeps a tenth of the memory."""
    os.set_inheritable(keep, True)
    told = json.dumps({"commands": commands, "keep": keep, "health": health, "announcement": announcement})
    sys.stdout.flush()
    os.execv(sys.executable, [*python(__name__), told])  # noqa: S606  # no shell is what we want


def python(*arguments: str) -> list[str]:
    """Return the command that runs a Python module with the interpreter of this process."""
    return [sys.executable, "-m", *arguments]


if __name__ == "__main__":
    try:
        run(**json.loads(sys.argv[1]))
    except DemoRefused as refusal:
        sys.exit(str(refusal))
