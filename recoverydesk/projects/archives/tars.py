"""Reads a .tar.gz header by header, with bounds where Python's tarfile has none.

Plain files, folders, and links that stay inside: a device or sparse file has no place in a source distribution.
"""

import tarfile
from collections.abc import Callable
from typing import IO

from recoverydesk.projects.archives import tar_header, tar_notes
from recoverydesk.projects.archives.gzips import Expanded
from recoverydesk.projects.archives.limits import CHUNK, MOST_KEPT, InvalidArchive, Listing, check_name
from recoverydesk.projects.archives.tar_header import BLOCK, Header
from recoverydesk.projects.archives.tar_notes import padded

NOTHING = bytes(BLOCK)
PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)
LINKS = (tarfile.SYMTYPE, tarfile.LNKTYPE)


def read_tar(file: IO[bytes], size: int, wanted: Callable[[str], bool]) -> Listing:
    """List a .tar.gz of `size` bytes, keeping the bytes of the wanted files. Raises InvalidArchive."""
    file.seek(0)
    listing = Listing(wanted, size)
    expanded = Expanded(file, listing)
    notes: dict[str, str] = {}
    while header := _header(expanded, listing):
        if header.kind in tar_notes.KINDS:
            notes |= tar_notes.read_note(expanded, header, listing)
        else:
            _member(expanded, header, notes, listing)
            notes = {}
    if notes:
        raise InvalidArchive("it is cut off")
    expanded.finish()
    return listing.finish()


def _header(expanded: Expanded, listing: Listing) -> Header | None:
    """Read one header; None at the end, which two blocks of zeros mark."""
    block = expanded.read(BLOCK)
    if block != NOTHING:
        return tar_header.parse(block, listing)
    if expanded.read(BLOCK) != NOTHING:
        raise InvalidArchive("bytes lie behind its end")
    return None


def _member(expanded: Expanded, header: Header, notes: dict[str, str], listing: Listing) -> None:
    """Take one file, folder or link and read past its bytes, keeping them where they are wanted."""
    name, size = notes.get("path", header.name), _size(header, notes)
    is_folder = header.kind == tarfile.DIRTYPE
    if header.kind not in (*PLAIN, *LINKS, tarfile.DIRTYPE):
        raise InvalidArchive(f"{name!r} is no plain file")
    if header.kind == tarfile.AREGTYPE and name.endswith("/"):
        raise InvalidArchive(f"{name!r} is a folder of an old kind")
    if size and header.kind not in PLAIN:
        raise InvalidArchive(f"the {'folder' if is_folder else 'link'} {name!r} has bytes")
    if header.kind in LINKS:
        _link(name, notes.get("linkpath", header.target), listing, is_hard=header.kind == tarfile.LNKTYPE)
    else:
        _take(expanded, listing.enter(name, is_folder=is_folder), size, listing, is_folder=is_folder)


def _link(name: str, to: str, listing: Listing, *, is_hard: bool) -> None:
    """Take a link that leads to something inside; nobody follows it here."""
    target = to if is_hard else _inside(name, to)
    if is_hard and (target not in listing.files or target in listing.links):
        raise InvalidArchive(f"the hard link {name!r} does not lead to a file before it")
    if not target:
        raise InvalidArchive(f"the link {name!r} leads out of the archive's folder, or by a way of two readings")
    listing.enter_link(name, target)


def _inside(name: str, to: str) -> str:
    """Return the path a symbolic link leads to; "" where it leaves the archive's only folder or climbs on its way.

    After a step down there is none up: what `..` means behind another link, only a file system knows.
    """
    parts = [part for part in to.removesuffix("/").split("/") if part != "."]
    folder = name.split("/")[:-1]
    while parts[:1] == [".."]:
        parts, folder = parts[1:], folder[:-1]
    if not folder or ".." in parts or "" in parts:
        return ""
    for path in (parts, [*folder, *parts]):
        check_name("/".join(path) or ".x")
    return "/".join([*folder, *parts])


def _take(expanded: Expanded, name: str, size: int, listing: Listing, *, is_folder: bool) -> None:
    kept = bytearray() if not is_folder and listing.wanted(name) else None
    if kept is not None and size > MOST_KEPT:
        raise InvalidArchive(f"{name!r} is too large")
    left = padded(size)
    while left:
        piece = expanded.read(min(left, CHUNK))
        left -= len(piece)
        if kept is not None:
            kept += piece
    if kept is not None:
        listing.kept[name] = bytes(kept[:size])


def _size(header: Header, notes: dict[str, str]) -> int:
    """Return a member's size: the PAX record's where there is one."""
    text = notes.get("size", str(header.size))
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise InvalidArchive("a member's size cannot be read")
    return int(text)
