"""What verifying can find, and the report it ends in."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from audit.chain.checkpoints import Line
from audit.chain.forks import Fork

KEPT = 20


class Kind(StrEnum):
    """What is wrong with a row, in a word a script can rely on."""

    TRIGGER_MISSING = "trigger-missing"
    TRIGGER_FOREIGN = "trigger-foreign"
    LOG_EMPTY = "log-empty"
    SEAL_MISSING = "seal-missing"
    SEAL_CHANGED = "seal-changed"
    EVENT_CHANGED = "event-changed"
    EVENT_MISSING = "event-missing"
    EVENT_INSERTED = "event-inserted"
    EVENT_MISDATED = "event-misdated"
    DETAIL_CHANGED = "detail-changed"
    CHECKPOINT_MISMATCH = "checkpoint-mismatch"
    CHECKPOINT_MISSING = "checkpoint-missing"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: the table, the row (an id, a name) and why."""

    kind: Kind
    table: str
    row: int | str
    why: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.table} {self.row}: {self.why}"


@dataclass
class Report:
    """The result of verifying. `findings` are the first twenty of `found`, in the order of the chain.

    `restores` are those the chain records, `lost` counts the checkpoints of seals they lost. `contradicting` are the
    checkpoints that no restore explains, `gone` the seals (first, last) whose lines a checkpoint file lacks, by name.
    `silent` says that no checkpoint has left by mail or sink for 25 hours; the last did at `last_left`.
    """

    seals: int = 0
    events: int = 0
    unsealed: int = 0
    erased: int = 0
    checkpoints: int = 0
    imported: int = 0
    found: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    last_left: datetime | None = None
    silent: bool = False
    restores: list[Fork] = field(default_factory=list)
    lost: int = 0
    contradicting: list[Line] = field(default_factory=list)
    gone: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def intact(self) -> bool:
        return not self.found

    def add_gone(self, file: str, first: int, last: int) -> None:
        """Keep which seals' lines a checkpoint file lacks."""
        known = self.gone.get(file, (first, last))
        self.gone[file] = (min(first, known[0]), max(last, known[1]))

    def add(self, kind: Kind, table: str, row: int | str, why: str) -> None:
        """Keep a finding."""
        self.found += 1
        if len(self.findings) < KEPT:
            self.findings.append(Finding(kind, table, row, why))

    def as_json(self) -> dict[str, Any]:
        """The report for `--json`; `first` is null when all is well."""
        rows = [{"kind": str(one.kind), "table": one.table, "row": one.row, "why": one.why} for one in self.findings]
        counts = ("seals", "events", "unsealed", "erased", "imported", "checkpoints", "lost", "found")
        return {
            "intact": self.intact,
            "first": rows[0] if rows else None,
            **{name: getattr(self, name) for name in counts},
            "findings": rows,
            "last_left": self.last_left.isoformat() if self.last_left else None,
            "silent": self.silent,
            "restores": [fork.as_json() for fork in self.restores],
            "notes": self.notes,
        }
