"""What reading an archive may cost: bounded by its size, counted, and enough for the largest real ones."""

import io
import sys
import tarfile
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.metadata import parse_email

from accounts.models import User
from recoverydesk.projects.archives import declared, distribution, limits, metadata, tar_header
from recoverydesk.projects.archives.limits import InvalidArchive, Listing
from recoverydesk.projects.importing import import_file
from recoverydesk.projects.models import File
from tests.helpers.packages import Send, metadata_of, sdist_name, wheel_name
from tests.helpers.packages import zipped as deflated
from tests.upload import expensive, hostile
from tests.upload.expensive import header, notes, packed, zipped

SMALL_WORK = 2 * 10**7  # a twenty-fifth of what small archives may cost
MOST_CALLS = 250_000  # of Python functions and C functions, for that much; it takes 30 ms
INFO = header("sample-1.0/PKG-INFO", size=len(metadata_of("sample", "1.0"))) + metadata_of("sample", "1.0").ljust(
    512, b"\0"
)


def look(filename: str, data: bytes) -> distribution.Contents:
    contents = distribution.inspect(io.BytesIO(data), len(data), distribution.parse(filename))
    declared.check_declared(contents)
    return contents


def problem_of(filename: str, data: bytes) -> str:
    try:
        look(filename, data)
    except InvalidArchive as error:
        return str(error)
    return ""


def calls_of(run: Callable[[], object]) -> int:
    """How many functions a call calls."""
    number = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return number


EXPENSIVE = [(name, filename, lambda make=make: make(3_000)) for name, filename, make in expensive.CASES]


@pytest.mark.parametrize(("name", "filename", "make"), EXPENSIVE, ids=[case[0] for case in EXPENSIVE])
def test_an_archive_that_costs_too_much_is_refused_early(
    name: str, filename: str, make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FREE_WORK", SMALL_WORK)
    monkeypatch.setattr(limits, "RATIO", 0)
    data = make()
    assert calls_of(lambda: problem_of(filename, data)) < MOST_CALLS
    if "metadata in parts" not in name:  # what is in its parts is only text
        assert problem_of(filename, data)


@hostile.each
def test_no_hostile_archive_costs_more(
    filename: str, make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FREE_WORK", SMALL_WORK)
    monkeypatch.setattr(limits, "RATIO", 0)
    data = make()
    assert calls_of(lambda: problem_of(filename, data)) < MOST_CALLS


def test_work_grows_with_the_packed_size_and_not_beyond() -> None:
    for size, most in ((1, 500 * 10**6), (10 * 10**6, 500 * 10**6), (40 * 10**6, 2_000 * 10**6)):
        listing = Listing(lambda _name: False, size)
        listing.charge(most)
        with pytest.raises(InvalidArchive, match="too much work"):
            listing.charge(1)


# Large and right ------------------------------------------------------------------------------------------------------


def large_wheel(members: int = 16_000) -> bytes:
    info = "sample-1.0.dist-info"
    described = [(f"{info}/METADATA", metadata_of("sample", "1.0")), (f"{info}/WHEEL", b"x"), (f"{info}/RECORD", b"x")]
    return deflated(
        [*((f"sample/validators/{number}/__init__.py", b"x = 1\n") for number in range(members)), *described]
    )


def large_sdist() -> bytes:
    return packed(expensive.as_plotly(17_000))


@pytest.mark.parametrize(("filename", "make"), [(wheel_name(), large_wheel), (sdist_name(), large_sdist)])
@pytest.mark.thorough
def test_real_packages_have_17000_members_and_are_published_and_imported(
    send: Send, ada: User, tmp_path: Path, filename: str, make: Callable[[], bytes]
) -> None:
    data = make()
    assert send(filename, data).status_code == 200
    File.objects.all().delete()
    path = tmp_path / filename
    path.write_bytes(data)
    import_file(path, owner=ada, uploaded_at=datetime(2024, 5, 1, tzinfo=UTC))
    assert File.objects.get().size == len(data)


# Links ----------------------------------------------------------------------------------------------------------------


def linked(name: str, target: str, kind: bytes = tarfile.SYMTYPE, *, more: bytes = b"", size: int = 0) -> bytes:
    """An sdist with a folder, a file in it, and one link."""
    link = tarfile.TarInfo(f"sample-1.0/{name}")
    link.type, link.linkname, link.size = kind, target, size
    block = link.tobuf(tarfile.PAX_FORMAT)
    return packed([INFO, header("sample-1.0/a/b", tarfile.DIRTYPE), header("sample-1.0/a/c.css"), block, more])


@pytest.mark.parametrize(
    ("name", "target", "kind"),
    [
        ("a/b/link.css", "../c.css", tarfile.SYMTYPE),
        ("link", "a", tarfile.SYMTYPE),
        ("link", "./a/b/", tarfile.SYMTYPE),
        ("a/b/link", "../..", tarfile.SYMTYPE),
        ("a/link", "nothing/here", tarfile.SYMTYPE),
        ("a/link", "...", tarfile.SYMTYPE),
        ("link", "sample-1.0/a/c.css", tarfile.LNKTYPE),
    ],
)
def test_a_link_that_stays_inside_is_taken_and_not_followed(
    send: Send, ada: User, tmp_path: Path, name: str, target: str, kind: bytes
) -> None:
    data = linked(name, target, kind)
    assert f"sample-1.0/{name}" in look(sdist_name(), data).files
    assert send(sdist_name(), data).status_code == 200


@pytest.mark.parametrize(
    ("name", "target", "kind"),
    [
        ("link", "/etc/passwd", tarfile.SYMTYPE), ("link", "..", tarfile.SYMTYPE), ("link", "../x", tarfile.SYMTYPE),
        ("a/link", "../../x", tarfile.SYMTYPE), ("a/b/link", "../../../sample-1.0/a", tarfile.SYMTYPE),
        ("link", "a/../../x", tarfile.SYMTYPE), ("link", "a/../a", tarfile.SYMTYPE), ("link", "", tarfile.SYMTYPE),
        ("link", "a//b", tarfile.SYMTYPE), ("link", "a\\b", tarfile.SYMTYPE), ("link", "C:x", tarfile.SYMTYPE),
        ("link", "a\u202e", tarfile.SYMTYPE), ("link", "a/" + "x" * 1_024, tarfile.SYMTYPE),
        ("link", "link/x", tarfile.SYMTYPE), ("../link", "sample-1.0/a", tarfile.SYMTYPE),
        ("link", "sample-1.0/later", tarfile.LNKTYPE), ("link", "/etc/passwd", tarfile.LNKTYPE),
        ("link", "a/c.css", tarfile.LNKTYPE), ("link", "sample-1.0/a/b", tarfile.LNKTYPE),
        ("link", "sample-1.0/a/../a/c.css", tarfile.LNKTYPE), ("link", "", tarfile.LNKTYPE),
    ],
    ids=ascii,
)  # fmt: skip
def test_a_link_that_leads_outside_or_nowhere_known_is_refused(name: str, target: str, kind: bytes) -> None:
    assert problem_of(sdist_name(), linked(name, target, kind))


def test_nothing_lies_beneath_a_link_and_no_link_leads_through_another() -> None:
    up = notes(("linkpath", "../x")) + header("sample-1.0/a/b/up", tarfile.SYMTYPE)
    through = notes(("linkpath", "a/b/up/secret")) + header("sample-1.0/other", tarfile.SYMTYPE)
    for more in (header("sample-1.0/link/file"), header("sample-1.0/link", tarfile.DIRTYPE), up + through):
        assert problem_of(sdist_name(), linked("link", "a", more=more))
    assert problem_of(sdist_name(), linked("PKG-INFO.txt", "PKG-INFO", size=512))
    assert "twice" in problem_of(sdist_name(), linked("PKG-INFO", "a/c.css"))
    alone = packed([header("sample-1.0/x"), notes(("linkpath", "x")) + header("sample-1.0/PKG-INFO", tarfile.SYMTYPE)])
    assert problem_of(sdist_name(), alone) == "sample-1.0/PKG-INFO is missing"


# Names and headers ----------------------------------------------------------------------------------------------------


def named(name: str) -> list[tuple[str, bytes]]:
    """The same name in a zip, in a PAX header, and in GNU's header for long names."""
    raw = name.encode()
    gnu = header("name", b"L", len(raw) + 1) + raw + bytes(-len(raw) % 512 or 512)
    return [
        (wheel_name(), zipped([name])),
        (sdist_name(), packed([INFO, notes(("path", name)), header("x")])),
        (sdist_name(), packed([INFO, gnu, header("x")])),
    ]


def test_a_name_has_1024_bytes_whatever_its_letters() -> None:
    longest = "sample-1.0/" + "é" * 506 + "a"
    assert len(longest.encode()) == 1_024
    for filename, data in named(longest):
        assert "1024 bytes" not in problem_of(filename, data)
    for filename, data in named(longest + "a" * 12):
        assert "longer than 1024 bytes" in problem_of(filename, data)


def test_every_letter_nobody_sees_is_refused_in_a_name() -> None:
    unseen = [letter for letter in map(chr, range(0x20000)) if unicodedata.category(letter) in ("Cc", "Cf", "Cs")]
    for letter in [*unseen, "\U000e0001", "\U000e007f"]:
        with pytest.raises(InvalidArchive):
            limits.check_name(f"a{letter}b")
    limits.check_name("sample/ünder-score/日本\u00a0.py")


FIELD = st.binary(max_size=8) | st.from_regex(rb" {0,2}[0-7]{0,7}[ \0]{0,3}", fullmatch=True)


@given(
    st.lists(FIELD, min_size=8, max_size=8),
    st.binary(max_size=100),
    st.sampled_from(b"05123xgLKS\0"),
    st.binary(max_size=155),
)
def test_a_header_says_to_us_what_it_says_to_pythons_own_reader(
    fields: list[bytes], name: bytes, kind: int, prefix: bytes
) -> None:
    block = bytearray(header("x"))
    for place, size, data in zip((100, 108, 116, 124, 136, 329, 337), (8, 8, 8, 12, 12, 8, 8), fields, strict=False):
        block[place : place + size] = data[:size].ljust(size, b"\0")
    block[0:100], block[156], block[345:500] = name.ljust(100, b"\0"), kind, prefix.ljust(155, b"\0")
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + sum(block[156:]) + 256)
    if ours := tar_header.plain(bytes(block)):
        theirs = tarfile.TarInfo.frombuf(bytes(block), "utf-8", "surrogateescape")
        assert ours == (theirs.name, theirs.type, theirs.size, theirs.linkname)


LINE = ["Name: a", "Version: 1", "Summary: ü", " more", "\tmore", "no field", "", "Home-page:", "K e: y", "x:"]


@given(st.lists(st.sampled_from(LINE), min_size=1, max_size=9), st.sampled_from(["\n", "\r\n", "\r"]))
def test_metadata_says_to_us_what_it_says_to_packaging(lines: list[str], end: str) -> None:
    data = end.join(["Metadata-Version: 2.1", *lines]).encode()
    ours, theirs = dict(metadata.read_metadata(data)[0]), dict(parse_email(data)[0])
    for raw in (ours, theirs):
        raw["description"] = str(raw.get("description", "")).split()
    assert ours == theirs
