"""Bytes on their way into Django's default storage: whole or not at all, and each file once."""

import contextlib
import hashlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile

from recoverydesk.database.trouble import UNSURE

METADATA = ".metadata"  # what PEP 658 adds to a wheel's name
STALE = 24 * 3600  # seconds after which a file on its way in belongs to nobody


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class Incoming(UploadedFile):  # type: ignore[type-arg]  # not generic when it runs
    """A file that arrives piece by piece, hashed on the way, beside the storage so that one rename puts it there."""

    def __init__(self, name: str, content_type: str = "application/octet-stream") -> None:
        folder = Path(settings.MEDIA_ROOT) / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        _clear(folder)
        file = tempfile.NamedTemporaryFile(suffix=".upload", dir=folder)  # noqa: SIM115 - closed with this object
        super().__init__(file, name, content_type, 0)
        self.bytes: IO[bytes] = file.file
        self.path = file.name
        self.delete = file.close
        self.length = 0
        self.hashes: dict[str, _Digest] = {
            "md5": hashlib.md5(usedforsecurity=False),
            "sha256": hashlib.sha256(),
            "blake2_256": hashlib.blake2b(digest_size=32),
        }

    def take(self, piece: bytes) -> None:
        """Write and hash the next piece."""
        self.bytes.write(piece)
        self.length += len(piece)
        for digest in self.hashes.values():
            digest.update(piece)

    def whole(self) -> "Incoming":
        """Say that nothing follows."""
        self.bytes.flush()
        self.bytes.seek(0)
        self.size = self.length
        return self

    def digest(self, kind: str) -> str:
        """Return a digest in hexadecimal: md5, sha256 or blake2_256."""
        return self.hashes[kind].hexdigest()

    def temporary_file_path(self) -> str:
        """Where the bytes are now; Django's file storage moves them from there."""
        return self.path

    def close(self) -> None:
        """Delete what nobody kept; what a full disk did not take is not written now either."""
        with contextlib.suppress(OSError):
            self.delete()


def _clear(folder: Path) -> None:
    """Delete what killed uploads left behind."""
    for path in folder.glob("*.upload"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - STALE:
                path.unlink()


def stored_name(filename: str, sha256: str) -> str:
    """Return where a file lives in the storage: a name that only these bytes can have."""
    return f"dist/{sha256[:2]}/{sha256[2:4]}/{sha256}/{filename}"


def keep(content: Incoming, metadata: bytes = b"") -> list[str]:
    """Put a file into the storage, a wheel's metadata beside it, and return the names that are new there.

    What an upload killed between storing and recording left is used if it is whole, by its digest.
    """
    return keep_as(stored_name(str(content.name), content.digest("sha256")), content, metadata)


def keep_as(name: str, content: Incoming, metadata: bytes = b"") -> list[str]:
    """The same in a place that the caller names."""
    sha256 = hashlib.sha256(metadata).hexdigest()
    metadata_names = _put(name + METADATA, ContentFile(metadata), sha256) if metadata else []
    return [*metadata_names, *_put(name, content, content.digest("sha256"))]


def _put(name: str, content: File[Any], sha256: str) -> list[str]:
    """What lies there already is used if it is these bytes, and else replaced."""
    if default_storage.exists(name):
        if _stored_sha256(name) == sha256:
            return []
        default_storage.delete(name)
    return [default_storage.save(name, content)]


def _stored_sha256(name: str) -> str:
    with default_storage.open(name) as stored:
        digest = hashlib.sha256()
        while piece := stored.read(2**16):
            digest.update(piece)
    return digest.hexdigest()


@contextlib.contextmanager
def undone() -> Iterator[list[str]]:
    """Delete the files put into the storage when the transaction inside does not commit.

    A line that breaks at COMMIT leaves open whether it did: the file stays, for its row or for the next try.
    """
    made: list[str] = []
    try:
        yield made
    except UNSURE:
        raise
    except BaseException:
        for name in made:
            default_storage.delete(name)
        raise


def copy(path: Path) -> Incoming:
    """Take a file of this machine in. Raises OSError."""
    with path.open("rb") as file:
        return _taken(path.name, file)


def copy_stored(stored_as: str, filename: str) -> Incoming:
    """Take a file of the storage in, so that nothing changes it while it is hashed. Raises OSError."""
    with default_storage.open(stored_as) as file:
        return _taken(filename, file)


def _taken(name: str, file: IO[Any] | File[Any]) -> Incoming:
    incoming = Incoming(name)
    while piece := file.read(2**16):
        incoming.take(piece)
    return incoming.whole()
