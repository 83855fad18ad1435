"""Each thing that can be wrong with an answer, with its verdict and in its words: what the desk and claimants read."""

import http.client
import ssl
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from common.transport import packing
from common.transport.addresses import NoAddress
from common.transport.client import Reply, WebOrigin
from common.transport.failures import Blocked, Malformed, Oversized, Unreachable, plain_words
from common.transport.sockets import OutOfTime, TooMuch
from recoverydesk.recovery.probing import answers, git, listings, mercurial
from recoverydesk.recovery.probing.answers import ADVERTISEMENT, Absent, Busy, Elsewhere, NoGit, Stop
from recoverydesk.recovery.probing.git import BadPackets, line
from recoverydesk.recovery.probing.probe import redirected_path
from recoverydesk.recovery.probing.verdicts import Verdict
from recoverydesk.recovery.repository_urls.parser import NO_HOSTS, parse

OID = b"a" * 40
HTML = {"content-type": "Text/HTML; charset=utf-8"}
REFUSALS: list[tuple[Reply, type[Stop], Verdict, str]] = [
    (Reply(401), Stop, Verdict.PRIVATE_OR_ABSENT, "it asks for a password: private, or not there"),
    (Reply(403, {"www-authenticate": 'BASIC realm="x"'}), Stop, Verdict.PRIVATE_OR_ABSENT,
     "it asks for a password: private, or not there"),
    (Reply(403), Stop, Verdict.AMBIGUOUS, "an answer that says nothing about branches (HTTP 403)"),
    (Reply(402, {"www-authenticate": "basic"}), Stop, Verdict.AMBIGUOUS,
     "an answer that says nothing about branches (HTTP 402)"),
    (Reply(405), NoGit, Verdict.NOT_A_REPOSITORY, "no repository there (HTTP 405)"),
    (Reply(410), NoGit, Verdict.NOT_A_REPOSITORY, "no repository there (HTTP 410)"),
    (Reply(400), NoGit, Verdict.AMBIGUOUS, "it does not understand git (HTTP 400)"),
    (Reply(429), Busy, Verdict.UNREACHABLE, "the host is busy (HTTP 429)"),
    (Reply(503), Busy, Verdict.UNREACHABLE, "the host is busy (HTTP 503)"),
    (Reply(500), Stop, Verdict.UNREACHABLE, "the host is broken (HTTP 500)"),
    (Reply(502), Stop, Verdict.UNREACHABLE, "the host is broken (HTTP 502)"),
    (Reply(499), Stop, Verdict.AMBIGUOUS, "an answer that says nothing about branches (HTTP 499)"),
    (Reply(204), Stop, Verdict.AMBIGUOUS, "an answer that says nothing about branches (HTTP 204)"),
    (Reply(200, {"content-type": ADVERTISEMENT}), Stop, Verdict.AMBIGUOUS, "an empty answer"),
    (Reply(200, {}, b"x"), Stop, Verdict.AMBIGUOUS, "an answer of the wrong type"),
    (Reply(200, HTML, b"<h1>Welcome"), NoGit, Verdict.NOT_A_REPOSITORY, "a web page, not a repository"),
    (Reply(200, {"content-type": "application/xhtml+xml"}, b"<h1>"), NoGit, Verdict.NOT_A_REPOSITORY,
     "a web page, not a repository"),
    (Reply(200, HTML, b"<input type=password>"), NoGit, Verdict.PRIVATE_OR_ABSENT,
     "a page that asks for a password: private, or not there"),
    (Reply(200, HTML, b"Just A Moment <input type=password>"), Stop, Verdict.AMBIGUOUS, "a page that keeps robots out"),
    (Reply(200, {**HTML, "cf-mitigated": "x"}, b"<h1>"), Stop, Verdict.AMBIGUOUS, "a page that keeps robots out"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "kind", "verdict", "words"), REFUSALS, ids=[str(row[0].status) for row in REFUSALS])
def test_an_answer_that_is_no_listing(reply: Reply, kind: type[Stop], verdict: Verdict, words: str) -> None:
    with pytest.raises(Stop) as stopped:
        answers.content(reply, ADVERTISEMENT)
    assert type(stopped.value) is kind
    assert (stopped.value.verdict, stopped.value.detail, str(stopped.value)) == (verdict, words, words)
    assert stopped.value.retry_after is None


def test_an_answer_of_the_wanted_type_is_handed_over() -> None:
    assert answers.content(Reply(200, {"content-type": f"{ADVERTISEMENT.upper()} ; x=y"}, b"x"), ADVERTISEMENT) == b"x"
    with pytest.raises(Absent):
        answers.content(Reply(404), ADVERTISEMENT)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_says_where_to(status: int) -> None:
    with pytest.raises(Elsewhere) as elsewhere:
        answers.content(Reply(status, {"location": "/x"}), ADVERTISEMENT)
    assert (elsewhere.value.location, str(elsewhere.value)) == ("/x", "redirect")
    with pytest.raises(Elsewhere) as nowhere:
        answers.content(Reply(status), ADVERTISEMENT)
    assert nowhere.value.location == ""


def test_a_longer_answer_than_we_read_says_nothing() -> None:
    answers.whole(Reply(200))
    with pytest.raises(Stop) as stopped:
        answers.whole(Reply(200, complete=False))
    assert (stopped.value.verdict, stopped.value.detail) == (Verdict.AMBIGUOUS, "a longer answer than we read")


@pytest.mark.parametrize("status", [429, 503, 500])
@pytest.mark.parametrize(
    ("wish", "seconds"),
    [("90", 90), (" 7 ", 7), ("0", 0), ("123456789", 123456789), ("1234567890", None), ("-5", None), ("1.5", None),
     ("soon", None), ("", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Wed, 21 Oct 2015 07:28:00 -0000", 0)],
)  # fmt: skip
def test_when_a_host_wants_to_be_asked_again(status: int, wish: str, seconds: float | None) -> None:
    with pytest.raises(Stop) as stopped:
        answers.content(Reply(status, {"retry-after": wish}), ADVERTISEMENT)
    assert stopped.value.retry_after == seconds


def test_a_date_is_counted_from_now() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    with pytest.raises(Busy) as stopped:
        answers.content(Reply(503, {"retry-after": later}), ADVERTISEMENT)
    assert stopped.value.retry_after == pytest.approx(300, abs=30)


# Packets and listings -------------------------------------------------------------------------------------------------

SERVICE = line(b"# service=git-upload-pack")
OLD = line(OID + b" HEAD\x00x")
V2 = line(b"version 2")
LS = line(b"ls-refs")
Read = Callable[[bytes], object]


def exhaust(read: Callable[[Iterable[bytes]], Iterable[object]]) -> Read:
    return lambda data: list(read([data]))


packets, old, dumb = exhaust(git.packets), exhaust(git.old_refs), exhaust(git.dumb_refs)
bookmarks, branches = exhaust(mercurial.bookmarks), exhaust(mercurial.branches)


def reply(data: bytes) -> object:
    return git.ls_refs_reply(data, "sha1")


BROKEN: list[tuple[Read, bytes, str]] = [
    (packets, b"0009ab", "a packet that is cut"), (packets, b"00", "a packet that is cut"),
    (packets, b"zzzz", "a packet without a length"), (packets, b"+010", "a packet without a length"),
    (packets, b"fff1" + b"x" * 65521, "a packet that is too long"),
    (packets, b"0003", "a packet with an impossible length"),
    (git.advertisement, SERVICE + V2, "no end after the service line"),
    (git.advertisement, b"", "an advertisement we cannot read"),
    (git.advertisement, OLD, "an advertisement we cannot read"),
    (git.advertisement, V2 + b"0000", "a host that cannot list branches"),
    (git.advertisement, V2 + LS + line(b"object-format=md5") + b"0000", "an object format we do not know"),
    (git.advertisement, V2 + LS, "an answer without an end"),
    (git.advertisement, V2 + LS + b"0001" + b"0000", "a packet where none may be"),
    (git.advertisement, V2 + LS + b"00000000", "a packet where none may be"),
    (old, SERVICE + OLD, "no end after the service line"), (old, b"0000", "an advertisement we cannot read"),
    (old, line(OID + b" HEAD") + b"0000", "an advertisement we cannot read"),
    (old, line(b"0" * 40 + b" capabilities^{}\x00x") + line(OID + b" refs/x") + b"0000", "refs in an empty repository"),
    (old, OLD + line(b"b" * 64 + b" refs/x") + b"0000", "a line that is no ref"),
    (old, OLD + line(b"0" * 40 + b" refs/x") + b"0000", "a line that is no ref"),
    (old, OLD + line(b"refs/x") + b"0000", "a line that is no ref"),
    (old, OLD + line(b"ERR no") + b"0000", "the host reports an error of its own"),
    (dumb, b"0" * 40 + b"\trefs/x\n", "a line that is no ref"), (dumb, OID + b" refs/x\n", "a line that is no ref"),
    (dumb, OID + b"\trefs/x", "a line that is cut"), (dumb, b"ERR no\n", "the host reports an error of its own"),
    (dumb, b"x" * 4097, "a line that is too long"), (dumb, b"x" * 4097 + b"\n", "a line that is too long"),
    (reply, line(OID + b" a") * 2 + b"0000", "one ref listed twice"),
    (reply, line(b"ERR no") + b"0000", "the host reports an error of its own"),
    (reply, line(b"a" * 39 + b" a") + b"0000", "a line that is no ref"),
    (reply, line(b"0" * 40 + b" a") + b"0000", "a line that is no ref"),
    (reply, line(OID + b" a") + b"0002", "a packet where none may be"),
    (mercurial.capabilities, b"branchmap", "a host that cannot list bookmarks and branches"),
    (bookmarks, b"a " + OID, "a line that is no bookmark"), (branches, b"a\t" + OID, "a line that is no branch"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "data", "words"), BROKEN, ids=[f"{n}-{row[2]}" for n, row in enumerate(BROKEN)])
def test_what_is_broken_is_named(read: Read, data: bytes, words: str) -> None:
    with pytest.raises(BadPackets) as broken:
        read(data)
    assert str(broken.value) == words


def test_a_packet_and_a_line_of_just_the_size_are_read() -> None:
    assert list(git.packets([b"fff0" + b"x" * 65516])) == [b"x" * 65516]
    assert list(git.text_lines([b"x" * 4096 + b"\n" + b"y" * 4096, b"\n"])) == [b"x" * 4096, b"y" * 4096]
    assert list(git.packets([b"0004" + b"0005\n" + b"0006\n\n"])) == [b"", b"", b"\n"]


def test_refs_are_read_with_their_attributes_and_peeled_ones_left_out() -> None:
    data = line(OID + b" refs/heads/a symref-target:x peeled:y") + line(b"b" * 40 + b" refs/heads/\xff") + b"0000"
    assert git.ls_refs_reply(data, "sha1") == {"refs/heads/a": "a" * 40, "refs/heads/\udcff": "b" * 40}
    listed = OLD + line(OID + b" refs/heads/a") + line(OID + b" refs/tags/b^{}") + line(b"shallow " + OID) + b"0000"
    assert list(git.old_refs([listed])) == [(b"refs/heads/a", OID)]
    assert list(git.dumb_refs([OID + b"\trefs/a\n" + OID + b"\trefs/b^{}\n"])) == [(b"refs/a", OID)]


def test_mercurials_listings() -> None:
    assert mercurial.capabilities(b"lookup branchmap pushkey=x") == {b"lookup", b"branchmap", b"pushkey"}
    assert bookmarks(b"a\t" + OID + b"\nb c\t" + OID) == [(b"a", OID), (b"b c", OID)]
    assert branches(b"a%20b " + b"b" * 40 + b" " + OID) == [(b"a b", OID)]
    assert list(mercurial.bookmarks([b"a\t" + OID, b"", b""])) == [(b"a", OID)]
    assert bookmarks(b"") == branches(b"") == []


@pytest.mark.parametrize(("extra", "seen"), [(0, 500), (1, 501), (9, 501)])
def test_a_sorted_listing_is_left_when_it_is_past_the_name_and_long_enough(extra: int, seen: int) -> None:
    """500 names in order, and one that is greater than what is wanted."""
    read: list[bytes] = []

    def listing() -> Iterable[tuple[bytes, bytes]]:
        for number in range(500 + extra):
            read.append(b"a%04d" % number if number < 500 else b"z%04d" % number)
            yield read[-1], OID

    assert listings.search(listing(), [b"m"], may_stop=True) == {}
    assert len(read) == seen
    read.clear()
    assert listings.search(listing(), [b"m"]) == {}
    assert len(read) == 500 + extra


def test_a_listing_out_of_order_is_read_to_its_end() -> None:
    names = [b"b", b"a", *(b"n%04d" % number for number in range(600)), b"m"]
    assert listings.search([(name, OID) for name in names], [b"m"], may_stop=True) == {b"m": "a" * 40}
    names = [b"a", b"a", *(b"n%04d" % number for number in range(600)), b"m"]
    assert listings.search([(name, OID) for name in names], [b"m"], may_stop=True) == {b"m": "a" * 40}


def test_a_name_twice_is_broken_and_all_found_ends_the_reading() -> None:
    with pytest.raises(BadPackets, match="^one ref listed twice$"):
        listings.search([(b"m", OID), (b"m", OID)], [b"m", b"n"])
    assert listings.search([(b"m", OID), (b"n", OID), (b"n", OID)], [b"m", b"n"]) == {b"m": "a" * 40, b"n": "a" * 40}
    assert listings.search([(b"mx", OID), (b"m", b"b" * 40)], [b"m", b"mn"]) == {b"m": "b" * 40}


# Between two sockets --------------------------------------------------------------------------------------------------

FAILURES: list[tuple[BaseException, type[Exception], str]] = [
    (NoAddress("its name does not resolve"), Unreachable, "its name does not resolve"),
    (OutOfTime(), Unreachable, "it took too long"), (TimeoutError(), Unreachable, "it took too long"),
    (ReadTimeoutError(None, "", "x"), Unreachable, "it took too long"),  # type: ignore[arg-type]
    (TooMuch(), Malformed, "it sent more than an answer may hold"),
    (ssl.SSLError("x"), Unreachable, "no trusted TLS connection"),
    (ConnectionResetError(), Unreachable, "no connection, or it was cut"),
    (ProtocolError("x", OSError()), Unreachable, "its answer broke off or is not HTTP"),
    (ProtocolError("x", ValueError()), Malformed, "its answer broke off or is not HTTP"),
    (ProtocolError("x"), Malformed, "its answer broke off or is not HTTP"),
    (HTTPError("x"), Malformed, "its answer is not HTTP as we know it"),
    (http.client.HTTPException("x"), Malformed, "its answer is not HTTP as we know it"),
    (ValueError("x"), Malformed, "its answer is not HTTP as we know it"),
    (zlib.error("x"), Malformed, "its answer is not HTTP as we know it"),
    (Blocked("no"), Blocked, "no"), (Oversized("long"), Oversized, "long"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "kind", "words"), FAILURES, ids=[repr(row[0]) for row in FAILURES])
def test_whatever_goes_wrong_has_one_of_three_names(error: BaseException, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as named, plain_words():
        raise error
    assert type(named.value) is kind
    assert str(named.value) == words


def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(KeyError), plain_words():
        raise KeyError


# Packing -------------------------------------------------------------------------------------------------------------


def packed(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("encoding", ["gzip", " X-GZIP "])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_packed_body_comes_in_small_pieces(encoding: str, size: int) -> None:
    data = b"abcdefghij" * 9
    for cut in (1, 7, 1000):
        raw = [packed(data)[at : at + cut] for at in range(0, len(packed(data)), cut)]
        found = list(packing.unpacked([b"", *raw, b""], encoding, size))
        assert b"".join(found) == data
        assert max(map(len, found)) <= size


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_a_plain_body_is_passed_on(encoding: str) -> None:
    assert list(packing.unpacked([b"ab", b"", b"c"], encoding, 1)) == [b"ab", b"", b"c"]


@pytest.mark.parametrize("encoding", ["gzip", "br", "x"])
def test_an_empty_body_is_empty_whatever_its_header_says(encoding: str) -> None:
    assert b"".join(packing.unpacked([b"", b""], encoding, 10)) == b""


@pytest.mark.parametrize(
    ("raw", "encoding", "words"),
    [
        ([b"", b"x"], "br", "its answer is packed in a way we did not ask for"),
        ([packed(b"x") + b"y"], "gzip", "its packed answer goes on after its end"),
        ([packed(b"x"), b"y"], "gzip", "its packed answer goes on after its end"),
        ([packed(b"x" * 99)[:-1]], "gzip", "its packed answer is damaged"),
        ([packed(b"x" * 99)[:12]], "gzip", "its packed answer is damaged"),
    ],
)
def test_what_is_not_cleanly_packed_is_malformed(raw: list[bytes], encoding: str, words: str) -> None:
    with pytest.raises(Malformed) as malformed:
        b"".join(packing.unpacked(raw, encoding, 1000))
    assert str(malformed.value) == words


# Redirects ------------------------------------------------------------------------------------------------------------

ORIGIN = WebOrigin("https", "codeberg.org", 443)
HERE = parse("https://codeberg.org/ada/tool")
SIGN_IN = "it redirects to a sign-in page: private, or not there"


def led(location: str) -> str:
    return redirected_path(ORIGIN, "/ada/tool.git", location, HERE, NO_HOSTS)


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/ada/other.git/info/refs?service=git-upload-pack", "/ada/other.git"), ("/ada/Other", "/ada/Other"),
        ("https://codeberg.org/ada/other.git/git-upload-pack#x", "/ada/other.git"),
        ("../../other.git", "/ada/other.git"),
        ("https://codeberg.org:443/Ada/other", "/Ada/other"),
    ],
)  # fmt: skip
def test_a_redirect_inside_the_boundary_gives_the_path_to_ask(location: str, path: str) -> None:
    assert led(location) == path


@pytest.mark.parametrize(
    ("location", "verdict", "words"),
    [
        ("http://[", Verdict.MOVED, "it redirects to something that is no URL"),
        ("/welcome", Verdict.MOVED, "it redirects to a page that names no repository"),
        ("/eve/tool.git", Verdict.MOVED, "it redirects to another owner or host: codeberg.org/eve/tool"),
        ("https://git.example.org/ada/tool.git", Verdict.MOVED,
         "it redirects to another owner or host: git.example.org/ada/tool"),
        ("/ada/tool/(x)", Verdict.MOVED, "it redirects to a path we do not ask"),
        ("/user/login?x", Verdict.PRIVATE_OR_ABSENT, SIGN_IN),
        ("/login/ada", Verdict.PRIVATE_OR_ABSENT, SIGN_IN),
    ],
)  # fmt: skip
def test_any_other_redirect_says_where_it_leads(location: str, verdict: Verdict, words: str) -> None:
    with pytest.raises(Stop) as stopped:
        led(location)
    assert (stopped.value.verdict, stopped.value.detail) == (verdict, words)


def test_a_long_redirect_is_told_short() -> None:
    with pytest.raises(Stop) as stopped:
        led("/eve/" + "x" * 900)
    detail: Any = stopped.value.detail
    assert (len(detail), detail[:60]) == (300, "it redirects to another owner or host: codeberg.org/eve/xxxx")
