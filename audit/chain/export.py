"""The log as JSON lines, with its proof: what `docs/verify_export.py` checks with nothing but this and the key.

First a header. Then, seal by seal, its events (and their details, where not erased) and the seal itself; then the
events no seal has yet, the checkpoints of this machine, and a last line that signs every line before it. All of it is
one moment of the database. Lines are ASCII, exactly as `json.dumps` writes them.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef

from audit import triggers
from audit.chain import checkpoints, encoding, gaps, sealing, signing, snapshot, strangers
from audit.chain.rows import fetch
from audit.models import Event, EventDetail, Seal
from common.clock import database_now

FORMAT = 2
PAGE = 1000
AT_ONCE = 20
LOWEST, HIGHEST = -(2**63), 2**63 - 1


def lines(since: int = 1) -> Iterator[str]:
    """The whole log from seal `since` on, line by line, in constant memory, while others write and seal."""
    outside = _checkpoints(since)  # read before the view begins: whatever they name, it has
    with snapshot.one_view():
        yield from _Whole(since, outside).lines()


def header() -> dict[str, Any]:
    """What every export begins with."""
    return {
        "format": FORMAT,
        "site": settings.BASE_URL,
        "time": database_now().isoformat(timespec="microseconds"),
        "key_id": signing.key_id(signing.public_key()),
    }


def end_text(seal: int, last: str, sha256: str) -> str:
    """What the signature of the last line is over: the last seal's number and hash, and the SHA-256 of all lines."""
    return f"end:{seal}:{last}:{sha256}"


class _Whole:
    """Goes from seal to seal and notes which events in between belong to none."""

    def __init__(self, since: int, outside: list[checkpoints.Line]) -> None:
        self.since, self.outside = since, outside
        self.head = Seal.objects.filter(number__lt=since).order_by("-number").first() if since > 1 else None
        self.unsealed: set[int] = set()
        for gap in gaps.unpack(bytes(self.head.gaps)) if self.head else []:
            self._note(gap.first - 1, gap.last)

    def lines(self) -> Iterator[str]:
        read = hashlib.sha256()
        for line in self._body():
            read.update(line.encode("ascii"))
            yield line
        yield self._end(read.hexdigest())

    def _body(self) -> Iterator[str]:
        before = _seal(self.head) if self.head else None
        guards = [*triggers.missing(connection), *strangers.found(connection)]
        yield _line("header", **header(), triggers=guards, before=before)
        for one in self._seals():
            yield from self._of_seal(one)
            self.head = one
        self._note(self.head.last_id if self.head else LOWEST, HIGHEST)
        yield from _events(sorted(self.unsealed), None)
        yield from _orphans()
        yield from map(_checkpoint, self.outside)

    def _end(self, sha256: str) -> str:
        number, last = (self.head.number, sealing.hash_of(self.head)) if self.head else (0, "")
        signature = signing.sign(end_text(number, last, sha256))
        return _line("end", seal=number, hash=last, sha256=sha256, signature=signature)

    def _seals(self) -> Iterator[Seal]:
        number = self.since - 1
        while page := list(Seal.objects.filter(number__gt=number).order_by("number")[:AT_ONCE]):
            yield from page
            number = page[-1].number

    def _of_seal(self, one: Seal) -> Iterator[str]:
        ids = [id_ for id_, _sha in encoding.unpack(bytes(one.entries))]
        self._note(self.head.last_id if self.head else LOWEST, one.last_id)
        self.unsealed.difference_update(ids)
        yield from _events(ids, one.number)
        yield _line("seal", **_seal(one))

    def _note(self, above: int, last: int) -> None:
        self.unsealed.update(Event.objects.filter(id__gt=above, id__lte=last).values_list("id", flat=True))


def _events(ids: list[int], seal: int | None) -> Iterator[str]:
    """Events exactly as the database has them; one that is gone has no line."""
    for start in range(0, len(ids), PAGE):
        yield from _page(ids[start : start + PAGE], seal)


def _page(ids: list[int], seal: int | None) -> Iterator[str]:
    marks = ", ".join(["%s"] * len(ids))
    rows = {row.id: row for row in fetch(f"e.id IN ({marks})", ids)}
    details = EventDetail.objects.in_bulk(ids, field_name="event_id")
    for id_ in ids:
        if id_ in rows:
            yield _line("event", seal=seal, **_event(rows[id_]), detail=_detail(details.get(id_)))


def _event(row: encoding.EventRow) -> dict[str, Any]:
    shown = dict(zip(encoding.COLUMNS, row.values, strict=True))
    try:
        shown["time"] = encoding.moment(shown["time"]).isoformat(timespec="microseconds")
    except (OverflowError, TypeError):
        shown["time"] = repr(shown["time"])
    return shown


def _detail(detail: EventDetail | None) -> dict[str, str] | None:
    names = ("salt", "network", "device", "address")
    return {name: getattr(detail, name) for name in names} if detail else None


def _seal(one: Seal) -> dict[str, Any]:
    entries = [[id_, bytes(sha).hex()] for id_, sha in encoding.unpack(bytes(one.entries))]
    return {
        "number": one.number,
        "time": one.time.isoformat(timespec="microseconds"),
        "previous": one.previous,
        "last_id": one.last_id,
        "count": one.count,
        "newest": one.newest.isoformat(timespec="microseconds") if one.newest else None,
        "imported": one.imported,
        "key_id": one.key_id,
        "gaps": [[gap.first, gap.last, gap.earliest, gap.noticed, gap.closes] for gap in gaps.unpack(bytes(one.gaps))],
        "entries": entries,
        "signature": one.signature,
    }


def _orphans() -> Iterator[str]:
    """Details whose event is gone."""
    without = EventDetail.objects.filter(~Exists(Event.objects.filter(id=OuterRef("event_id"))))
    for id_ in without.order_by("event_id").values_list("event_id", flat=True)[:PAGE]:
        yield _line("orphan", id=id_)


def _checkpoints(since: int) -> list[checkpoints.Line]:
    path = checkpoints.default_path()
    return [line for line in checkpoints.read_checkpoints(path).lines if line.seal >= since] if path.exists() else []


def _checkpoint(line: checkpoints.Line) -> str:
    fields = {name: getattr(line, name) for name in ("seal", "time", "hash", "key_id", "signature")}
    return _line("checkpoint", **fields)


def _line(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields}, default=str) + "\n"
