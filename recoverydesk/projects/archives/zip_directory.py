"""The central directory of a zip, read without trust: what it tells of each member, and where it lies."""

import stat
import struct
from dataclasses import dataclass
from typing import IO

from recoverydesk.projects.archives.limits import (
    HEADER,
    LONGEST_NAME,
    MOST_NAMES,
    RECORD,
    InvalidArchive,
    Listing,
)

END = struct.Struct("<4s4H2LH")
ENTRY = struct.Struct("<4s6H3L5H2L")
LOCATOR_SIZE = 20
ENCRYPTED, DESCRIPTOR, PATCHED, STRONG, HIDDEN = 0x1, 0x8, 0x20, 0x40, 0x2000
UNICODE_NAME = 0x800
STORED, DEFLATED = 0, 8
OTHER_NAME = 0x7075  # an extra field that gives a member a second name
ZIP64 = 0x0001
LONG = 2**32 - 1  # what stands where a zip64 field holds the number


@dataclass(frozen=True, slots=True)
class Entry:
    """What the directory tells of one member. `name` is as its header must have it, too."""

    offset: int
    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    plain: int

    @property
    def text(self) -> str:
        """The name as text; a folder's ends with a slash."""
        return self.name.decode()

    @property
    def is_folder(self) -> bool:
        return self.name.endswith(b"/")


def read_directory(file: IO[bytes], size: int, listing: Listing) -> tuple[list[Entry], int]:
    """Return what the directory of a zip of `size` bytes tells, in the order of the bytes, and where it begins."""
    start, members = _find(file, size)
    file.seek(start)
    entries = [_entry(file, listing) for _number in range(members)]
    if file.tell() != size - END.size:
        raise InvalidArchive("its directory holds more or fewer members than it says")
    return sorted(entries, key=lambda entry: entry.offset), start


def _find(file: IO[bytes], size: int) -> tuple[int, int]:
    """Check the end record, before anything is read by its word; return where the directory begins, and its length."""
    if size < END.size:
        raise InvalidArchive("it is not a zip")
    file.seek(size - END.size)
    magic, disk, first_disk, here, members, length, start, comment = END.unpack(file.read(END.size))
    file.seek(0)
    if magic != b"PK\x05\x06" or comment or file.read(4) != b"PK\x03\x04":
        raise InvalidArchive("it is not a zip, or something stands before or behind it")
    if disk or first_disk or here != members or length > 2 * MOST_NAMES:
        raise InvalidArchive("its directory is too large or has several parts")
    if start + length + END.size != size or _is_long(file, size):
        raise InvalidArchive("its directory is not where it says, or it has a second one")
    return start, members


def _is_long(file: IO[bytes], size: int) -> bool:
    """True where a zip64 locator stands before the end record: it could name another directory."""
    file.seek(max(0, size - END.size - LOCATOR_SIZE))
    return file.read(4) == b"PK\x06\x07"


def _entry(file: IO[bytes], listing: Listing) -> Entry:
    listing.charge(HEADER)
    raw = file.read(ENTRY.size)
    if len(raw) < ENTRY.size or raw[:4] != b"PK\x01\x02":
        raise InvalidArchive("its directory cannot be read")
    _, _, _, flags, method, _, _, crc, packed, plain, name, extra, comment, disk, _, mode, offset = ENTRY.unpack(raw)
    if not 0 < name <= LONGEST_NAME:
        raise InvalidArchive(f"a member's name is empty or longer than {LONGEST_NAME} bytes")
    entry = Entry(offset, file.read(name), flags, method, crc, packed, plain)
    check_extra(file.read(extra), listing)
    file.seek(comment, 1)
    _check(entry, disk, stat.S_IFMT(mode >> 16))
    return entry


def _check(entry: Entry, disk: int, kind: int) -> None:
    if entry.flags & (ENCRYPTED | PATCHED | STRONG | HIDDEN):
        raise InvalidArchive(f"{entry.name!r} is encrypted")
    if entry.method not in (STORED, DEFLATED):
        raise InvalidArchive(f"{entry.name!r} is neither stored nor deflated")
    if kind not in ((0, stat.S_IFDIR) if entry.is_folder else (0, stat.S_IFREG)) or (entry.is_folder and entry.plain):
        raise InvalidArchive(f"{entry.name!r} is a link or no plain file")
    if disk or LONG in (entry.packed, entry.plain, entry.offset):
        raise InvalidArchive(f"{entry.name!r} is too large, or in another part")
    if not entry.flags & UNICODE_NAME and not entry.name.isascii():
        raise InvalidArchive(f"the name {entry.name!r} is not in UTF-8")
    try:
        entry.name.decode()
    except UnicodeDecodeError:
        raise InvalidArchive(f"the name {entry.name!r} is not in UTF-8") from None


def check_extra(extra: bytes, listing: Listing) -> bool:
    """Refuse broken extra fields and second names; True when there is a zip64 field."""
    found, start = False, 0
    while start < len(extra):
        listing.charge(RECORD)
        kind, length = struct.unpack_from("<HH", extra, start) if start + 4 <= len(extra) else (OTHER_NAME, 0)
        start += 4 + length
        if kind == OTHER_NAME or start > len(extra):
            raise InvalidArchive("an extra field is cut off or gives a second name")
        found = found or kind == ZIP64
    return found
