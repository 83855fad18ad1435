"""Is the log what it was? Reads every seal, event and detail once, in a snapshot of the database, and changes nothing.

An event must be exactly as its seal has it; an event in no seal may only be newer than the last one, or lie in an open
gap; every event is dated between its neighbours in the chain; the chain is whole, signed, and agrees with the
checkpoints outside the database. docs/audit.md says what this can and what it cannot find.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from django.db.models import Sum

from audit.chain import checking, encoding, forks, gaps, sealing, signing, snapshot, surroundings
from audit.chain.findings import Kind, Report
from audit.chain.forks import Fork
from audit.chain.rows import fetch as rows_of
from audit.models import Seal
from common.clock import database_now

PAGE = 5000
SEALS_AT_ONCE = 50
Follow = Callable[[int, int], None]


def verify(
    *, since: int = 1, files: Sequence[Path] | None = None, follow: Follow | None = None, assuming: Fork | None = None
) -> Report:
    """Check the chain from seal `since` on, the triggers, and the checkpoints of this machine and of these files.

    `assuming`: as if this restore were recorded already. `follow` is told (events done, events in all) now and then.
    Raises OSError for a file that cannot be read.
    """
    report = Report()
    outside = checking.Outside(report, since, files)  # read before the view begins: whatever they name, it has
    with snapshot.one_view():
        _Walk(report, since, outside, follow).run()
        outside.finish([*report.restores, *([assuming] if assuming else [])])
        surroundings.check_surroundings(report)
    return report


class _Walk:
    """Goes up the ids of events and the numbers of seals together.

    `waiting` holds the events read so far that no seal has claimed yet: new ones, and late ones a later seal claims.
    """

    def __init__(self, report: Report, since: int, outside: checking.Outside, follow: Follow | None) -> None:
        self.report, self.outside, self.follow = report, outside, follow
        self.keys = signing.trusted()
        self.waiting: dict[int, encoding.EventRow] = {}
        self.head = Seal.objects.filter(number__lt=since).order_by("-number").first() if since > 1 else None
        self.open = gaps.unpack(bytes(self.head.gaps)) if self.head else []
        self.read_to = self.head.last_id if self.head else -(2**63)
        self.details = checking.Details(report, self.read_to)
        self.total = Seal.objects.filter(number__gte=since).aggregate(n=Sum("count"))["n"] or 0
        self.first, self.all_read = since, False

    def run(self) -> None:
        if self.head:
            self._take_late()
        for one in self._seals():
            self._seal(one)
        self._rest()
        self.details.finish()

    def _seals(self) -> Iterator[Seal]:
        number = self.first - 1
        while page := list(Seal.objects.filter(number__gt=number).order_by("number")[:SEALS_AT_ONCE]):
            yield from page
            number = page[-1].number

    def _seal(self, one: Seal) -> None:
        """One link: the chain itself, then what it seals."""
        if self._broken(one):
            self._skip(one)
        else:
            restored = self._leaves_numbers_out(one)
            rows = self._entries(one)
            if restored:
                self._restored(one, rows)
        self.head = one
        self.report.seals += 1
        self.report.imported += one.count if one.imported else 0
        if self.follow:
            self.follow(self.report.events, self.total)

    def _broken(self, one: Seal) -> bool:
        expected = self._expected()
        follows = self._follows(one)
        if one.number < expected or (one.number > expected and not follows):
            self.report.add(Kind.SEAL_MISSING, "audit_seal", expected, f"the chain goes on with seal {one.number}")
        elif not follows:
            self.report.add(Kind.SEAL_CHANGED, "audit_seal", expected - 1, f"seal {one.number} names another hash")
        seal_hash = sealing.hash_of(one)
        self.outside.compare(one.number, seal_hash)
        if signing.is_signed(self.keys.get(one.key_id), seal_hash, one.signature):
            return False
        why = "the signature is not ours" if one.key_id in self.keys else f"the key {one.key_id} is not known here"
        self.report.add(Kind.SEAL_CHANGED, "audit_seal", one.number, why)
        return True

    def _expected(self) -> int:
        return self.head.number + 1 if self.head else 1

    def _leaves_numbers_out(self, one: Seal) -> bool:
        """A seal that names the one before it and is signed, yet not numbered next: a restore, and nothing else."""
        return one.number > self._expected() and self._follows(one)

    def _follows(self, one: Seal) -> bool:
        return one.previous == (sealing.hash_of(self.head) if self.head else "")

    def _restored(self, one: Seal, rows: Sequence[encoding.EventRow]) -> None:
        if fork := forks.read_restore(one, rows):
            self.report.restores.append(fork)
        else:
            why = f"seal {one.number} leaves numbers out and records no restore"
            self.report.add(Kind.SEAL_MISSING, "audit_seal", self._expected(), why)

    def _skip(self, one: Seal) -> None:
        """A seal that proves nothing: take its word for which events it is about, so that the rest can be checked."""
        self._read_up_to(one.last_id)
        try:
            for id_, _digest in encoding.unpack(bytes(one.entries)):
                self.waiting.pop(id_, None)
            self.open = gaps.unpack(bytes(one.gaps))
        except struct.error:
            self.open = []

    def _entries(self, one: Seal) -> list[encoding.EventRow]:
        """Each event as its seal has it, in its place; returns those."""
        whole: list[encoding.EventRow] = []
        self._read_up_to(one.last_id)
        after = self.head.last_id if self.head else None
        floor = encoding.micros(self.head.newest) if self.head and self.head.newest else None
        ceiling = encoding.micros(one.time)
        for id_, sealed in encoding.unpack(bytes(one.entries)):
            row = self.waiting.pop(id_, None)
            if row is None:
                self.report.add(Kind.EVENT_MISSING, "audit_event", id_, f"seal {one.number} has it")
            elif row.digest != sealed:
                self.report.add(Kind.EVENT_CHANGED, "audit_event", id_, f"not as seal {one.number} has it")
            else:
                whole.append(row)
                if not one.imported:
                    self._check_place(row, after, floor, ceiling)
            self.report.events += 1
        self.open = gaps.unpack(bytes(one.gaps))
        return whole

    def _check_place(self, row: encoding.EventRow, after: int | None, floor: int | None, ceiling: int) -> None:
        """Rows above the last seal are dated after it, late ones as their gap allows."""
        if after is not None and row.id <= after:
            gap = gaps.find_gap(self.open, row.id)
            if gap is None:
                self.report.add(Kind.EVENT_INSERTED, "audit_event", row.id, "in a time that was sealed without it")
                return
            floor, ceiling = gap.earliest, gap.noticed
        time = row.micros
        if time is None or time > ceiling + checking.SLACK or (floor is not None and time < floor - checking.SLACK):
            self.report.add(Kind.EVENT_MISDATED, "audit_event", row.id, "dated outside the time it was written in")

    def _rest(self) -> None:
        """What no seal has claimed: the newest events, those in open gaps, and what does not belong here."""
        self._read_up_to(None)
        ceiling = encoding.micros(database_now())
        after = self.head.last_id if self.head else None
        floor = encoding.micros(self.head.newest) if self.head and self.head.newest else None
        for id_ in sorted(self.waiting):
            self.report.unsealed += 1
            self._check_place(self.waiting[id_], after, floor if self.head else None, ceiling)

    def _read_up_to(self, last_id: int | None) -> None:
        """Read events page by page until this id is behind us."""
        while not self.all_read and (last_id is None or self.read_to < last_id):
            rows = rows_of("e.id > %s ORDER BY e.id LIMIT %s", [self.read_to, PAGE])
            self._take(rows)
            self.all_read = len(rows) < PAGE
            self.read_to = rows[-1].id if rows else self.read_to

    def _take(self, rows: list[encoding.EventRow]) -> None:
        self.waiting.update((row.id, row) for row in rows)
        self.details.check(rows)

    def _take_late(self) -> None:
        """Beginning in the middle: what may have come in the gaps that were open then."""
        for gap in self.open:
            rows = rows_of("e.id BETWEEN %s AND %s ORDER BY e.id", [gap.first, gap.last])
            self.waiting.update((row.id, row) for row in rows)
