"""Ids that a seal has passed by: their transactions were not committed yet, or rolled back. Only sealers decide which.

PostgreSQL hands ids out before transactions end, so a smaller id can appear after a larger one was sealed. Each seal
lists the ids it passed by; only those may still come. A gap closes when every transaction that ran ten seconds after
it was noticed has ended, or after a day. SQLite writes one transaction at a time: it has no gaps.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

GAP = struct.Struct(">qqqqq")
SETTLE = timedelta(seconds=10) // timedelta(microseconds=1)  # a transaction has its number by then
MOST_LATE = timedelta(days=1) // timedelta(microseconds=1)


@dataclass(frozen=True)
class Gap:
    """Missing ids `first` to `last`; an event among them must be dated from `earliest` to `noticed` (microseconds).

    `closes` is the transaction number that closes the gap once all smaller ones have ended; 0 while it is not set.
    """

    first: int
    last: int
    earliest: int
    noticed: int
    closes: int = 0


@dataclass(frozen=True)
class Horizon:
    """PostgreSQL's running transactions: all below `oldest` have ended, those from `next` on had not begun."""

    oldest: int
    next: int


def pack(gaps: Iterable[Gap]) -> bytes:
    """Gaps as the bytes of a seal's `gaps`."""
    return b"".join(GAP.pack(gap.first, gap.last, gap.earliest, gap.noticed, gap.closes) for gap in gaps)


def unpack(blob: bytes) -> list[Gap]:
    """The reverse of `pack`. Raises struct.error for bytes no seal can have."""
    return [Gap(*fields) for fields in GAP.iter_unpack(blob)]


def passed_by(ids: Iterable[int], after: int, *, earliest: int, noticed: int) -> Iterator[Gap]:
    """The gaps in rising `ids` above `after`."""
    for id_ in ids:
        if id_ > after + 1:
            yield Gap(after + 1, id_ - 1, earliest, noticed)
        after = id_


def without(gap: Gap, ids: Iterable[int]) -> Iterator[Gap]:
    """What is left of a gap once these rising ids of it have come."""
    first = gap.first
    for id_ in ids:
        if id_ > first:
            yield replace(gap, first=first, last=id_ - 1)
        first = id_ + 1
    if first <= gap.last:
        yield replace(gap, first=first)


def still_open(gaps: Iterable[Gap], now: int, horizon: Horizon) -> Iterator[Gap]:
    """The gaps a later transaction may fill, each with the number that will close it once it has settled."""
    for gap in gaps:
        if now - gap.noticed > MOST_LATE or 0 < gap.closes <= horizon.oldest:
            continue
        settled = not gap.closes and now - gap.noticed >= SETTLE
        yield replace(gap, closes=horizon.next) if settled else gap


def find_gap(gaps: Iterable[Gap], id_: int) -> Gap | None:
    """The gap that an id lies in, if any."""
    return next((gap for gap in gaps if gap.first <= id_ <= gap.last), None)
