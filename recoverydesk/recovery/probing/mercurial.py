"""As much of Mercurial's HTTP protocol as it takes to look for a bookmark or a named branch, by listing them.

`lookup` would be one small request, but it tells the host the name and also finds tags, numbers and hash prefixes.
Source: `hg help internals.wireprotocol`.
"""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote_to_bytes

from recoverydesk.recovery.probing.git import BadPackets, text_lines

MEDIA_TYPE = "application/mercurial-0.1"
CAPABILITIES = "?cmd=capabilities"
BOOKMARKS = "?cmd=listkeys&namespace=bookmarks"
BRANCHES = "?cmd=branchmap"
BOOKMARK = re.compile(rb"([^\t]+)\t([0-9a-f]{40})")
BRANCH = re.compile(rb"([^ ]+)((?: [0-9a-f]{40})+)")


def capabilities(data: bytes) -> frozenset[bytes]:
    """The commands and features a host offers; raises BadPackets when it lacks one of the two listings."""
    offered = frozenset(one.partition(b"=")[0] for one in data.split())
    if not {b"branchmap", b"pushkey"} <= offered:
        raise BadPackets("a host that cannot list bookmarks and branches")
    return offered


def bookmarks(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield (bookmark, changeset id); raises BadPackets. An empty listing is usual."""
    for one in _lines(pieces):
        found = BOOKMARK.fullmatch(one)
        if not found:
            raise BadPackets("a line that is no bookmark")
        yield found[1], found[2]


def branches(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield (branch name, its newest head); raises BadPackets."""
    for one in _lines(pieces):
        found = BRANCH.fullmatch(one)
        if not found:
            raise BadPackets("a line that is no branch")
        yield unquote_to_bytes(found[1]), found[2][-40:]


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Mercurial joins its lines with line feeds and ends with none."""

    def ended() -> Iterator[bytes]:
        last = b""
        for piece in pieces:
            yield piece
            last = piece or last
        if last and not last.endswith(b"\n"):
            yield b"\n"

    return text_lines(ended())
