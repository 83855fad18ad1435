"""Whatever bytes or text come in: a value, or the one named failure.

A short run in the normal suite; `HYPOTHESIS_PROFILE=thorough` makes it more than 100,000 cases.
"""

import contextlib
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from common.transport.client import WebOrigin
from recoverydesk.recovery.probing import git, mercurial
from recoverydesk.recovery.probing.answers import Stop
from recoverydesk.recovery.probing.git import BadPackets, line
from recoverydesk.recovery.probing.listings import search
from recoverydesk.recovery.probing.probe import redirected_path
from recoverydesk.recovery.repository_urls.parser import NO_HOSTS, HostRule, Place, parse, probe_url, refusal

OID = b"a" * 40
HOSTS = {
    "localhost:8001": HostRule("owner", "http", 8001, private=True, plain_http=True),
    "git.example.net": HostRule("nested"),
}
packet = st.one_of(
    st.sampled_from([b"0000", b"0001", b"0002", b"0003", b"0004", b"fff0", b"ffff", b"00", b"\n", b"+010"]),
    st.sampled_from(
        [b"version 2", b"version 1", b"ls-refs", b"object-format=sha1", b"# service=git-upload-pack", b"ERR no"]
    ).map(line),
    st.builds(
        lambda oid, name, rest: line(oid + b" " + name + rest),
        st.sampled_from([OID, b"b" * 64, b"0" * 40, OID.upper(), b"a" * 39]),
        st.sampled_from([b"HEAD", b"refs/heads/a", b"refs/tags/v^{}", b"capabilities^{}"]) | st.binary(max_size=9),
        st.sampled_from([b"", b"\0caps", b" symref-target:x"]),
    ),
    st.binary(max_size=40),
)
stream = st.lists(packet, max_size=12).map(b"".join) | st.binary(max_size=200)
piece = st.sampled_from(
    [
        "https://", "http://", "//", "/", "git@", "github.com", "gitlab.com", "git.example.net", "localhost:8001",
        "psf", "requests", ".git", "/info/refs", "/git-upload-pack", "?service=git-upload-pack", "#", "..", "%2e%2e",
        "%2f", "@", ":", "[", "]", "\\", "\x00", "\n", " ", "ı", "１", "xn--", "-", "~", ".wiki", "/-/", "tree", "lp:",
        "file:",
    ]
)  # fmt: skip
text = st.lists(piece | st.text(max_size=3), max_size=12).map("".join) | st.text(max_size=60)


@given(stream, st.integers(1, 50))
def test_any_bytes_are_read_or_named_and_pieces_make_no_difference(data: bytes, size: int) -> None:
    cut = [data[at : at + size] for at in range(0, len(data), size)]
    for read in (git.old_refs, git.dumb_refs, git.packets, mercurial.bookmarks, mercurial.branches):
        assert _outcome(read, [data]) == _outcome(read, cut)


def _outcome(read: object, pieces: list[bytes]) -> object:
    try:
        return list(read(pieces))  # type: ignore[operator]
    except BadPackets:
        return BadPackets


@given(stream)
def test_any_answer_is_read_or_named_and_never_read_as_no_refs_unless_it_is_a_flush(data: bytes) -> None:
    with contextlib.suppress(BadPackets):
        git.advertisement(data)
    with contextlib.suppress(BadPackets):
        assert git.ls_refs_reply(data, "sha1") or data == b"0000"


@given(st.lists(st.binary(min_size=1, max_size=50).filter(lambda raw: not raw.endswith(b"\n"))))
def test_what_is_framed_can_be_read_again(contents: list[bytes]) -> None:
    assert list(git.packets([b"".join(map(line, contents))])) == contents


@given(st.lists(st.binary(min_size=1, max_size=3), max_size=30, unique=True), st.binary(min_size=1, max_size=3))
def test_a_name_is_found_exactly_when_it_is_listed(names: list[bytes], wanted: bytes) -> None:
    for listed in (names, sorted(names)):
        found = search([(name, OID) for name in listed], [wanted], may_stop=True)
        assert found == ({wanted: OID.decode()} if wanted in names else {})


@given(text)
def test_any_url_gives_a_place_and_what_is_asked_is_plain(url: str) -> None:
    for hosts in (NO_HOSTS, HOSTS):
        place = parse(url, hosts)
        asked = probe_url(place, hosts)
        assert isinstance(refusal(url, hosts), str)
        assert bool(asked) or not place.names_repository
        if asked:
            assert asked.isascii()
            assert asked.isprintable()
            assert not set(asked) & set("\\@?# ")
            assert urlsplit(asked).scheme == "https" or place.host == "localhost:8001"


@given(text)
def test_any_redirect_stays_in_its_boundary_or_has_moved(location: str) -> None:
    here = Place("https://github.com/psf/requests", "github.com", "psf", "requests")
    origin = WebOrigin("https", "github.com", 443)
    with contextlib.suppress(Stop):
        path = redirected_path(origin, "/psf/requests.git", location, here, HOSTS)
        assert path.lower().startswith("/psf/")
        assert parse(f"https://github.com{path}").namespace == "psf"
        assert ".." not in path.split("/")
