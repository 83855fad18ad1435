"""Reads a zip so strictly that no two programs can see two different archives in it.

Members stand one after the other from the first byte to the central directory, which tells the same of each as its
own header; after the directory's end record comes nothing. No encryption, links, comments at the end or formats
beyond 4 GiB.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO

from recoverydesk.projects.archives.limits import CHUNK, MOST_KEPT, MOST_MEMBERS, InvalidArchive, Listing

END = struct.Struct("<4s4H2LH")
LOCAL = struct.Struct("<4s5H3L2H")
LOCATOR_SIZE = 20
MOST_DIRECTORY = 4 * 2**20
ENCRYPTED, DESCRIPTOR, PATCHED, STRONG, HIDDEN = 0x1, 0x8, 0x20, 0x40, 0x2000
UNICODE_NAME = 0x800
OTHER_NAME = 0x7075  # an extra field that gives a member a second name
ZIP64 = 0x0001


def read(file: IO[bytes], size: int, wanted: Callable[[str], bool]) -> Listing:
    """List a zip of `size` bytes, expanding every member; keep the bytes of the wanted ones. Raises InvalidArchive."""
    start = _directory_start(file, size)
    listing = Listing(wanted, size)
    position = 0
    for info in _members(file):
        if info.header_offset != position:
            raise InvalidArchive("bytes lie between its members, or members overlap")
        name = listing.enter(info.filename, is_folder=info.is_dir())
        position = _expand(file, info, _data_start(file, info), listing, name)
    if position != start:
        raise InvalidArchive("bytes lie between its members and its directory")
    return listing.finish()


def _directory_start(file: IO[bytes], size: int) -> int:
    """Check the end record, before anything is read by its word, and return where the central directory begins."""
    if size < END.size:
        raise InvalidArchive("it is not a zip")
    file.seek(size - END.size)
    magic, disk, first_disk, here, members, length, start, comment = END.unpack(file.read(END.size))
    file.seek(0)
    if magic != b"PK\x05\x06" or comment or file.read(4) != b"PK\x03\x04":
        raise InvalidArchive("it is not a zip, or something stands before or behind it")
    if disk or first_disk or here != members or members > MOST_MEMBERS or length > MOST_DIRECTORY:
        raise InvalidArchive(f"it has more than {MOST_MEMBERS} members or several parts")
    if start + length + END.size != size or _is_long(file, size):
        raise InvalidArchive("its directory is not where it says, or it has a second one")
    return int(start)


def _is_long(file: IO[bytes], size: int) -> bool:
    """True where a zip64 locator stands before the end record: it could name another directory."""
    file.seek(max(0, size - END.size - LOCATOR_SIZE))
    return file.read(4) == b"PK\x06\x07"


def _members(file: IO[bytes]) -> list[zipfile.ZipInfo]:
    """Return what the central directory tells, in the order of the bytes."""
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, OverflowError) as error:
        raise InvalidArchive(f"its directory cannot be read ({error})") from None
    for info in infos:
        _check(info)
    return sorted(infos, key=lambda info: info.header_offset)


def _check(info: zipfile.ZipInfo) -> None:
    if info.orig_filename != info.filename:
        raise InvalidArchive(f"the name {info.orig_filename!r} is cut or changed")
    if info.flag_bits & (ENCRYPTED | PATCHED | STRONG | HIDDEN):
        raise InvalidArchive(f"{info.filename!r} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InvalidArchive(f"{info.filename!r} is neither stored nor deflated")
    kind = stat.S_IFMT(info.external_attr >> 16)
    fitting = (0, stat.S_IFDIR) if info.is_dir() else (0, stat.S_IFREG)
    if kind not in fitting or (info.is_dir() and info.file_size):
        raise InvalidArchive(f"{info.filename!r} is a link or no plain file")
    if info.volume or not info.flag_bits & UNICODE_NAME and not info.filename.isascii():
        raise InvalidArchive(f"the name {info.filename!r} is not in UTF-8")
    _check_extra(info.extra)


def _check_extra(extra: bytes) -> bool:
    """Refuse broken extra fields and second names; True when there is a zip64 field."""
    found = False
    while extra:
        if len(extra) < 4:
            raise InvalidArchive("an extra field is cut off")
        kind, length = struct.unpack_from("<HH", extra)
        if kind == OTHER_NAME or 4 + length > len(extra):
            raise InvalidArchive("an extra field is cut off or gives a second name")
        found, extra = found or kind == ZIP64, extra[4 + length :]
    return found


def _data_start(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Check that a member's own header says what the directory says; return where its data begins."""
    file.seek(info.header_offset)
    header = file.read(LOCAL.size)
    if len(header) < LOCAL.size:
        raise InvalidArchive(f"{info.filename!r} is cut off")
    magic, _version, flags, method, _time, _date, crc, packed, plain, name_length, extra_length = LOCAL.unpack(header)
    name = file.read(name_length)
    is_long = _check_extra(file.read(extra_length))
    encoding = "utf-8" if flags & UNICODE_NAME else "cp437"
    same = (flags, method) == (info.flag_bits, info.compress_type) and name == info.filename.encode(encoding, "replace")
    if magic != b"PK\x03\x04" or not same:
        raise InvalidArchive(f"the header of {info.filename!r} and the directory differ")
    facts = (info.CRC, info.compress_size, info.file_size)
    later = flags & DESCRIPTOR and (crc, packed, plain) in ((0, 0, 0), (0, 2**32 - 1, 2**32 - 1))
    long = is_long and (crc, packed, plain) == (info.CRC, 2**32 - 1, 2**32 - 1)
    if (crc, packed, plain) != facts and not later and not long:
        raise InvalidArchive(f"the sizes of {info.filename!r} and the directory's differ")
    return int(info.header_offset + LOCAL.size + name_length + extra_length)


def _expand(file: IO[bytes], info: zipfile.ZipInfo, start: int, listing: Listing, name: str) -> int:
    """Expand one member to its end, check size and CRC; return where the next member begins."""
    kept = bytearray() if not info.is_dir() and listing.wanted(name) else None
    size, crc = 0, 0
    file.seek(start)
    for chunk in _inflated(file, info):
        listing.count(len(chunk))
        size, crc = size + len(chunk), zlib.crc32(chunk, crc)
        if kept is not None:
            kept += chunk
            if len(kept) > MOST_KEPT:
                raise InvalidArchive(f"{name!r} is too large")
    if (size, crc) != (info.file_size, info.CRC):
        raise InvalidArchive(f"{name!r} is not what the directory says")
    if kept is not None:
        listing.kept[name] = bytes(kept)
    return _after_descriptor(file, info, start + info.compress_size)


def _inflated(file: IO[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    left, box = info.compress_size, zlib.decompressobj(-zlib.MAX_WBITS)
    stored = info.compress_type == zipfile.ZIP_STORED
    while left and (data := file.read(min(left, CHUNK))):
        left -= len(data)
        if stored:
            yield data
        else:
            yield from _pieces(box, data, info.filename)
    if left or (not stored and not box.eof):
        raise InvalidArchive(f"{info.filename!r} is cut off")


def _pieces(box: "zlib._Decompress", data: bytes, name: str) -> Iterator[bytes]:
    """Inflate one packed chunk in pieces that fit in memory, whatever it expands to."""
    try:
        while data:
            yield box.decompress(data, CHUNK)
            data = box.unconsumed_tail
    except zlib.error as error:
        raise InvalidArchive(f"{name!r} cannot be expanded") from error
    if box.unused_data:
        raise InvalidArchive(f"{name!r} has bytes behind its end")


def _after_descriptor(file: IO[bytes], info: zipfile.ZipInfo, end: int) -> int:
    """Return where the bytes of a member end: behind its data descriptor, where its header promised one."""
    if not info.flag_bits & DESCRIPTOR:
        return end
    file.seek(end)
    raw = file.read(24)
    for layout in ("<4sLLL", "<4sLQQ", "<LLL", "<LQQ"):
        size = struct.calcsize(layout)
        facts = struct.unpack_from(layout, raw) if len(raw) >= size else ()
        if facts[-3:] == (info.CRC, info.compress_size, info.file_size) and (
            len(facts) == 3 or facts[0] == b"PK\x07\x08"
        ):
            return end + size
    raise InvalidArchive(f"the data descriptor of {info.filename!r} and the directory differ")
