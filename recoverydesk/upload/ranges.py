"""Which bytes of a file does a request ask for? (RFC 9110, section 14)"""

import re
from dataclasses import dataclass

from django.http import HttpRequest

ONE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.IGNORECASE | re.ASCII)


class NotThere(Exception):
    """The file has no byte of what was asked for: 416."""


@dataclass(frozen=True)
class Part:
    """The bytes from `start`, `length` of them."""

    start: int
    length: int

    def content_range(self, size: int) -> str:
        """What the header Content-Range says of a file of `size` bytes."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def asked(request: HttpRequest, size: int, etag: str) -> Part | None:
    """Return the one part a GET asks for; None where the whole file is the answer. Raises NotThere.

    Several parts at once, another unit and nonsense are no reason to refuse: whoever asks so gets the whole. The same
    holds for a part of a file that is not the one of `If-Range`; a date is none, for our files have only an ETag.
    """
    found = ONE.fullmatch(request.headers.get("Range", ""))
    if request.method != "GET" or not found or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = found.groups()
    if not first:
        return _end(int(last), size) if last else None
    start, stop = int(first), min(int(last) + 1 if last else size, size)
    if last and int(last) < start:
        return None
    if start >= size:
        raise NotThere
    return Part(start, stop - start)


def _end(length: int, size: int) -> Part:
    """The last bytes, as many as there are."""
    if not length or not size:
        raise NotThere
    return Part(max(0, size - length), min(length, size))
