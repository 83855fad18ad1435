"""Archives that cost more to read than they are worth: each of `n` small parts, tiny on the wire."""

import gzip
import io
import struct
import tarfile
from collections.abc import Callable, Iterable, Iterator

from tests.helpers.packages import metadata_of, sdist_name, wheel, wheel_name

DEEP = "/".join("a" * 500)


def header(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0) -> bytes:
    """One block of a tar."""
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    return member.tobuf(tarfile.USTAR_FORMAT)


def notes(*records: tuple[str, str]) -> bytes:
    """A PAX header of these records."""
    data = b"".join(record(*one) for one in records)
    return header("notes", b"x", len(data)) + data + bytes(-len(data) % 512)


def record(key: str, value: str) -> bytes:
    """One PAX record, which begins with its own length."""
    rest = f" {key}={value}\n".encode()
    length = len(rest) + 1
    while length != len(str(length)) + len(rest):
        length += 1
    return str(length).encode() + rest


def packed(parts: Iterable[bytes]) -> bytes:
    """A .tar.gz of these blocks."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file:
        file.writelines(parts)
        file.write(bytes(1024))
    return buffer.getvalue()


def many_notes(n: int) -> bytes:
    """Headers that describe a member, and no member."""
    return packed([notes(("mtime", "12"))] * n)


def many_records(n: int) -> bytes:
    """The same, each as full of small records as it may be."""
    return packed([notes(*((f"{number:x}", "") for number in range(6000)))] * (n // 100))


def many_global_notes(n: int) -> bytes:
    data = record("comment", "x")
    return packed([header("notes", b"g", len(data)) + data + bytes(-len(data) % 512)] * n)


def many_long_names(n: int) -> bytes:
    """GNU's headers for long names, each replacing the one before."""
    return packed([header("name", b"L", 100) + b"a" * 100 + bytes(412)] * n)


def many_members(n: int) -> bytes:
    return packed(header(f"sample-1.0/{number}") for number in range(n))


def odd_members(n: int) -> bytes:
    """Members whose headers only the slow reader knows: a number in base 256."""
    return packed(_odd(f"sample-1.0/{number}") for number in range(n))


def _odd(name: str) -> bytes:
    block = bytearray(header(name))
    block[108:116] = b"\x80" + bytes(7)
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + sum(block[156:]) + 256)
    return bytes(block)


def deep_members(n: int) -> bytes:
    """Members 500 folders deep."""
    return packed(notes(("path", f"sample-1.0/{number}/{DEEP}")) + header("x") for number in range(n))


def deep_links(n: int) -> bytes:
    """Links that lead 500 folders down."""
    linked = (notes(("linkpath", f"{number}/{DEEP}")) + header(f"sample-1.0/{number}.l", b"2") for number in range(n))
    return packed(linked)


def zipped(names: Iterable[str], extra: bytes = b"") -> bytes:
    """A zip of empty members, each with this extra field in its header and in the directory."""
    body, directory = bytearray(), bytearray()
    for name in names:
        raw, offset = name.encode(), len(body)
        body += struct.pack("<4s5H3L2H", b"PK\3\4", 20, *(0,) * 3, 33, *(0,) * 3, len(raw), len(extra)) + raw + extra
        entry = (b"PK\1\2", 20, 20, *(0,) * 3, 33, *(0,) * 3, len(raw), len(extra), *(0,) * 4, offset)
        directory += struct.pack("<4s6H3L5H2L", *entry) + raw + extra
    count = directory.count(b"PK\1\2")
    return bytes(
        body + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    )


def zip_of(name: Callable[[int], str], extra: bytes = b"", per: int = 1) -> Callable[[int], bytes]:
    return lambda n: zipped(map(name, range(min(n // per, 65_000))), extra)


def described(more: bytes, body: bytes = b"") -> bytes:
    """A wheel whose METADATA has these lines, too."""
    return wheel(metadata=metadata_of("sample", "1.0").partition(b"\n\n")[0] + b"\n" + more + b"\n\n" + body)


def parts_in_parts(n: int) -> bytes:
    """Metadata that is a mail of parts, in parts, in parts, each line of which is held against every border."""
    kind = "Content-Type: multipart/mixed; boundary="
    borders = ("x" * number for number in range(1, 150))
    return described(f"{kind}x".encode(), b"".join(_part(kind, border) for border in borders) + b"y\n" * (n * 10))


def _part(kind: str, border: str) -> bytes:
    return f"--{border}\n{kind}{border}x\n\n".encode()


def entry_points(n: int) -> bytes:
    return wheel(also={"entry_points.txt": b"[x]\n" + b"".join(b"%d = a\n" % number for number in range(n * 30))})


SDISTS: dict[str, Callable[[int], bytes]] = {
    "PAX headers": many_notes,
    "PAX records": many_records,
    "global headers": many_global_notes,
    "long names": many_long_names,
    "members": many_members,
    "odd members": odd_members,
    "deep members": deep_members,
    "deep links": deep_links,
}
WHEELS: dict[str, Callable[[int], bytes]] = {
    "members": zip_of("sample/{}".format),
    "deep members": zip_of(lambda number: f"sample/{number}/{DEEP}"),
    "extra fields": zip_of("sample/{}".format, bytes.fromhex("feca0000") * 16_000, per=400),
    "metadata fields": lambda n: described(b"".join(b"A%d: x\n" % number for number in range(n))),
    "folded metadata": lambda n: described(b"Description: x" + b"\n y" * (n * 200)),
    "metadata in parts": parts_in_parts,
    "entry points": entry_points,
}
CASES = [(f"sdist: {name}", sdist_name(), make) for name, make in SDISTS.items()]
CASES += [(f"wheel: {name}", wheel_name(), make) for name, make in WHEELS.items()]


def as_plotly(n: int) -> Iterator[bytes]:
    """The blocks of a right sdist of `n` small modules, each with a PAX header, as setuptools writes them."""
    for number in range(n):
        path, body = f"sample-1.0/sample/validators/scatter/{number}/__init__.py", b"x = 1\n"
        yield notes(("mtime", "1726152137.0")) + header(path, size=len(body)) + body + bytes(506)
    described = metadata_of("sample", "1.0")
    yield header("sample-1.0/PKG-INFO", size=len(described)) + described + bytes(-len(described) % 512)
