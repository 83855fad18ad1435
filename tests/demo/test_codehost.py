"""The demo's code host, asked with the real git client and with raw sockets."""

import gzip
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest

from recoverydesk.demo import codehost
from tests.browser.stack import eventually
from tests.fresh_start import MARK, processes
from tests.helpers.hosts import git, serve


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "repositories"


@pytest.fixture
def host(root: Path) -> Iterator[str]:
    with serve(codehost.make_app(root)) as url:
        yield url


def test_the_claimants_two_commands_push_a_branch(root: Path, host: str, tmp_path: Path) -> None:
    codehost.create_repository(root, "ada/engine", commits=3)
    git(tmp_path, "clone", "--depth", "1", f"{host}/ada/engine", "recovery")
    git(tmp_path, "-C", "recovery", "push", "origin", "HEAD:refs/heads/000-recovery-abc")
    assert codehost.branches(root, "ada/engine") == ["000-recovery-abc", "main"]


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_both_object_formats_are_served(root: Path, host: str, tmp_path: Path, object_format: str) -> None:
    codehost.create_repository(root, "ada/engine", object_format=object_format)
    refs = git(tmp_path, "ls-remote", f"{host}/ada/engine.git")
    assert len(refs.split()[0]) == {"sha1": 40, "sha256": 64}[object_format]


def test_an_empty_repository_takes_a_first_push(root: Path, host: str, tmp_path: Path) -> None:
    codehost.create_repository(root, "ada/empty", commits=0)
    git(tmp_path, "init", "recovery")
    git(tmp_path, "-C", "recovery", "commit", "--allow-empty", "-m", "recovery")
    git(tmp_path, "-C", "recovery", "push", f"{host}/ada/empty", "HEAD:refs/heads/token")
    assert codehost.branches(root, "ada/empty") == ["token"]


def test_a_repository_that_exists_is_left_as_it_is(root: Path) -> None:
    first = codehost.create_repository(root, "group/sub/tool", commits=1)
    before = codehost.git(first, "rev-parse", "main")
    assert codehost.create_repository(root, "group/sub/tool", commits=5) == first
    assert codehost.git(first, "rev-parse", "main") == before


@pytest.mark.parametrize("version", ["0", "2"])
def test_the_clients_protocol_version_is_passed_on(root: Path, host: str, version: str) -> None:
    codehost.create_repository(root, "ada/engine")
    request = Request(f"{host}/ada/engine/info/refs?service=git-upload-pack")
    request.add_header("Git-Protocol", f"version={version}")
    with urlopen(request) as answer:
        assert (b"version 2" in answer.read()) is (version == "2")


def test_a_compressed_request_is_understood(root: Path, host: str) -> None:
    codehost.create_repository(root, "ada/engine")
    body = gzip.compress(b"0014command=ls-refs\n00010014ref-prefix refs/0000")
    request = Request(f"{host}/ada/engine/git-upload-pack", data=body, headers={"Git-Protocol": "version=2"})
    request.add_header("Content-Type", "application/x-git-upload-pack-request")
    request.add_header("Content-Encoding", "gzip")
    with urlopen(request) as answer:
        assert b"refs/heads/main" in answer.read()


def test_a_push_that_breaks_off_is_refused_and_leaves_no_process(root: Path, host: str) -> None:
    codehost.create_repository(root, "ada/engine")
    with socket.create_connection((urlsplit(host).hostname, urlsplit(host).port)) as client:
        head = "POST /ada/engine/git-receive-pack HTTP/1.0\r\nContent-Length: 1000\r\n"
        client.sendall(head.encode() + b"Content-Type: application/x-git-receive-pack-request\r\n\r\n0000")
        client.shutdown(socket.SHUT_WR)
        assert b" 400 " in client.makefile("rb").readline()
    assert str(root) not in _environments_of_git()


def _environments_of_git() -> str:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().startswith("git"):
                found.append((process / "environ").read_bytes().decode(errors="replace"))
        except OSError:
            continue  # it ended while we looked
    return "\n".join(found)


def test_a_git_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(codehost, "SECONDS", 0.2)
    mark = uuid4().hex
    hangs = ["sh", "-c", "sleep infinity & wait"]
    with open("/dev/null", "rb") as body, open(tmp_path / "answer", "wb") as answer:
        assert not codehost._run(hangs, {"PATH": os.environ["PATH"], MARK: mark}, body, answer)
    eventually(partial(nobody_has, mark))


def nobody_has(mark: str) -> None:
    assert processes(mark) == []


@pytest.mark.parametrize(
    "path",
    [
        "/../secret/info/refs",
        "/ada/../../secret/info/refs",
        "/ada/%2e%2e/%2e%2e/secret/info/refs",
        "/ada/engine/config",
        "/ada/engine/objects/info/packs",
        "/ada/missing/info/refs",
        "/ada/engine.git.git/info/refs",
        "/ada/.engine/info/refs",
    ],
)
def test_anything_but_a_repository_is_not_found(root: Path, host: str, path: str) -> None:
    codehost.create_repository(root, "ada/engine")
    codehost.git(root.parent, "init", "--quiet", "--bare", "secret.git")
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{host}{path}?service=git-upload-pack")
    assert refused.value.code == 404
    refused.value.close()


@pytest.mark.parametrize("name", ["", "ada", "/ada/x", "../x/y", "ada/..", "ada/x.git", "ada/x\n", "-c/x", "ada//x"])
def test_a_name_that_could_leave_the_folder_is_refused(root: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a repository name"):
        codehost.create_repository(root, name)


def test_the_pages_list_repositories_and_branches(root: Path, host: str) -> None:
    codehost.create_repository(root, "ada/engine")
    codehost.create_repository(root, "kim/loom")
    with urlopen(host) as answer:
        page = answer.read().decode()
    assert 'href="/ada/engine"' in page
    assert 'href="/kim/loom"' in page
    with urlopen(f"{host}/ada/engine") as answer:
        assert "<li>main</li>" in answer.read().decode()


def test_gunicorn_takes_a_push_of_several_megabytes(root: Path, tmp_path: Path, free_port: int) -> None:
    """Over 1 MB git sends a chunked body."""
    codehost.create_repository(root, "ada/engine")
    command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{free_port}", "--no-control-socket"]
    command += ["-k", "gthread", "--threads", "4", f"recoverydesk.demo.codehost:make_app('{root}')"]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{free_port}/ada/engine"
        _wait_for(free_port)
        git(tmp_path, "clone", url, "big")
        (tmp_path / "big" / "noise").write_bytes(os.urandom(3_000_000))
        git(tmp_path, "-C", "big", "add", "noise")
        git(tmp_path, "-C", "big", "commit", "-m", "Add noise")
        git(tmp_path, "-C", "big", "push", "origin", "HEAD:refs/heads/big")
        assert "big" in codehost.branches(root, "ada/engine")
    finally:
        server.terminate()
        server.wait(120)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port}")


def test_a_git_without_its_http_program_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(codehost, "git", lambda folder, *arguments: str(tmp_path))
    with pytest.raises(codehost.GitMissing, match="install the package that holds"):
        codehost.make_app(tmp_path)


def test_a_machine_without_git_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(codehost.GitMissing, match="git is not installed"):
        codehost.make_app(tmp_path)
