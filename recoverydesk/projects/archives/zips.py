"""Reads a zip so strictly that no two programs can see two different archives in it.

Members stand one after the other from the first byte to the central directory, which tells the same of each as its
own header; after the directory's end record comes nothing. No encryption, links, comments at the end or formats
beyond 4 GiB.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import IO

from recoverydesk.projects.archives import zip_directory
from recoverydesk.projects.archives.limits import CHUNK, MOST_KEPT, InvalidArchive, Listing
from recoverydesk.projects.archives.zip_directory import DESCRIPTOR, LONG, STORED, Entry, check_extra

LOCAL = struct.Struct("<4s5H3L2H")


def read_zip(file: IO[bytes], size: int, wanted: Callable[[str], bool]) -> Listing:
    """List a zip of `size` bytes, expanding every member; keep the bytes of the wanted ones. Raises InvalidArchive."""
    listing = Listing(wanted, size)
    entries, start = zip_directory.read_directory(file, size, listing)
    position = 0
    for entry in entries:
        if entry.offset != position:
            raise InvalidArchive("bytes lie between its members, or members overlap")
        name = listing.enter(entry.text, is_folder=entry.is_folder)
        position = _expand(file, entry, _data_start(file, entry, listing), listing, name)
    if position != start:
        raise InvalidArchive("bytes lie between its members and its directory")
    return listing.finish()


def _data_start(file: IO[bytes], entry: Entry, listing: Listing) -> int:
    """Check that a member's own header says what the directory says; return where its data begins."""
    file.seek(entry.offset)
    header = file.read(LOCAL.size)
    if len(header) < LOCAL.size:
        raise InvalidArchive(f"{entry.name!r} is cut off")
    magic, _version, flags, method, _time, _date, crc, packed, plain, name_length, extra_length = LOCAL.unpack(header)
    name = file.read(name_length)
    is_long = check_extra(file.read(extra_length), listing)
    if magic != b"PK\x03\x04" or (flags, method, name) != (entry.flags, entry.method, entry.name):
        raise InvalidArchive(f"the header of {entry.name!r} and the directory differ")
    facts = (entry.crc, entry.packed, entry.plain)
    later = flags & DESCRIPTOR and (crc, packed, plain) in ((0, 0, 0), (0, LONG, LONG))
    long = is_long and (crc, packed, plain) == (entry.crc, LONG, LONG)
    if (crc, packed, plain) != facts and not later and not long:
        raise InvalidArchive(f"the sizes of {entry.name!r} and the directory's differ")
    return int(entry.offset + LOCAL.size + name_length + extra_length)


def _expand(file: IO[bytes], entry: Entry, start: int, listing: Listing, name: str) -> int:
    """Expand one member to its end, check size and CRC; return where the next member begins."""
    kept = bytearray() if not entry.is_folder and listing.wanted(name) else None
    size, crc = 0, 0
    file.seek(start)
    for chunk in _inflated(file, entry):
        listing.count(len(chunk))
        size, crc = size + len(chunk), zlib.crc32(chunk, crc)
        if kept is not None:
            kept += chunk
            if len(kept) > MOST_KEPT:
                raise InvalidArchive(f"{name!r} is too large")
    if (size, crc) != (entry.plain, entry.crc):
        raise InvalidArchive(f"{name!r} is not what the directory says")
    if kept is not None:
        listing.kept[name] = bytes(kept)
    return _after_descriptor(file, entry, start + entry.packed)


def _inflated(file: IO[bytes], entry: Entry) -> Iterator[bytes]:
    left, box = entry.packed, zlib.decompressobj(-zlib.MAX_WBITS)
    while left and (data := file.read(min(left, CHUNK))):
        left -= len(data)
        if entry.method == STORED:
            yield data
        else:
            yield from _pieces(box, data, entry)
    if left or (entry.method != STORED and not box.eof):
        raise InvalidArchive(f"{entry.name!r} is cut off")


def _pieces(box: "zlib._Decompress", data: bytes, entry: Entry) -> Iterator[bytes]:
    """Inflate one packed chunk in pieces that fit in memory, whatever it expands to."""
    try:
        while data:
            yield box.decompress(data, CHUNK)
            data = box.unconsumed_tail
    except zlib.error as error:
        raise InvalidArchive(f"{entry.name!r} cannot be expanded") from error
    if box.unused_data:
        raise InvalidArchive(f"{entry.name!r} has bytes behind its end")


def _after_descriptor(file: IO[bytes], entry: Entry, end: int) -> int:
    """Return where the bytes of a member end: behind its data descriptor, where its header promised one."""
    if not entry.flags & DESCRIPTOR:
        return end
    file.seek(end)
    raw = file.read(24)
    for layout in ("<4sLLL", "<4sLQQ", "<LLL", "<LQQ"):
        size = struct.calcsize(layout)
        facts = struct.unpack_from(layout, raw) if len(raw) >= size else ()
        if facts[-3:] == (entry.crc, entry.packed, entry.plain) and (len(facts) == 3 or facts[0] == b"PK\x07\x08"):
            return end + size
    raise InvalidArchive(f"the data descriptor of {entry.name!r} and the directory differ")
