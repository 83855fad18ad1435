"""The two things beside the chain that verifying compares: details with their events, checkpoints with their seals."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from django.db.models import Max, Min, QuerySet

from audit.chain import checkpoints, encoding, signing
from audit.chain.findings import Kind, Report
from audit.chain.forks import Fork
from audit.models import Checkpoint, Event, EventDetail, Seal, commitment_of

PAGE = 5000
SLACK = 5_000_000  # microseconds between the start of an INSERT and its id, and a clock that was put right


class Details:
    """Details beside the events they belong to, in the same order of ids."""

    def __init__(self, report: Report, read_to: int) -> None:
        self.report, self.read_to = report, read_to

    def check(self, rows: Sequence[encoding.EventRow]) -> None:
        """Compare the details of consecutive events with what those committed to; between them there may be none."""
        if not rows:
            return
        found = EventDetail.objects.filter(event_id__gt=self.read_to, event_id__lte=rows[-1].id)
        fields = found.values_list("event_id", "salt", "network", "device", "address")
        commitments = {event_id: commitment_of(*columns) for event_id, *columns in fields}
        for row in rows:
            commitment = commitments.pop(row.id, None)
            if commitment is None:
                self.report.erased += bool(row.values[-1])
            elif commitment != row.values[-1]:
                self.report.add(Kind.DETAIL_CHANGED, "audit_eventdetail", row.id, "not what its event committed to")
        self._orphans(sorted(commitments))
        self.read_to = rows[-1].id

    def finish(self) -> None:
        """Details above the last event belong to none."""
        above = EventDetail.objects.filter(event_id__gt=self.read_to).order_by("event_id")
        self._orphans(above.values_list("event_id", flat=True)[:PAGE])

    def _orphans(self, ids: Iterable[int]) -> None:
        for id_ in ids:
            self.report.add(Kind.DETAIL_CHANGED, "audit_eventdetail", id_, "there is no such event")


class Outside:
    """The checkpoints: every line of every file names a seal that is as it was; every line written is still there.

    Make it before the view of the database begins: each line read then names a seal that the view has. `finish` reads
    the files again inside the view: each line that the view's rows know is in them by then.
    """

    def __init__(self, report: Report, since: int, files: Sequence[Path] | None) -> None:
        self.report, self.since, self.given = report, since, files or []
        self.expected: dict[int, list[tuple[checkpoints.Line, Path]]] = {}
        self.contradicting: list[tuple[checkpoints.Line, str]] = []
        for file in self._files():
            for line in file.lines:
                if line.seal >= since:
                    self.expected.setdefault(line.seal, []).append((line, file.path))

    def _files(self) -> list[checkpoints.File]:
        ours = checkpoints.default_path()
        own = [ours] if ours.exists() and ours.resolve() not in [path.resolve() for path in self.given] else []
        return [checkpoints.read_checkpoints(path) for path in (*self.given, *own)]

    def compare(self, number: int, seal_hash: str) -> None:
        """Compare one seal with the lines about it."""
        for line, path in self.expected.pop(number, []):
            self.report.checkpoints += 1
            if line.hash != seal_hash:
                self.contradicting.append((line, f"{path} has another hash"))

    def finish(self, forks: Sequence[Fork]) -> None:
        """Report the lines that contradict the chain and that no restore explains, and the lines that are gone."""
        for number in sorted(self.expected):
            for line, path in self.expected[number]:
                self.contradicting.append((line, f"{path} knows it, the database does not"))
        keys = signing.trusted()
        lost: dict[Fork, list[checkpoints.Line]] = {}
        for line, why in self.contradicting:
            if fork := next((fork for fork in forks if fork.explains(line, keys)), None):
                lost.setdefault(fork, []).append(line)
            else:
                self.report.contradicting.append(line)
                self.report.add(Kind.CHECKPOINT_MISMATCH, "audit_seal", line.seal, why)
        for fork, lines in lost.items():
            self.report.lost += len(lines)
            self._lost_time(fork, lines)
        self._finish_files(forks)

    def _lost_time(self, fork: Fork, lines: Sequence[checkpoints.Line]) -> None:
        """A backup has no event of the time after it, in which the seals that were lost were made."""
        times = [dated for line in lines if (dated := encoding.from_text(line.time)) is not None]
        low, high = encoding.moment(min(times) + SLACK), encoding.moment(max(times) - SLACK)
        events = Event.objects.filter(time__gt=low, time__lt=high).order_by("id")
        if head := Seal.objects.filter(number=fork.goes_on_from).first():
            events = events.filter(id__gt=head.last_id)
        if record := Seal.objects.filter(number=fork.number).first():
            events = events.filter(id__lte=record.last_id)
        for id_ in events.values_list("id", flat=True)[:PAGE]:
            self.report.add(Kind.EVENT_MISDATED, "audit_event", id_, "dated in the time that a restore lost")

    def _finish_files(self, forks: Sequence[Fork]) -> None:
        copies: dict[str, list[checkpoints.File]] = {}
        for file in self._files():
            copies.setdefault(file.name, []).append(file)
        written = Checkpoint.objects.filter(seal__gte=self.since)
        for name, files in copies.items():
            self._lost_lines(files, written.filter(file=name), forks)
        self._lost_files(written.exclude(file__in=copies), forks)

    def _lost_lines(self, copies: list[checkpoints.File], written: QuerySet[Checkpoint], forks: Sequence[Fork]) -> None:
        """Lines that are in no copy of their file."""
        name, there = copies[0].name, {line.seal for file in copies for line in file.lines}
        for number in written.order_by("seal").values_list("seal", flat=True).iterator():
            if number not in there and not any(fork.explains_gone(name, number) for fork in forks):
                why = f"written, but no longer in {copies[0].path}"
                self.report.add(Kind.CHECKPOINT_MISSING, "checkpoint", number, why)
                self.report.add_gone(name, number, number)

    def _lost_files(self, written: QuerySet[Checkpoint], forks: Sequence[Fork]) -> None:
        """Files not read: one of this machine's is missing; another machine's is worth a note."""
        ours = checkpoints.place(checkpoints.default_path())
        found = written.values_list("file", "place").annotate(first=Min("seal"), last=Max("seal")).order_by("file")
        for name, place, first, last in found:
            if place != ours:
                self.report.notes.append(f"not read: checkpoints up to seal {last} at {place}")
            elif not any(fork.explains_gone(name, first) and fork.explains_gone(name, last) for fork in forks):
                self.report.add(Kind.CHECKPOINT_MISSING, "checkpoint", last, f"the file {name} is gone")
                self.report.add_gone(name, first, last)
