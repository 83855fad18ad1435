"""Reads a .tar.gz header by header, with bounds where Python's tarfile has none.

Plain files and folders only: a link, device or sparse file has no place in a source distribution.
"""

import tarfile
import zlib
from collections.abc import Callable
from typing import IO

from recoverydesk.projects.archives.limits import CHUNK, MOST_KEPT, InvalidArchive, Listing

BLOCK = 512
GZIP = 16 + zlib.MAX_WBITS
MOST_NOTES = 2**16  # bytes of one header that describes the next
LONG_NAME, LONG_LINK, NOTES, NOTES_FOR_ALL = b"L", b"K", b"x", b"g"
PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)
NAMES_ANOTHER = {"path", "linkpath", "size"}


class _Expanded:
    """The bytes inside a gzip, in pieces. There is one gzip stream, and nothing behind it."""

    def __init__(self, file: IO[bytes], listing: Listing) -> None:
        self.file, self.listing = file, listing
        self.box, self.packed, self.plain = zlib.decompressobj(GZIP), b"", bytearray()

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, at most CHUNK. Raises InvalidArchive where there are fewer."""
        while len(self.plain) < size and self._more():
            pass
        if len(self.plain) < size:
            raise InvalidArchive("it is cut off")
        piece = bytes(self.plain[:size])
        del self.plain[:size]
        return piece

    def _more(self) -> bool:
        """Inflate another piece; False at the end."""
        if self.box.eof:
            return False
        self.packed = self.packed or self.file.read(CHUNK)
        try:
            piece = self.box.decompress(self.packed, CHUNK)
        except zlib.error as error:
            raise InvalidArchive("it is not a gzip file") from error
        ended = not self.packed and not piece
        self.packed = self.box.unconsumed_tail
        self.listing.count(len(piece))
        self.plain += piece
        return not ended

    def finish(self) -> None:
        """Read to the end, where only zeros may come, and nothing behind the gzip stream."""
        while not any(self.plain):
            self.plain.clear()
            if not self._more():
                break
        if any(self.plain) or not self.box.eof or self.box.unused_data or self.file.read(1):
            raise InvalidArchive("bytes lie behind its end")


def read(file: IO[bytes], size: int, wanted: Callable[[str], bool]) -> Listing:
    """List a .tar.gz of `size` bytes, keeping the bytes of the wanted files. Raises InvalidArchive."""
    file.seek(0)
    listing = Listing(wanted, size)
    expanded = _Expanded(file, listing)
    notes: dict[str, str] = {}
    while header := _header(expanded):
        if header.type in (LONG_NAME, LONG_LINK, NOTES, NOTES_FOR_ALL):
            notes |= _notes(expanded, header)
        else:
            _member(expanded, header, notes, listing)
            notes = {}
    if notes:
        raise InvalidArchive("it is cut off")
    expanded.finish()
    return listing.finish()


def _header(expanded: _Expanded) -> tarfile.TarInfo | None:
    """Read one header; None at the end, which two blocks of zeros mark."""
    block = expanded.read(BLOCK)
    if not any(block):
        if any(expanded.read(BLOCK)):
            raise InvalidArchive("bytes lie behind its end")
        return None
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError) as error:
        raise InvalidArchive(f"a header cannot be read ({error})") from error
    if header.size < 0:
        raise InvalidArchive("a member has a negative size")
    return header


def _notes(expanded: _Expanded, header: tarfile.TarInfo) -> dict[str, str]:
    """Read a header that describes the next member: a long name, or PAX records."""
    if header.size > MOST_NOTES:
        raise InvalidArchive("a header is too large")
    data = expanded.read(_padded(header.size))[: header.size]
    if header.type in (LONG_NAME, LONG_LINK):
        return {"path" if header.type == LONG_NAME else "linkpath": _text(data.rstrip(b"\0"))}
    records = _records(data)
    if any(key.startswith("GNU.sparse") for key in records):
        raise InvalidArchive("it holds sparse files")
    if header.type == NOTES_FOR_ALL:
        if NAMES_ANOTHER & set(records):
            raise InvalidArchive("a global header names a path or size")
        return {}
    return records


def _records(data: bytes) -> dict[str, str]:
    """Read PAX records: length, space, key, equals sign, value, newline."""
    found = {}
    while data:
        number, space, _rest = data.partition(b" ")
        if not space or not number.isdigit() or not len(number) + 3 <= int(number[:9]) <= len(data):
            raise InvalidArchive("a PAX header cannot be read")
        record, data = data[: int(number)], data[int(number) :]
        key, equals, value = record[len(number) + 1 :].partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise InvalidArchive("a PAX header cannot be read")
        if _text(key) in found:
            raise InvalidArchive("a PAX header says the same twice")
        found[_text(key)] = _text(value[:-1], strict=_text(key) in NAMES_ANOTHER)
    return found


def _text(data: bytes, *, strict: bool = True) -> str:
    try:
        return data.decode("utf-8", "strict" if strict else "replace")
    except UnicodeDecodeError:
        raise InvalidArchive("a name is not in UTF-8") from None


def _member(expanded: _Expanded, header: tarfile.TarInfo, notes: dict[str, str], listing: Listing) -> None:
    """Take one file or folder and read past its bytes, keeping them where they are wanted."""
    is_folder = header.type == tarfile.DIRTYPE
    name = notes.get("path", header.name)
    if not is_folder and header.type not in PLAIN:
        raise InvalidArchive(f"{name!r} is a link or no plain file")
    if header.type == tarfile.AREGTYPE and name.endswith("/"):
        raise InvalidArchive(f"{name!r} is a folder of an old kind")
    size = _size(header, notes)
    if is_folder and size:
        raise InvalidArchive(f"the folder {name!r} has bytes")
    name = listing.enter(name, is_folder=is_folder)
    kept = bytearray() if not is_folder and listing.wanted(name) else None
    if kept is not None and size > MOST_KEPT:
        raise InvalidArchive(f"{name!r} is too large")
    left = _padded(size)
    while left:
        piece = expanded.read(min(left, CHUNK))
        left -= len(piece)
        if kept is not None:
            kept += piece
    if kept is not None:
        listing.kept[name] = bytes(kept[:size])


def _size(header: tarfile.TarInfo, notes: dict[str, str]) -> int:
    """Return a member's size: the PAX record's where there is one."""
    text = notes.get("size", str(header.size))
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise InvalidArchive("a member's size cannot be read")
    return int(text)


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
