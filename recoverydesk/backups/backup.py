"""A backup that verifies: one moment of the database, and what of VAR_DIR goes with that moment.

Files uploaded before the moment are still there, under names that only their bytes can have; checkpoints are copied up
to the last seal the moment knows. The keys stay out: whoever finds a backup cannot open what is sealed in it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.utils.translation import gettext as _

from audit.chain import checkpoints, sealing, signing, snapshot
from audit.models import Seal
from common import keys
from common.clock import database_now
from recoverydesk.backups import dump
from recoverydesk.projects.files import METADATA
from recoverydesk.projects.models import File

MODE = 0o600
PIECE = 2**20
Follow = Callable[[str, int, int], None]


class NotBackedUp(Exception):
    """There is no backup; the text says why."""


@dataclass
class Backup:
    """What was written: names in the folder, `seal` the last one in it, `missing` files that were not to be had."""

    folder: Path
    seal: int = 0
    names: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def take_backup(folder: Path, *, files: bool = True, follow: Follow = lambda *_: None) -> Backup:
    """Write a backup into an empty or new folder; what was begun is taken away again when it fails.

    `follow` is told (what, bytes done, bytes in all or 0). Raises NotBackedUp and OSError.
    """
    _make(folder)
    if line := checkpoints.beyond_the_database():
        lacks = _(
            "The database does not have seal %(seal)s, but a checkpoint names it. First run `manage.py restored`."
        )
        raise NotBackedUp(lacks % {"seal": line.seal})
    try:
        return _taken(Backup(folder), files, follow)
    except BaseException:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise NotBackedUp(_("%(folder)s is not empty. Give each backup its own folder.") % {"folder": folder})


def _taken(made: Backup, files: bool, follow: Follow) -> Backup:
    with snapshot.one_view():
        head, time = sealing.last_seal(), database_now()
        made.seal = head.number if head else 0
        made.names.append(dump.write(made.folder, lambda done, all_: follow("database", done, all_)))
        _checkpoints(made)
        if files:
            _files(made, follow)
    _write(made, "manifest.json", [json.dumps(_manifest(made, head, time.isoformat()), indent=1).encode()])
    sums = "".join(f"{_sha256(made.folder / name)}  {name}\n" for name in made.names)
    _write(made, "SHA256SUMS", [sums.encode()])
    _sync(made.folder)
    return made


def _manifest(made: Backup, head: Seal | None, time: str) -> dict[str, Any]:
    return {
        "format": 1,
        "site": settings.BASE_URL,
        "time": time,
        "database": connection.vendor,
        "seal": made.seal,
        "hash": sealing.hash_of(head) if head else "",
        "audit_key": signing.key_id(signing.public_key()),
        "field_keys": keys.key_ids(),
        "missing": made.missing,
    }


def _checkpoints(made: Backup) -> None:
    """This machine's checkpoints up to the last seal of the backup, word for word."""
    path = checkpoints.default_path()
    if path.exists():
        _write(made, path.name, checkpoints.up_to(path, made.seal))


def _files(made: Backup, follow: Follow) -> None:
    """Every file the moment knows, as the storage has it, and the metadata beside wheels."""
    known = File.objects.exclude(stored_as="").order_by("stored_as")
    total, done = sum(known.values_list("size", flat=True)), 0
    for name in known.values_list("stored_as", flat=True).distinct().iterator():
        for part in (name, name + METADATA):
            if default_storage.exists(part):
                done += _copy(made, part)
                follow("files", done, total)
            elif part == name:
                made.missing.append(name)


def _copy(made: Backup, name: str) -> int:
    with default_storage.open(name, "rb") as file:
        return _write(made, f"files/{name}", _pieces(file))


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _write(made: Backup, name: str, pieces: Iterable[bytes]) -> int:
    """One file, on the disk when this returns; returns its bytes."""
    path = made.folder / name
    for parent in reversed(Path(name).parents):
        (made.folder / parent).mkdir(mode=0o700, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb") as file:
        count = sum(file.write(piece) for piece in pieces)
        file.flush()
        os.fsync(file.fileno())
    made.names.append(name)
    return count


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    """Force the folders' own entries to the disk."""
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
