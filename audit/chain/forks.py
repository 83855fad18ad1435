"""Restores: the chain goes on from an earlier seal than the newest one that had left the database.

The seal that records one leaves numbers out, a million and more, and names the seal before it like every other. Nobody
without AUDIT_KEY can make such a seal. So a number belongs to what was lost or to what is there, and a checkpoint of a
lost seal is told from one that contradicts the chain. docs/audit.md has the rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.chain import encoding, signing
from audit.models import Seal
from audit.tags import Tag

if TYPE_CHECKING:
    from audit.chain.checkpoints import Line

LEFT_OUT = 1_000_000  # seals that may have been lost without a checkpoint of theirs being known


@dataclass(frozen=True)
class Fork:
    """One restore. `goes_on_from` is the last seal before the loss (0: none), `number` the seal that records it.

    `resumed` is the time (microseconds) of the first seal after `goes_on_from`: what was lost is older. `gone` are
    checkpoint files that were put back too, by name: the first and last seal whose line they no longer have.
    """

    number: int
    time: datetime
    goes_on_from: int
    resumed: int
    reason: str = ""
    gone: Mapping[str, Sequence[int]] = field(default_factory=dict, hash=False)

    def explains(self, line: "Line", keys: Mapping[str, Ed25519PublicKey]) -> bool:
        """Whether a checkpoint is of a seal that this restore lost: ours, numbered and dated as such."""
        if not self.goes_on_from < line.seal < self.number:
            return False
        dated = encoding.from_text(line.time)
        is_ours = signing.is_signed(keys.get(line.key_id), line.hash, line.signature)
        return is_ours and dated is not None and dated < self.resumed

    def explains_gone(self, file: str, seal: int) -> bool:
        """Whether a checkpoint file lost its line about this seal with the restore."""
        first, last = self.gone.get(file, (1, 0))
        return first <= seal <= last

    def as_json(self) -> dict[str, Any]:
        """For reports."""
        return {"seal": self.number, "time": self.time.isoformat(), "from": self.goes_on_from, "reason": self.reason}


def number_after(highest: int) -> int:
    """The number of the seal that records a restore, above every number that may have been lost."""
    return (highest // LEFT_OUT + 2) * LEFT_OUT


def resumed_after(number: int, default: datetime) -> int:
    """When the first seal above this number was made, in microseconds; `default` where there is none."""
    following = Seal.objects.filter(number__gt=number).order_by("number").values_list("time", flat=True).first()
    return encoding.micros(following or default)


def read_restore(one: Seal, rows: Sequence[encoding.EventRow]) -> Fork | None:
    """The restore that a seal which leaves numbers out records, from the event in it; None when there is none."""
    for row in rows:
        data = row.values[encoding.DATA]
        if row.values[encoding.TAG] == Tag.AUDIT_LOG_RESTORE and isinstance(data, dict) and _is_whole(data):
            resumed = resumed_after(data["seal"], one.time)
            return Fork(one.number, one.time, data["seal"], resumed, str(data.get("reason", "")), data["gone"])
    return None


def _is_whole(data: Mapping[str, Any]) -> bool:
    gone = data.get("gone")
    return (
        isinstance(data.get("seal"), int) and isinstance(gone, dict) and all(len(each) == 2 for each in gone.values())
    )
