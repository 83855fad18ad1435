"""Mercurial, against a real `hg serve`: bookmarks and named branches are found by listing, and nothing else is."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from recoverydesk.demo.codehost import environment
from recoverydesk.recovery.probing import mercurial
from recoverydesk.recovery.probing.git import BadPackets
from recoverydesk.recovery.probing.probe import Result, Verdict, probe
from recoverydesk.recovery.repository_urls.parser import HostRule
from tests.helpers.far_ends import OID, TOKEN, MakeHost, http
from tests.helpers.ports import free_port

HG = shutil.which("hg", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
needs_hg = pytest.mark.skipif(HG is None, reason="needs Mercurial: install the package mercurial")


@dataclass(frozen=True)
class Served:
    """A real repository behind a real `hg serve`, and its log."""

    folder: Path
    port: int

    def hg(self, *arguments: str) -> str:
        variables = {**environment(), "HGRCPATH": "", "HGUSER": "sample", "HGPLAIN": "1"}
        command = [str(HG), "--cwd", str(self.folder), *arguments]
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout.strip()

    def probe(self, branch: str = TOKEN, spoken: str = "") -> Result:
        key = f"localhost:{self.port}"
        rule = HostRule("single", "http", self.port, private=True, plain_http=True)
        return probe(f"http://{key}/tool", branch, hosts={key: rule}, spoken=spoken)

    def log(self) -> str:
        return (self.folder.parent / "access.log").read_text()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("mercurial")
    folder = home / "tool"
    folder.mkdir()
    port = free_port()
    repository = Served(folder, port)
    repository.hg("init")
    (folder / "README").write_text("sample\n")
    repository.hg("commit", "--addremove", "--message", "Commit 1")
    (home / "serve").write_text(f"[paths]\ntool = {folder}\n")
    command = [str(HG), "serve", "--web-conf", "serve", "-a", "127.0.0.1", "-p", str(port), "-A", "access.log"]
    with subprocess.Popen(
        command, cwd=home, env={**environment(), "HGRCPATH": ""}, stdout=subprocess.DEVNULL
    ) as server:
        try:
            _wait(port)
            yield repository
        finally:
            server.terminate()


def _wait(port: int) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("hg serve does not start")


@needs_hg
def test_bookmarks_and_named_branches_are_found_by_listing(served: Served) -> None:
    first = served.probe()
    assert (first.verdict, first.protocol, first.learned) == (Verdict.MISSING, "hg", "hg")
    served.hg("bookmark", TOKEN)
    by_bookmark = served.probe(spoken="hg")
    assert (by_bookmark.verdict, by_bookmark.requests) == (Verdict.FOUND, 1)
    assert by_bookmark.object_id == served.hg("identify", "--debug", "--id", "--rev", TOKEN)
    served.hg("bookmark", "--delete", TOKEN)
    served.hg("branch", TOKEN)
    served.hg("commit", "--message", "Commit 2")
    by_branch = served.probe(spoken="hg")
    assert (by_branch.verdict, by_branch.requests) == (Verdict.FOUND, 2)
    assert by_branch.object_id == served.hg("identify", "--debug", "--id", "--rev", TOKEN)
    assert "000-recovery" not in served.log()


@needs_hg
def test_what_lookup_would_find_is_not_found(served: Served) -> None:
    served.hg("tag", "--local", "a-tag")
    names = ["a-tag", "tip", "0", served.hg("identify", "--debug", "--id", "--rev", "0")[:12]]
    assert [served.probe(name).verdict for name in names] == [Verdict.MISSING] * 4


@needs_hg
def test_the_command_shown_shows_the_same(served: Served) -> None:
    served.hg("bookmark", "--force", "shown")
    result = served.probe("shown")
    assert result.verdict == Verdict.FOUND
    program, *arguments = result.show_how.replace("BRANCH", "shown").split()
    assert program == "hg"
    assert served.hg(*arguments).splitlines()[-1].startswith(("(sent", result.object_id))
    assert result.object_id in served.hg(*arguments)


LISTING = [b"default " + OID + b" " + b"2" * 40 + b"\nwith%20", b"space " + OID]


def test_listings_are_read_in_any_pieces() -> None:
    assert dict(mercurial.branches(LISTING)) == {b"default": b"2" * 40, b"with space": OID}
    assert dict(mercurial.bookmarks([b"a\t" + OID + b"\n", b"b\t" + OID])) == {b"a": OID, b"b": OID}
    assert list(mercurial.bookmarks([])) == []


@pytest.mark.parametrize("data", [b"a\n", b"a\t" + OID[:-1], b"a\t" + OID + b"\n\n", b"\t" + OID, b"x" * 5000])
def test_a_broken_listing_is_named(data: bytes) -> None:
    with pytest.raises(BadPackets):
        list(mercurial.bookmarks([data]))
    with pytest.raises(BadPackets):
        list(mercurial.branches([data.replace(b"\t", b" ") + b" "]))


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ({"capabilities": b"lookup", "listkeys": b"", "branchmap": b"default " + OID}, Verdict.AMBIGUOUS),
        ({"capabilities": b"branchmap pushkey", "listkeys": b"", "branchmap": b""}, Verdict.AMBIGUOUS),
        (
            {"capabilities": b"branchmap pushkey", "listkeys": b"<html>", "branchmap": b"default " + OID},
            Verdict.AMBIGUOUS,
        ),
        ({"capabilities": b"branchmap pushkey", "listkeys": b""}, Verdict.AMBIGUOUS),
    ],
    ids=["cannot list", "empty repository", "no listing", "half a host"],
)
def test_half_an_answer_is_no_absence(raw_host: MakeHost, answers: dict[str, bytes], verdict: Verdict) -> None:
    def answer(asked: object) -> bytes:
        command = str(getattr(asked, "target", "")).partition("cmd=")[2].partition("&")[0]
        found = answers.get(command)
        return http(400, "text/html", b"no") if found is None else http(200, mercurial.MEDIA_TYPE, found)

    host = raw_host(answer)
    assert probe(host.place(), TOKEN, rule=host.rule).verdict == verdict


def test_a_listing_whose_end_cannot_be_seen_proves_no_absence(raw_host: MakeHost) -> None:
    body = b"HTTP/1.1 200 OK\r\nContent-Type: application/mercurial-0.1\r\n\r\ndefault " + OID
    host = raw_host(lambda _asked: body)
    assert probe(host.place(), TOKEN, rule=host.rule, spoken="hg").verdict == Verdict.AMBIGUOUS
