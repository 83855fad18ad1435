"""The gunicorn of the README, and clients that are slow."""

import http.client
import re
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from recoverydesk import web_server
from tests.helpers.files import ROOT
from tests.helpers.ports import free_port
from tests.services import processes, servers

LINE = re.compile(r"`(gunicorn [^`]*recoverydesk\.wsgi)`")
THREADS = web_server.workers * web_server.threads


def readme_command() -> list[str]:
    """gunicorn's line in the README, for this interpreter."""
    (line,) = LINE.findall((ROOT / "README.md").read_text())
    return [sys.executable, "-m", *shlex.split(line)]


@contextmanager
def serving(command: list[str], folder: Path) -> Iterator[tuple[int, processes.Process]]:
    port = free_port()
    given = {"VAR_DIR": str(folder / "var"), "LOG_LEVEL": "INFO"}
    with processes.running([*command, "--bind", f"127.0.0.1:{port}"], given, folder / "web.log") as web:
        servers.wait_for(lambda: servers.listens(port), "gunicorn")
        yield port, web


def lives(port: int) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as line:
        line.request("GET", "/livez", headers={"Host": "localhost"})
        return line.getresponse().status


def begin(port: int, words: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(words)
    return client


def test_the_tests_and_the_demo_start_the_line_of_the_readme() -> None:
    assert readme_command() == processes.web_command()


@pytest.mark.parametrize(
    "half", [b"", b"GET /", b"POST /account/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\na="]
)
def test_livez_does_not_wait_behind_clients_that_are_slow_to_send(tmp_path: Path, half: bytes) -> None:
    with serving(readme_command(), tmp_path) as (port, _web), ExitStack() as slow:
        for _client in range(web_server.threads - 1):  # one process may get them all
            slow.enter_context(begin(port, half))
        assert [lives(port) for _ in range(3)] == [200, 200, 200]


@pytest.mark.thorough
def test_more_slow_clients_than_threads_lose_them(tmp_path: Path) -> None:
    quick = [sys.executable, "-m", "gunicorn", "-c", "python:tests.services.quick_web", "recoverydesk.wsgi"]
    with serving(quick, tmp_path) as (port, web), ExitStack() as slow:
        for _client in range(2 * THREADS):
            slow.enter_context(begin(port, b"GET /"))
        assert lives(port) == 200
        web.wait_for("a client sent nothing for 1 seconds in the middle of its request")
        assert "Traceback" not in web.said()
