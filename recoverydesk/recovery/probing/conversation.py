"""What we say to a host and what we make of its answers, protocol by protocol.

What a host spoke last time (`spoken`) only chooses what is tried first; every answer is read as strictly as at first
contact, and whatever does not fit exactly goes the long way through the advertisement.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from common.transport.client import Client, Reply, Stream
from common.transport.failures import Malformed, Oversized
from recoverydesk.recovery import branch_token
from recoverydesk.recovery.probing import git, mercurial
from recoverydesk.recovery.probing.answers import (
    ADVERTISEMENT,
    PLAIN_FILE,
    RESULT,
    Absent,
    Busy,
    Elsewhere,
    NoGit,
    Stop,
    content,
    kind_of,
    whole,
)
from recoverydesk.recovery.probing.listings import search
from recoverydesk.recovery.probing.verdicts import Verdict

Listing = Callable[[Iterable[bytes]], Iterator[tuple[bytes, bytes]]]
HEAD_BYTES = 100


@dataclass(frozen=True)
class Heard:
    """A well-formed answer: {branch: object id} of those that are there, how it was asked, what the host speaks."""

    found: dict[str, str]
    protocol: str
    learned: str = ""


class NoMercurial(Exception):
    """Mercurial does not answer there either."""


def ask_git(client: Client, path: str, branches: tuple[str, ...], spoken: str = "") -> Heard:
    """Which of the branches are there; raises Stop, Absent, Elsewhere, BadPackets and the transport's failures."""
    if spoken == "v2-direct":
        try:
            return Heard(_ask_version_2(client, path, "sha1", branches), "v2-direct")
        except Busy:
            raise
        except (Stop, Absent, Elsewhere, git.BadPackets, Malformed):
            pass  # whatever it is, the advertisement tells
    heard = _ask_by_advertisement(client, path, branches)
    discovery_only = {"v2-direct": "v2", "v2": ""}.get(spoken, heard.learned)
    return replace(heard, learned=discovery_only) if heard.learned == "v2-direct" else heard


def _ask_by_advertisement(client: Client, path: str, branches: tuple[str, ...]) -> Heard:
    """The way git's documents ask for it: discovery first, then one question in the newest protocol offered."""
    with client.open("GET", f"{path}/info/refs?service=git-upload-pack", _headers(client)) as stream:
        pieces = stream.pieces(client.limits.listing)
        head = _first(pieces)
        if stream.status == 200 and kind_of(stream.headers) == ADVERTISEMENT and head and not git.is_version_2(head):
            return _read_listing(client, chain([head], pieces), git.old_refs, branches, "v0")
        if stream.status == 200 and kind_of(stream.headers) in PLAIN_FILE and head and not head.startswith(b"<"):
            return _read_files_list(client, stream, chain([head], pieces), branches)
        reply = _rest(client, stream, pieces, head)
    offered = git.advertisement(content(reply, ADVERTISEMENT))
    whole(reply)
    found = _ask_version_2(client, path, offered.object_format, branches)
    return Heard(found, "v2", "v2-direct" if offered.object_format == "sha1" else "")


def _first(pieces: Iterator[bytes]) -> bytes:
    """Enough of the beginning to know what it is."""
    head = b""
    while len(head) < HEAD_BYTES and (piece := next(pieces, None)) is not None:
        head += piece
    return head


def _rest(client: Client, stream: Stream, pieces: Iterator[bytes], head: bytes) -> Reply:
    """A short answer: at most `limits.body` bytes of it."""

    def limited() -> Iterator[bytes]:
        count = len(head)
        for piece in pieces:
            if (count := count + len(piece)) > client.limits.body:
                raise Oversized("a longer answer than we read")
            yield piece

    return stream.reply(limited(), head)


def _read_files_list(client: Client, stream: Stream, pieces: Iterable[bytes], branches: tuple[str, ...]) -> Heard:
    """A host that only serves files. An absence counts only where a cut answer would have been noticed."""
    heard = _read_listing(client, pieces, git.dumb_refs, branches, "dumb")
    if len(heard.found) < len(set(branches)) and not stream.says_its_end:
        raise Stop(Verdict.AMBIGUOUS, "a list that may have been cut")
    return heard


def _read_listing(
    client: Client, pieces: Iterable[bytes], listing: Listing, branches: tuple[str, ...], protocol: str
) -> Heard:
    client.expect_listing()
    refs = {branch_token.refname(branch).encode(): branch for branch in branches}
    found = search(listing(pieces), refs, may_stop=protocol == "v0")
    return Heard({refs[name]: object_id for name, object_id in found.items()}, protocol, protocol)


def _ask_version_2(client: Client, path: str, object_format: str, branches: tuple[str, ...]) -> dict[str, str]:
    prefixes = (branch_token.asked_prefix(branch) for branch in branches)
    typed = {**_headers(client), "Content-Type": "application/x-git-upload-pack-request"}
    question = git.ls_refs_request(prefixes, object_format)
    reply = client.request("POST", f"{path}/git-upload-pack", typed, question)
    try:
        body = content(reply, RESULT)
    except (Absent, NoGit):
        raise Stop(Verdict.AMBIGUOUS, "it offers to answer and then does not") from None
    whole(reply)
    refs = git.ls_refs_reply(body, object_format)
    wanted = {branch: branch_token.refname(branch) for branch in branches}
    return {
        branch: object_id
        for branch, refname in wanted.items()
        for name, object_id in refs.items()
        if branch_token.same(name, refname)
    }


def _headers(client: Client, user_agent: str = "") -> dict[str, str]:
    """What hosts and bot walls want to see of git, and nothing about us but a contact."""
    return {
        "User-Agent": user_agent or client.limits.user_agent,
        "Accept": "*/*",
        "Accept-Encoding": "gzip",
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
        "Git-Protocol": "version=2",
    }


def ask_mercurial(client: Client, path: str, branches: tuple[str, ...], spoken: str = "") -> Heard:
    """Which of the branches are there as bookmark or named branch, by listing; raises NoMercurial besides the others'.

    A repository without a single branch (an empty one) says nothing, and an empty answer is never an absence.
    """
    if spoken != "hg":
        _check_capabilities(client, path)
    marks = _list(client, path + mercurial.BOOKMARKS, mercurial.bookmarks, branches)
    if len(marks) == len(set(branches)):
        return Heard(marks, "hg", "hg")
    named = _list(client, path + mercurial.BRANCHES, mercurial.branches, branches, empty_is_fine=False)
    return Heard({**named, **marks}, "hg", "hg")


def _check_capabilities(client: Client, path: str) -> None:
    reply = client.request("GET", path + mercurial.CAPABILITIES, _mercurial_headers(client))
    body = _mercurial_content(reply)
    whole(reply)
    mercurial.capabilities(body)


def _mercurial_content(reply: Reply) -> bytes:
    try:
        return content(reply, mercurial.MEDIA_TYPE)
    except Busy:
        raise
    except (Stop, Absent, Elsewhere) as other:
        raise NoMercurial from other


def _list(
    client: Client, target: str, listing: Listing, branches: tuple[str, ...], *, empty_is_fine: bool = True
) -> dict[str, str]:
    with client.open("GET", target, _mercurial_headers(client)) as stream:
        pieces = stream.pieces(client.limits.listing)
        if stream.status != 200 or kind_of(stream.headers) != mercurial.MEDIA_TYPE:
            _mercurial_content(_rest(client, stream, pieces, b""))
        head = _first(pieces)
        if not head and not empty_is_fine:
            raise Stop(Verdict.AMBIGUOUS, "an empty answer")
        found = _read_names(client, chain([head], pieces), listing, branches)
        if len(found) < len(set(branches)) and not stream.says_its_end:
            raise Stop(Verdict.AMBIGUOUS, "a list that may have been cut")
        return found


def _read_names(client: Client, pieces: Iterable[bytes], listing: Listing, branches: tuple[str, ...]) -> dict[str, str]:
    client.expect_listing()
    names = {branch.encode(): branch for branch in branches}
    return {names[name]: object_id for name, object_id in search(listing(pieces), names).items()}


def _mercurial_headers(client: Client) -> dict[str, str]:
    headers = _headers(client, client.limits.user_agent.replace("git/2.0", "mercurial/proto-1.0"))
    del headers["Git-Protocol"]
    return headers
