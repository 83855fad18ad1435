"""The headers of a tar that describe the next member: GNU's long names and PAX records."""

from recoverydesk.projects.archives.gzips import Expanded
from recoverydesk.projects.archives.limits import LONGEST_NAME, RECORD, InvalidArchive, Listing
from recoverydesk.projects.archives.tar_header import BLOCK, Header

MOST_NOTES = 2**16  # bytes of one header
LONG_NAME, LONG_LINK, NOTES, NOTES_FOR_ALL = b"L", b"K", b"x", b"g"
KINDS = (LONG_NAME, LONG_LINK, NOTES, NOTES_FOR_ALL)
NAMES_ANOTHER = {"path", "linkpath", "size"}


def read_note(expanded: Expanded, header: Header, listing: Listing) -> dict[str, str]:
    """Read one such header and return what it says of the next member. Raises InvalidArchive."""
    is_name = header.kind in (LONG_NAME, LONG_LINK)
    if header.size > (LONGEST_NAME + BLOCK if is_name else MOST_NOTES):
        raise InvalidArchive(f"a name is longer than {LONGEST_NAME} bytes" if is_name else "a header is too large")
    data = expanded.read(padded(header.size))[: header.size]
    if is_name:
        return {"path" if header.kind == LONG_NAME else "linkpath": _text(data.rstrip(b"\0"))}
    records = _records(data, listing)
    if any(key.startswith("GNU.sparse") for key in records):
        raise InvalidArchive("it holds sparse files")
    if header.kind == NOTES_FOR_ALL:
        if NAMES_ANOTHER & set(records):
            raise InvalidArchive("a global header names a path or size")
        return {}
    return records


def _records(data: bytes, listing: Listing) -> dict[str, str]:
    """Read PAX records: length, space, key, equals sign, value, newline."""
    found: dict[str, str] = {}
    start = 0
    while start < len(data):
        listing.charge(RECORD)
        space = data.find(b" ", start, start + 9)
        number = data[start:space] if space > start else b""
        end = start + int(number) if number.isdigit() else 0
        equals = data.find(b"=", space, end)
        if not (space < equals < end <= len(data) and data[end - 1 : end] == b"\n"):
            raise InvalidArchive("a PAX header cannot be read")
        key, value = _text(data[space + 1 : equals]), data[equals + 1 : end - 1]
        if key in found:
            raise InvalidArchive("a PAX header says the same twice")
        found[key] = _text(value, strict=key in NAMES_ANOTHER)
        start = end
    return found


def _text(data: bytes, *, strict: bool = True) -> str:
    try:
        return data.decode("utf-8", "strict" if strict else "replace")
    except UnicodeDecodeError:
        raise InvalidArchive("a name is not in UTF-8") from None


def padded(size: int) -> int:
    """Return how many bytes `size` bytes take in a tar."""
    return -(-size // BLOCK) * BLOCK
