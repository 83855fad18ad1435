"""Rows as bytes: the canonical encoding of an event, the packed list inside a seal. docs/audit.md has the format."""

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ENTRY = struct.Struct(">q32s")
TIME, TAG, DATA = 1, 2, 11  # places of these columns below
COLUMNS = (
    "id", "time", "tag", "actor_uid", "actor_name", "subject_uid", "subject_name", "ticket", "project_uid",
    "project_name", "token_id", "data", "commitment",
)  # fmt: skip
UUIDS = [COLUMNS.index(name) for name in ("actor_uid", "subject_uid", "project_uid", "token_id")]
_dump = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), sort_keys=True, default=repr).encode


@dataclass(frozen=True)
class EventRow:
    """One event as the database has it: its canonical values, their digest, and its time in microseconds."""

    id: int
    values: list[Any]
    digest: bytes

    @property
    def micros(self) -> int | None:
        """Microseconds since 1970 UTC; None when the column holds no time at all (somebody wrote nonsense)."""
        time = self.values[TIME]
        return time if isinstance(time, int) else None


def micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC."""
    return (moment - EPOCH) // MICROSECOND


def moment(value: int) -> datetime:
    """The reverse of `micros`."""
    return EPOCH + value * MICROSECOND


def from_text(text: str) -> int | None:
    """Microseconds since 1970 UTC of a time with its zone as ISO 8601; None for other text."""
    try:
        return micros(datetime.fromisoformat(text))
    except (ValueError, TypeError):
        return None


def digest(values: Sequence[Any]) -> bytes:
    """SHA-256 of the canonical values: one JSON array, ASCII, no spaces, keys in order."""
    return hashlib.sha256(_dump(values).encode()).digest()


def selected(vendor: str) -> str:
    """The columns for a SELECT that `read` understands, exact and never failing, whatever was written into them."""
    columns = {name: f"e.{name}" for name in COLUMNS} | {"time": "CAST(e.time AS TEXT)"}
    if vendor == "postgresql":
        columns["time"] = "extract(epoch from e.time)::text"
        columns["data"] = "e.data::text"
        columns |= {name: f"e.{name}::text" for name in (COLUMNS[place] for place in UUIDS)}
    return ", ".join(columns.values())


def read_row(raw: Sequence[Any], vendor: str) -> EventRow:
    """Make a row of what a SELECT of `selected` fetched; values no application wrote stay as they are found."""
    values = list(raw[: len(COLUMNS)])
    values[TIME] = _time(values[TIME], vendor)
    values[DATA] = _data(values[DATA])
    if vendor == "sqlite":
        for place in UUIDS:
            values[place] = _uuid(values[place])
    return EventRow(values[0], values, digest(values))


def _time(text: Any, vendor: str) -> Any:
    try:
        if vendor == "postgresql":
            whole, fraction = text.split(".")
            return int(whole + fraction) if len(fraction) == 6 else text
        return micros(datetime.fromisoformat(text).replace(tzinfo=UTC))
    except (ValueError, TypeError, AttributeError):
        return text


def _data(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return text


def _uuid(text: Any) -> Any:
    try:
        return str(UUID(hex=text)) if text is not None else None
    except (ValueError, TypeError, AttributeError):
        return text


def pack(entries: Iterable[tuple[int, bytes]]) -> bytes:
    """Event ids and digests as the `entries` of a seal."""
    return b"".join(ENTRY.pack(id_, sha) for id_, sha in entries)


def unpack(blob: bytes) -> Iterator[tuple[int, bytes]]:
    """The reverse of `pack`. Raises struct.error for bytes no seal can have."""
    return ENTRY.iter_unpack(blob)
