"""The log as JSON lines, with its proof: what `docs/verify_export.py` checks with nothing but this and the key.

First a header. Then, seal by seal, its events (and their details, where not erased) and the seal itself; then the
events no seal has yet, the checkpoints of this machine, and a signed last line, so that a cut file is noticed.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q

from audit import checkpoints, encoding, gaps, sealing, signing, triggers
from audit.models import Event, EventDetail, Seal
from audit.rows import fetch

FORMAT = 1
PAGE = 1000
AT_ONCE = 20
LOWEST, HIGHEST = -(2**63), 2**63 - 1


def lines(since: int = 1) -> Iterator[str]:
    """The whole log from seal `since` on, line by line, in constant memory."""
    return _Whole(since).lines()


def header() -> dict[str, Any]:
    """What every export begins with."""
    key = signing.public_key()
    return {"format": FORMAT, "site": settings.BASE_URL, "key_id": signing.key_id(key)}


def about(uid: UUID) -> Iterator[str]:
    """Everything the log says about one account or that it did: a subject-access export, oldest first.

    Who else acted is named by part only; their networks, devices and the staff's reasons stay out, as in the history.
    """
    yield _line("header", **header(), subject=str(uid))
    own = Event.objects.filter(Q(subject_uid=uid) | Q(actor_uid=uid)).order_by("id")
    for page in _pages(own):
        details = EventDetail.objects.in_bulk([event.id for event in page], field_name="event_id")
        for event in page:
            yield _line("event", **_for_subject(event, details.get(event.id), uid))


def _for_subject(event: Event, detail: EventDetail | None, uid: UUID) -> dict[str, Any]:
    own = event.actor_uid == uid
    by_account = event.actor_uid is not None and not own
    shown: dict[str, Any] = {
        "id": event.id,
        "time": event.time.isoformat(timespec="microseconds"),
        "tag": event.tag,
        "what": event.sentence,
        "actor": "you" if own else "somebody else" if by_account else event.actor_name,
        "subject": event.subject_name if event.subject_uid in (uid, None) or own else "",
        "ticket": event.ticket,
        "project": event.project_name,
        "token": str(event.token_id) if event.token_id else None,
    }
    if own:
        shown["data"] = event.data
    if detail and event.subject_uid in (uid, None):
        shown["address"] = detail.address
    if detail and not by_account:
        shown |= {"network": detail.network, "device": detail.device}
    return shown


def _pages(events: Any) -> Iterator[list[Event]]:
    last = 0
    while page := list(events.filter(id__gt=last)[:PAGE]):
        yield page
        last = page[-1].id


class _Whole:
    """Goes from seal to seal and notes which events in between belong to none."""

    def __init__(self, since: int) -> None:
        self.since = since
        self.head = Seal.objects.filter(number__lt=since).order_by("-number").first() if since > 1 else None
        self.unsealed: set[int] = set()
        for gap in gaps.unpack(bytes(self.head.gaps)) if self.head else []:
            self._note(gap.first - 1, gap.last)

    def lines(self) -> Iterator[str]:
        before = _seal(self.head) if self.head else None
        yield _line("header", **header(), missing=triggers.missing(connection), since=self.since, before=before)
        for one in self._seals():
            yield from self._of_seal(one)
            self.head = one
        self._note(self.head.last_id if self.head else LOWEST, HIGHEST)
        yield from _events(sorted(self.unsealed), None)
        yield from _orphans()
        yield from _checkpoints(self.since)
        number, last = (self.head.number, sealing.hash_of(self.head)) if self.head else (0, "")
        yield _line("end", seals=number, signature=signing.sign(f"end:{number}:{last}"))

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


def _event(row: encoding.Row) -> dict[str, Any]:
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


def _checkpoints(since: int) -> Iterator[str]:
    path = checkpoints.default_path()
    for line in checkpoints.read(path).lines if path.exists() else ():
        if line.seal >= since:
            yield _line("checkpoint", **vars(line))


def _line(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields}, ensure_ascii=False, default=str) + "\n"
