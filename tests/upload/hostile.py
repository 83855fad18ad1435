"""Archives that mean harm. Each is made here, small on the wire, and named for what it tries."""

import functools
import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator

import pytest

from tests.helpers.packages import metadata_of, sdist, sdist_name, wheel, wheel_name, zipped

INFO = "sample-1.0.dist-info"
MANDATORY = [
    (f"{INFO}/METADATA", metadata_of("sample", "1.0")),
    (f"{INFO}/WHEEL", b"Wheel-Version: 1.0\n"),
    (f"{INFO}/RECORD", b""),
]
BOMB = 300 * 2**20


def zip_bomb() -> bytes:
    """300 MiB of zeros in one member."""
    return zipped([*MANDATORY, ("sample/zeros", bytes(BOMB))])


def zip_bomb_that_lies() -> bytes:
    """The same, said to be one byte."""
    data = bytearray(zip_bomb())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = data.rfind(signature, 0, len(data))
        struct.pack_into("<L", data, place + offset, 1)
    return bytes(data)


def tar_bomb() -> bytes:
    """300 MiB of zeros in a tar, packed at once."""
    big = tarfile.TarInfo("sample-1.0/zeros")
    big.size = BOMB
    return sdist(extra=[big])


def gzip_without_end() -> bytes:
    """A tar cut off behind a gigantic promise: the header says 8 GiB follow."""
    member = tarfile.TarInfo("sample-1.0/big")
    member.size = 8 * 2**30 - 1
    return gzip.compress(member.tobuf(tarfile.GNU_FORMAT) + bytes(2**20))


def tar_with_a_huge_header() -> bytes:
    """A PAX header of 200 MiB, which a careless reader holds in memory."""
    header = tarfile.TarInfo("pax")
    header.type, header.size = b"x", 200 * 2**20
    return gzip.compress(header.tobuf(tarfile.USTAR_FORMAT) + bytes(header.size))


def many_members() -> bytes:
    """100,000 empty files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(100_000):
            archive.writestr(f"sample/{number}", b"")
    return buffer.getvalue()


def many_tar_members() -> bytes:
    """100,000 empty files in a tar."""
    one = [tarfile.TarInfo(f"sample-1.0/{number}").tobuf(tarfile.USTAR_FORMAT) for number in range(100_000)]
    return gzip.compress(b"".join(one) + bytes(1024), compresslevel=1)


def zip_named(name: str) -> Callable[[], bytes]:
    return lambda: zipped([*MANDATORY, (name, b"x")])


def tar_named(name: str) -> Callable[[], bytes]:
    return lambda: sdist(extra=[tarfile.TarInfo(name)])


def zip_link() -> bytes:
    """A symbolic link to /etc/passwd."""
    buffer = io.BytesIO(zipped(MANDATORY))
    with zipfile.ZipFile(buffer, "a") as archive:
        link = zipfile.ZipInfo("sample/link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return buffer.getvalue()


def tar_link(kind: bytes) -> Callable[[], bytes]:
    member = tarfile.TarInfo("sample-1.0/link")
    member.type, member.linkname = kind, "/etc/passwd"
    return lambda: sdist(extra=[member])


def duplicate_entries() -> bytes:
    """Two members of one name in the central directory."""
    return zipped([*MANDATORY, ("sample/a.py", b"good"), ("sample/b.py", b"evil")]).replace(
        b"sample/b.py", b"sample/a.py"
    )


def entries_that_share_bytes() -> bytes:
    """Two directory entries that point at one member (how small bombs become large)."""
    data = zipped([*MANDATORY, ("sample/a.py", b"good"), ("sample/b.py", b"good")])
    places = list(_central(data))
    raw = bytearray(data)
    raw[places[-1] + 42 : places[-1] + 46] = raw[places[-2] + 42 : places[-2] + 46]
    return bytes(raw)


def local_and_central_differ() -> bytes:
    """The member's own header has another name than the directory: two programs unpack two files."""
    data = zipped([*MANDATORY, ("sample/good.py", b"x")])
    return data.replace(b"sample/good.py", b"sample/evil.py", 1)


def hidden_member() -> bytes:
    """A member that only its own header knows, between the last one and the directory."""
    data = zipped(MANDATORY)
    start = next(_central(data))
    name, body = b"sample/evil.py", b"evil"
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 33, zlib.crc32(body), 4, 4, len(name), 0)
    extra = local + name + body
    raw = bytearray(data[:start] + extra + data[start:])
    struct.pack_into("<L", raw, len(raw) - 6, start + len(extra))
    return bytes(raw)


def second_directory() -> bytes:
    """A zip64 locator before the end record: programs that know zip64 would follow it elsewhere."""
    data = zipped(MANDATORY)
    raw = bytearray(data[:-22] + struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1) + data[-22:])
    struct.pack_into("<L", raw, len(raw) - 10, len(raw) - 22 - struct.unpack_from("<L", raw, len(raw) - 6)[0])
    return bytes(raw)


def zip_behind_tar() -> bytes:
    """A sdist with a zip behind it: one file, two archives."""
    return sdist() + wheel()


def tar_behind_zip() -> bytes:
    return wheel() + sdist()


def zip_with_a_program_before() -> bytes:
    return b"#!/bin/sh\nexec true\n" + wheel()


def _central(data: bytes) -> Iterator[int]:
    place = struct.unpack_from("<L", data, len(data) - 6)[0]
    while data[place : place + 4] == b"PK\x01\x02":
        yield place
        place += 46 + sum(struct.unpack_from("<3H", data, place + 28))


WHEELS: dict[str, Callable[[], bytes]] = {
    "zip bomb": zip_bomb,
    "zip bomb that lies": zip_bomb_that_lies,
    "100,000 members": many_members,
    "traversal": zip_named("sample/../../evil"),
    "absolute": zip_named("/etc/evil"),
    "drive letter": zip_named("C:evil"),
    "backslash": zip_named("sample\\..\\evil"),
    "folder": lambda: zipped([*MANDATORY, ("sample/../", b"")]),
    "symlink": zip_link,
    "duplicate entries": duplicate_entries,
    "shared bytes": entries_that_share_bytes,
    "local and central differ": local_and_central_differ,
    "hidden member": hidden_member,
    "second directory": second_directory,
    "tar behind zip": tar_behind_zip,
    "program before zip": zip_with_a_program_before,
    "no METADATA": lambda: wheel(leave_out="METADATA"),
    "no WHEEL": lambda: wheel(leave_out="WHEEL"),
    "no RECORD": lambda: wheel(leave_out="RECORD"),
    "a tar": sdist,
    "file is a folder": lambda: zipped([*MANDATORY, ("sample", b"x"), ("sample/a.py", b"x")]),
    "other name inside": lambda: wheel("other"),
    "truncated": lambda: wheel()[:-30],
    "empty": lambda: b"",
}
SDISTS: dict[str, Callable[[], bytes]] = {
    "tar bomb": tar_bomb,
    "no end": gzip_without_end,
    "huge header": tar_with_a_huge_header,
    "100,000 members": many_tar_members,
    "traversal": tar_named("sample-1.0/../../evil"),
    "absolute": tar_named("/etc/evil"),
    "two folders": tar_named("other/file"),
    "symlink": tar_link(tarfile.SYMTYPE),
    "hard link": tar_link(tarfile.LNKTYPE),
    "device": tar_link(tarfile.CHRTYPE),
    "sparse": tar_link(tarfile.GNUTYPE_SPARSE),
    "duplicate": tar_named("sample-1.0/sample.py"),
    "zip behind tar": zip_behind_tar,
    "a zip": wheel,
    "no PKG-INFO": lambda: gzip.compress(tarfile.TarInfo("sample-1.0/x").tobuf() + bytes(1024)),
    "plain tar": lambda: gzip.decompress(sdist()),
    "truncated": lambda: sdist()[:-20],
    "two gzips": lambda: sdist() + gzip.compress(b"more"),
}
CASES = [(f"wheel: {name}", wheel_name(), functools.cache(make)) for name, make in WHEELS.items()]
CASES += [(f"sdist: {name}", sdist_name(), functools.cache(make)) for name, make in SDISTS.items()]
each = pytest.mark.parametrize(
    ("filename", "make"),
    [
        pytest.param(filename, make, id=name, marks=[pytest.mark.thorough] * name.endswith("100,000 members"))
        for name, filename, make in CASES
    ],
)
