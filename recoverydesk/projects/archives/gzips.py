"""The bytes inside a gzip, in pieces."""

import zlib
from typing import IO

from recoverydesk.projects.archives.limits import CHUNK, InvalidArchive, Listing

GZIP = 16 + zlib.MAX_WBITS


class Expanded:
    """What a file of one gzip stream expands to, each byte counted. Nothing may lie behind the stream."""

    def __init__(self, file: IO[bytes], listing: Listing) -> None:
        self.file, self.listing = file, listing
        self.box, self.packed, self.plain = zlib.decompressobj(GZIP), b"", bytearray()

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, at most CHUNK. Raises InvalidArchive where there are fewer."""
        while len(self.plain) < size and self._more():
            pass
        if len(self.plain) < size:
            raise InvalidArchive("it is cut off")
        piece = bytes(self.plain[:size])
        del self.plain[:size]
        return piece

    def _more(self) -> bool:
        """Inflate another piece; False at the end."""
        if self.box.eof:
            return False
        self.packed = self.packed or self.file.read(CHUNK)
        try:
            piece = self.box.decompress(self.packed, CHUNK)
        except zlib.error as error:
            raise InvalidArchive("it is not a gzip file") from error
        ended = not self.packed and not piece
        self.packed = self.box.unconsumed_tail
        self.listing.count(len(piece))
        self.plain += piece
        return not ended

    def finish(self) -> None:
        """Read to the end, where only zeros may come, and nothing behind the gzip stream."""
        while self.plain.count(0) == len(self.plain):
            self.plain.clear()
            if not self._more():
                break
        if self.plain or not self.box.eof or self.box.unused_data or self.file.read(1):
            raise InvalidArchive("bytes lie behind its end")
