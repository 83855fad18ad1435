"""The supervisor, run as `make run` runs it, in processes of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from recoverydesk.demo import supervisor
from tests.fresh_start import MARK, memory, processes
from tests.helpers.files import ROOT, names_in_example
from tests.helpers.ports import free_port as another_port

MOST_MEMORY = 350_000  # kB of the whole demo while nobody uses it

# Runs two children, one of which has a child of its own, under the supervisor; the first one serves HTTP.
PROGRAM = """
import sys, os
from pathlib import Path
from recoverydesk.demo import supervisor
folder, port = Path(sys.argv[1]), sys.argv[2]
keep = supervisor.lock(folder / "run.lock")
server = [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1", "--directory", str(folder)]
other = ["sh", "-c", os.environ.get("OTHER", "sleep 3600 & wait")]
try:
    health = f"http://127.0.0.1:{port}/"
    supervisor.run({"web server": server, "worker": other}, keep=keep, health=health, announcement="up")
except supervisor.DemoRefused as refusal:
    sys.exit(str(refusal))
"""


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in names_in_example()}
    return {**kept, "PYTHONUNBUFFERED": "1", **variables}


@contextmanager
def supervised(folder: Path, port: int, **variables: str) -> Iterator["subprocess.Popen[str]"]:
    """Start PROGRAM in a process group of its own, as a terminal would."""
    with started([sys.executable, "-c", PROGRAM, str(folder), str(port)], **variables) as process:
        yield process


@contextmanager
def started(command: list[str], **variables: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a command in a process group of its own; its standard error goes where its output goes."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: "subprocess.Popen[str]", text: str) -> None:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if text in line:
            return
    raise AssertionError(f"the output ended without {text!r}: {''.join(said)}")


def gone_within(mark: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while processes(mark):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_every_child_and_grandchild(tmp_path: Path, free_port: int, number: signal.Signals) -> None:
    mark = uuid4().hex
    with supervised(tmp_path, free_port, **{MARK: mark}) as process:
        line_of(process, "up")
        assert len(processes(mark)) >= 3
        os.killpg(process.pid, number)
        assert process.wait(120) == 0
        assert gone_within(mark, 60)


@pytest.mark.thorough
def test_a_second_ctrl_c_does_not_break_the_stopping(tmp_path: Path, free_port: int) -> None:
    mark = uuid4().hex
    slow = "trap 'sleep 1; exit' TERM; sleep 3600 & wait"
    with supervised(tmp_path, free_port, OTHER=slow, **{MARK: mark}) as process:
        line_of(process, "up")
        os.killpg(process.pid, signal.SIGINT)
        line_of(process, "stopping")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(120) == 0


def test_a_killed_supervisor_takes_its_children_along(tmp_path: Path, free_port: int) -> None:
    mark = uuid4().hex
    with supervised(tmp_path, free_port, OTHER="exec sleep 3600", **{MARK: mark}) as process:
        line_of(process, "up")
        process.kill()
        assert gone_within(mark, 60)


def test_the_child_that_ended_is_named_and_the_rest_ends_too(tmp_path: Path, free_port: int) -> None:
    mark = uuid4().hex
    with supervised(tmp_path, free_port, OTHER="sleep 1; exit 3", **{MARK: mark}) as process:
        line_of(process, "the worker ended (exit 3)")
        assert process.wait(120) == 1
        assert gone_within(mark, 60)


def test_a_second_start_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    held = supervisor.lock(tmp_path / "run.lock")
    with pytest.raises(supervisor.DemoRefused, match="already running in this folder"):
        supervisor.lock(tmp_path / "run.lock")
    os.close(held)
    os.close(supervisor.lock(tmp_path / "run.lock"))


def demo(var: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the demo where it must refuse to start."""
    return subprocess.run(
        [sys.executable, "-m", "recoverydesk.demo"],
        cwd=ROOT,
        env=environment(VAR_DIR=str(var), **variables),
        capture_output=True,
        text=True,
        timeout=300,
    )


def only_line(done: "subprocess.CompletedProcess[str]", code: int = 1) -> str:
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.strip()


@pytest.mark.parametrize("name", ["PORT", "CODE_HOST_PORT"])
def test_a_taken_port_is_one_line_that_says_what_to_set(tmp_path: Path, free_port: int, name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ports = {"PORT": str(free_port), "CODE_HOST_PORT": str(another_port()), name: str(port)}
        done = demo(tmp_path, **ports)
    assert only_line(done) == f"port {port} is taken: choose another with {name}=..."


def test_a_missing_git_is_one_line(tmp_path: Path, free_port: int) -> None:
    done = demo(tmp_path, PATH=str(tmp_path), PORT=str(free_port), CODE_HOST_PORT=str(another_port()))
    assert "git is not installed" in only_line(done)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert only_line(demo(tmp_path / "file" / "var")).startswith("cannot write to")


def test_a_demo_under_https_is_refused_in_one_line(tmp_path: Path) -> None:
    assert "set these for production" in only_line(demo(tmp_path, BASE_URL="https://desk.example.org"), code=3)


def test_a_running_demo_refuses_a_second_one_in_one_line(tmp_path: Path) -> None:
    held = supervisor.lock(tmp_path / "run.lock")
    assert "already running in this folder" in only_line(demo(tmp_path))
    os.close(held)


@pytest.mark.thorough
def test_ctrl_c_on_the_whole_demo_leaves_nothing_and_the_next_start_goes_on(tmp_path: Path, free_port: int) -> None:
    mark = uuid4().hex
    ports = {"PORT": str(free_port), "CODE_HOST_PORT": str(another_port())}
    for _ in range(2):
        command = [sys.executable, "-m", "recoverydesk.demo"]
        with started(command, VAR_DIR=str(tmp_path), **ports, **{MARK: mark}) as process:
            line_of(process, "Ctrl-C stops everything")
            assert memory(mark) < MOST_MEMORY
            os.killpg(process.pid, signal.SIGINT)
            said, _nothing = process.communicate(timeout=120)
        assert (process.returncode, re.findall(r"Traceback|ERROR|Warning", said)) == (0, []), said
        assert processes(mark) == []
