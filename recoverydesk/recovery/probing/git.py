"""As much of git's wire protocol as it takes to ask for branches: pkt-lines, advertisement, ls-refs, old listings.

Sources: gitprotocol-common(5), gitprotocol-v2(5), gitprotocol-http(5). Bytes in, values out; whatever is not exactly
right raises BadPackets, so that no broken answer can look like an absent branch.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import chain

MAX_PACKET = 65520
OID_LENGTH = {"sha1": 40, "sha256": 64}  # hex digits
LENGTH = re.compile(rb"[0-9a-fA-F]{4}")
SERVICE = b"# service=git-upload-pack"
OLD_FIRST = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})? [^\x00-\x20\x7f]+\x00")
OLD_LINE = re.compile(rb"([0-9a-f]{40}(?:[0-9a-f]{24})?) ([^\x00-\x20\x7f]+)")
DUMB_LINE = re.compile(rb"([0-9a-f]{40}(?:[0-9a-f]{24})?)\t(refs/[^\x00-\x20\x7f]+)")
NOTHING_YET = b"capabilities^{}"  # the only line of an empty repository
MAX_LINE = 4096
REF = re.compile(rb"([0-9a-f]+) ([^\x00-\x20\x7f]+)((?: [^\x00-\x20\x7f]+)*)")
AGENT = b"agent=git/2.0-RecoveryDesk"


class BadPackets(ValueError):
    """The bytes are not what the protocol says; the message names what is wrong in plain words."""


class Mark(Enum):
    """The packets without content."""

    FLUSH = b"0000"
    DELIMITER = b"0001"
    END = b"0002"


@dataclass(frozen=True)
class Advertisement:
    """What a version 2 host says of a repository."""

    object_format: str = "sha1"


def line(content: bytes) -> bytes:
    """Frame one packet with its length (4 hex digits, themselves included) and a line feed."""
    return b"%04x%s\n" % (len(content) + 5, content)


def packets(pieces: Iterable[bytes]) -> Iterator[bytes | Mark]:
    """Yield each packet, without its optional line feed, as the pieces come in; raises BadPackets for bad framing."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        position = 0
        while (size := _size(waiting, position)) is not None:
            if size < 4:
                yield _mark(bytes(waiting[position : position + 4]))
            else:
                yield bytes(waiting[position + 4 : position + size]).removesuffix(b"\n")
            position += max(size, 4)
        del waiting[:position]
    if waiting:
        raise BadPackets("a packet that is cut")


def _size(waiting: bytearray, position: int) -> int | None:
    """The length of the packet that begins there; None while it is not all there. Raises BadPackets."""
    head = waiting[position : position + 4]
    if len(head) < 4:
        return None
    if not LENGTH.fullmatch(head):
        raise BadPackets("a packet without a length")
    size = int(head, 16)
    if size > MAX_PACKET:
        raise BadPackets("a packet that is too long")
    return None if position + size > len(waiting) else size


def _mark(head: bytes) -> Mark:
    try:
        return Mark(head)
    except ValueError as error:
        raise BadPackets("a packet with an impossible length") from error


def advertisement(data: bytes) -> Advertisement:
    """Read a whole version 2 answer to `info/refs`. Raises BadPackets."""
    stream = packets([data])
    first = next(stream, None)
    if first == SERVICE:
        if next(stream, None) is not Mark.FLUSH:
            raise BadPackets("no end after the service line")
        first = next(stream, None)
    if first == b"version 2":
        return _version_2(_until_flush(stream))
    raise BadPackets("an advertisement we cannot read")


def _version_2(lines: list[bytes]) -> Advertisement:
    capabilities = dict(one.partition(b"=")[::2] for one in lines)
    if b"ls-refs" not in capabilities:
        raise BadPackets("a host that cannot list branches")
    object_format = capabilities.get(b"object-format", b"sha1").decode("latin-1")
    if object_format not in OID_LENGTH:
        raise BadPackets("an object format we do not know")
    return Advertisement(object_format)


def is_version_2(head: bytes) -> bool:
    """Whether the first bytes of an advertisement (100 are enough) are those of version 2."""
    return head.removeprefix(line(SERVICE) + Mark.FLUSH.value)[4:].startswith(b"version 2")


def old_refs(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield (refname, object id) of a version 0 or 1 advertisement as it comes in; raises BadPackets.

    Whoever reads it to the end knows that the end was there. HEAD and peeled tags are left out.
    """
    stream = packets(pieces)
    first = next(stream, None)
    if first == SERVICE:
        if next(stream, None) is not Mark.FLUSH:
            raise BadPackets("no end after the service line")
        first = next(stream, None)
    if first == b"version 1":
        first = next(stream, None)
    if not isinstance(first, bytes) or not OLD_FIRST.match(first):
        raise BadPackets("an advertisement we cannot read")
    yield from _old_lines(first.partition(b"\0")[0], stream)


def _old_lines(first: bytes, stream: Iterator[bytes | Mark]) -> Iterator[tuple[bytes, bytes]]:
    name, object_id = _named(OLD_LINE, first)
    if name == NOTHING_YET:
        if _until_flush(stream):
            raise BadPackets("refs in an empty repository")
        return
    length = len(object_id)
    for one in _lines_until_flush(chain([first], stream)):
        if one.startswith(b"shallow "):
            continue
        name, object_id = _named(OLD_LINE, one)
        if len(object_id) != length or not object_id.strip(b"0"):
            raise BadPackets("a line that is no ref")
        if name != b"HEAD" and not name.endswith(b"^{}"):
            yield name, object_id


def dumb_refs(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield (refname, object id) of the list a host keeps that only serves files; raises BadPackets."""
    for one in text_lines(pieces):
        name, object_id = _named(DUMB_LINE, one)
        if not object_id.strip(b"0"):
            raise BadPackets("a line that is no ref")
        if not name.endswith(b"^{}"):
            yield name, object_id


def text_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each line without its line feed; raises BadPackets for an endless line, or one without an end."""
    waiting = b""
    for piece in pieces:
        *lines, waiting = (waiting + piece).split(b"\n")
        if len(waiting) > MAX_LINE or any(len(one) > MAX_LINE for one in lines):
            raise BadPackets("a line that is too long")
        yield from lines
    if waiting:
        raise BadPackets("a line that is cut")


def _named(pattern: re.Pattern[bytes], content: bytes) -> tuple[bytes, bytes]:
    if content.startswith(b"ERR "):
        raise BadPackets("the host reports an error of its own")
    found = pattern.fullmatch(content)
    if not found:
        raise BadPackets("a line that is no ref")
    return found[2], found[1]


def ls_refs_request(prefixes: Iterable[str], object_format: str) -> bytes:
    """The question for all refs that begin with one of the prefixes."""
    question = line(b"command=ls-refs") + line(AGENT) + line(b"object-format=" + object_format.encode())
    wanted = b"".join(line(b"ref-prefix " + prefix.encode()) for prefix in dict.fromkeys(prefixes))
    return question + Mark.DELIMITER.value + wanted + Mark.FLUSH.value


def ls_refs_reply(data: bytes, object_format: str) -> dict[str, str]:
    """Read {refname: object id}; `{}` only for a whole, well-formed answer without refs. Raises BadPackets."""
    refs: dict[str, str] = {}
    for one in _until_flush(packets([data])):
        name, object_id = _ref(one, OID_LENGTH[object_format])
        if name in refs:
            raise BadPackets("one ref listed twice")
        refs[name] = object_id
    return refs


def _ref(content: bytes, length: int) -> tuple[str, str]:
    if content.startswith(b"ERR "):
        raise BadPackets("the host reports an error of its own")
    found = REF.fullmatch(content)
    if not found or len(found[1]) != length or not found[1].strip(b"0"):
        raise BadPackets("a line that is no ref")
    return found[2].decode("utf-8", "surrogateescape"), found[1].decode()


def _until_flush(stream: Iterator[bytes | Mark]) -> list[bytes]:
    return list(_lines_until_flush(stream))


def _lines_until_flush(stream: Iterator[bytes | Mark]) -> Iterator[bytes]:
    """The lines up to the closing flush, which must be there, alone, and last."""
    for one in stream:
        if isinstance(one, bytes):
            yield one
        elif one is Mark.FLUSH and next(stream, None) is None:
            return
        else:
            raise BadPackets("a packet where none may be")
    raise BadPackets("an answer without an end")
