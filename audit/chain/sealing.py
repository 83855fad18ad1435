"""The sealer: takes every committed event that is in no seal yet and chains it. Writers of events never wait for it.

It takes no lock. It reads the newest seal, then the events above it and in its gaps, and inserts the next seal; the
number is unique, so of two sealers at work one inserts and the other gives up its round.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, connection, transaction

from audit.chain import encoding, gaps, signing
from audit.chain.rows import fetch as rows_of
from audit.models import Seal
from common.clock import database_now

BATCH = 2000
VERSION = 1
EVERYTHING = 2**31 - 1
AT_ONCE = 200  # gaps asked for in one query


def seal(*, imported: bool = False, batch: int = BATCH) -> int:
    """Seal everything committed and return how many events that was.

    `imported` is for history brought in from elsewhere, whose times are its own: call it right after the events were
    written, in the same transaction. What was there before the very first seal counts as imported too.
    """
    first_round = not Seal.objects.exists()
    done = 0
    while made := _next_seal(imported=imported or first_round, batch=batch):
        done += made.count
        if made.count < batch:
            break
    return done


def seal_restore(number: int) -> Seal:
    """Seal everything committed, and what this transaction wrote, under a number above the next one.

    Call it in a transaction that holds `hold_sealers`. Raises RuntimeError when there is nothing to seal.
    """
    made = _next_seal(imported=not Seal.objects.exists(), batch=EVERYTHING, number=number)
    if made is None:
        raise RuntimeError("the restore was not sealed")
    return made


def hold_sealers() -> None:
    """Until this transaction ends nobody else inserts a seal."""
    if connection.vendor == "postgresql":  # SQLite has one writer anyway
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE audit_seal IN SHARE ROW EXCLUSIVE MODE")


def hash_of(one: Seal) -> str:
    """SHA-256 (hex) over everything a seal says: what its signature signs and the next seal repeats."""
    header = [
        VERSION, one.number, encoding.micros(one.time), one.previous, one.last_id, one.count,
        encoding.micros(one.newest) if one.newest else None, bool(one.imported), one.key_id,
        hashlib.sha256(one.entries).hexdigest(), hashlib.sha256(one.gaps).hexdigest(),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(header, separators=(",", ":")).encode()).hexdigest()


def last_seal() -> Seal | None:
    """The newest seal."""
    return Seal.objects.order_by("-number").first()


def _next_seal(*, imported: bool, batch: int, number: int | None = None) -> Seal | None:
    """Insert one seal over what is there; None when there is nothing, or another sealer was first."""
    head = last_seal()
    horizon = _horizon()  # before the events are read: what has ended by now is seen below
    known = gaps.unpack(bytes(head.gaps)) if head else []
    last_id = head.last_id if head else 0
    late = _late(known)
    new = rows_of("e.id > %s ORDER BY e.id LIMIT %s", [last_id, batch])
    if not late and not new:
        return None
    made = _build(head, known, late, new, horizon, imported=imported, number=number)
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError:
        return None
    return made


def _build(
    head: Seal | None,
    known: Sequence[gaps.Gap],
    late: Sequence[encoding.EventRow],
    new: Sequence[encoding.EventRow],
    horizon: gaps.Horizon | None,
    *,
    imported: bool,
    number: int | None = None,
) -> Seal:
    time = database_now()
    rows = [*late, *new]
    last_id = new[-1].id if new else (head.last_id if head else 0)
    made = Seal(
        number=number or (head.number + 1 if head else 1),
        time=time,
        previous=hash_of(head) if head else "",
        last_id=last_id,
        count=len(rows),
        newest=_newest(head, rows, time, imported=imported),
        imported=imported,
        entries=encoding.pack((row.id, row.digest) for row in rows),
        gaps=gaps.pack(_gaps_after(head, known, late, new, horizon, time)),
        key_id=signing.key_id(signing.public_key()),
    )
    made.signature = signing.sign(hash_of(made))
    return made


def _newest(head: Seal | None, rows: Sequence[encoding.EventRow], time: datetime, *, imported: bool) -> datetime | None:
    """The latest time of an event so far; a date in the future counts as the seal's own time, imports not at all."""
    before = [encoding.micros(head.newest)] if head and head.newest else []
    dated = [] if imported else [row.micros for row in rows if row.micros is not None]
    if not before and not dated:
        return None
    now = max([encoding.micros(time), *before])
    return encoding.moment(max(0, min(now, max([*before, *dated]))))


def _gaps_after(
    head: Seal | None,
    known: Sequence[gaps.Gap],
    late: Sequence[encoding.EventRow],
    new: Sequence[encoding.EventRow],
    horizon: gaps.Horizon | None,
    time: datetime,
) -> list[gaps.Gap]:
    if horizon is None:
        return []
    came = [row.id for row in late]
    now = encoding.micros(time)
    rest = [left for gap in known for left in gaps.without(gap, [i for i in came if gap.first <= i <= gap.last])]
    earliest = encoding.micros(head.newest) if head and head.newest else 0
    after = head.last_id if head else 0
    noticed = gaps.passed_by((row.id for row in new), after, earliest=earliest, noticed=now)
    return [*gaps.still_open(rest, now, horizon), *noticed]


def _late(known: Sequence[gaps.Gap]) -> list[encoding.EventRow]:
    """Events that have come in a gap since."""
    rows: list[encoding.EventRow] = []
    for start in range(0, len(known), AT_ONCE):
        part = known[start : start + AT_ONCE]
        condition = " OR ".join(["e.id BETWEEN %s AND %s"] * len(part))
        rows += rows_of(f"({condition}) ORDER BY e.id", [bound for gap in part for bound in (gap.first, gap.last)])
    return sorted(rows, key=lambda row: row.id)


def _horizon() -> gaps.Horizon | None:
    """Which transactions run now; None where there is only ever one (SQLite)."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text FROM (SELECT pg_current_snapshot() s) now"
        )
        oldest, following = cursor.fetchone()
    return gaps.Horizon(int(oldest), int(following))
