"""Checkpoints: hashes of seals that have left the database, so that whoever rules it cannot take the tail back.

One line of JSON per round of sealing is appended to VAR_DIR/checkpoints.log and forced to disk; each can be checked
with the public key alone. Only then a row says so, so that a killed process never leaves a row without its line.
"""

import errno
import json
import os
import socket
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Max

from audit.chain import sealed_since, sealing, signing
from audit.models import Checkpoint, Seal

MODE = 0o600
TAIL = 2**16  # bytes that surely hold a whole line
NAMELESS = "nameless"  # a file whose first line somebody has spoilt


@dataclass(frozen=True)
class Line:
    """One checkpoint as a file has it. `closed` are the recovery tickets closed since the one before."""

    seal: int
    time: str
    hash: str
    key_id: str
    signature: str
    closed: tuple[int, ...] = ()


@dataclass(frozen=True)
class File:
    """What a checkpoint file says. `name` is its first line; lines that cannot be read are left out."""

    path: Path
    name: str
    lines: tuple[Line, ...]


def default_path() -> Path:
    """Where this machine keeps its checkpoints."""
    return Path(settings.VAR_DIR) / "checkpoints.log"


def place(path: Path) -> str:
    """This machine and the file, as checkpoint rows name them."""
    return f"{socket.gethostname()}:{path}"[:500]


def write(path: Path | None = None) -> bool:
    """Append the newest seal to the file unless it is its last line; True when a line was written."""
    path = path or default_path()
    head = sealing.last_seal()
    name = _name(path)
    last = Checkpoint.objects.filter(file=name).aggregate(last=Max("seal"))["last"] or 0
    if head is None or last >= head.number:
        return False
    _append(path, line_of(head, Seal.objects.filter(number=last).first()))
    Checkpoint.objects.create(seal=head.number, file=name, place=place(path))
    return True


def line_of(one: Seal, before: Seal | None = None) -> dict[str, Any]:
    """A seal as a checkpoint, with the tickets closed after `before`, which had left earlier."""
    return {
        "seal": one.number,
        "time": one.time.isoformat(timespec="microseconds"),
        "hash": sealing.hash_of(one),
        "key_id": one.key_id,
        "signature": one.signature,
        "closed": sealed_since.closed(before, one),
    }


def beyond_the_database() -> Line | None:
    """The last line of this machine's file when the database does not have its seal: it was restored, or cut."""
    path = default_path()
    lines = list(_lines(_tail(path))) if path.exists() else []
    if not lines:
        return None
    head = sealing.last_seal()  # asked after the file was read: a line is written after its seal
    line = lines[-1]
    is_ours = signing.is_signed(signing.trusted().get(line.key_id), line.hash, line.signature)
    return line if is_ours and line.seal > (head.number if head else 0) else None


def _tail(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        file.seek(-min(TAIL, path.stat().st_size), os.SEEK_END)
        for text in file.read().decode(errors="replace").splitlines():
            if (row := _parsed(text)) is not None:
                yield row


def read_checkpoints(path: Path) -> File:
    """Read a checkpoint file. Raises OSError."""
    with path.open(encoding="utf-8", errors="replace") as file:
        rows = [row for text in file if (row := _parsed(text)) is not None]
    names = [str(row["file"]) for row in rows if "file" in row]
    return File(path, names[0] if names else "", tuple(_lines(rows)))


def up_to(path: Path, last: int) -> Iterator[bytes]:
    """The lines of a file that are about no later seal than this one, as they stand there. Raises OSError."""
    with path.open("rb") as file:
        for text in file:
            row = _parsed(text.decode(errors="replace"))
            if row is not None and not (isinstance(row.get("seal"), int) and row["seal"] > last):
                yield text


def _lines(rows: Iterable[dict[str, Any]]) -> Iterator[Line]:
    for row in rows:
        if isinstance(row.get("seal"), int):
            time, sha, key_id, signature = (str(row.get(name)) for name in ("time", "hash", "key_id", "signature"))
            closed = row["closed"] if isinstance(row.get("closed"), list) else []
            tickets = tuple(number for number in closed if isinstance(number, int))
            yield Line(row["seal"], time, sha, key_id, signature, tickets)


def _parsed(text: str) -> dict[str, Any] | None:
    """A line, or None for one that is torn: the machine went down while it was written."""
    try:
        row = json.loads(text)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _name(path: Path) -> str:
    """The file's own name; a new file is begun with one."""
    if path.exists() and path.stat().st_size:
        return read_name(path) or NAMELESS
    name = uuid.uuid4().hex
    _append(path, {"file": name})
    return name


def read_name(path: Path) -> str:
    """The first line's name; empty when there is none."""
    with path.open(encoding="utf-8", errors="replace") as file:
        row = _parsed(file.readline())
    return str(row.get("file", "")) if row else ""


def _append(path: Path, row: dict[str, Any]) -> None:
    """One line, one write, on the disk when this returns; a torn line before it is ended first.

    Raises OSError, also when a disk that is nearly full took only a part.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, MODE)
    try:
        end = os.lseek(descriptor, 0, os.SEEK_END)
        torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
        line = (("\n" if torn else "") + json.dumps(row) + "\n").encode()
        if os.write(descriptor, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
