"""Unpacking what a host sends packed, never more at a time than we ask for: a gzip bomb stays small in memory."""

import zlib
from collections.abc import Iterable, Iterator

from common.transport.failures import Malformed


def unpacked(raw: Iterable[bytes], encoding: str, size: int) -> Iterator[bytes]:
    """Yield the body in pieces of at most `size` bytes when packed; raises Malformed for anything but clean gzip.

    An empty body is empty whatever its header says.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        yield from raw
    elif name in ("gzip", "x-gzip"):
        yield from _gunzipped(raw, size)
    elif any(raw):
        raise Malformed("its answer is packed in a way we did not ask for")


def _gunzipped(raw: Iterable[bytes], size: int) -> Iterator[bytes]:
    unpacker, began = zlib.decompressobj(zlib.MAX_WBITS | 16), False
    for packed in raw:
        began = began or bool(packed)
        while packed:
            if unpacker.eof:
                raise Malformed("its packed answer goes on after its end")
            yield unpacker.decompress(packed, size)
            packed = unpacker.unconsumed_tail or unpacker.unused_data
    while began and not unpacker.eof and (more := unpacker.decompress(b"", size)):
        yield more
    if began and not unpacker.eof:
        raise Malformed("its packed answer is damaged")
