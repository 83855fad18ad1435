"""Records that the database was restored from a backup: where the chain goes on from, and what was lost.

It takes AUDIT_KEY and, on PostgreSQL, superuser rights on the database; whoever may write SQLite's file rules there
anyway. It explains checkpoints of seals that came later than the backup. A changed past, it does not explain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, transaction
from django.utils.translation import gettext as _

from audit import triggers
from audit.chain import checkpoints, forks, sealing
from audit.chain.findings import Report
from audit.chain.verifying import verify
from audit.log import record
from audit.models import Event, Seal
from audit.tags import Tag
from common.clock import database_now


class NotRestored(Exception):
    """The restore may not be recorded; the text says why."""


@dataclass(frozen=True)
class Loss:
    """What the checkpoints know that the database does not.

    `head` is the last seal both have, `known` the newest lost one (None: none is known), `closed` the recovery tickets
    that were closed in seals after `head`, as the lost checkpoints say.
    """

    head: Seal | None
    known: checkpoints.Line | None
    closed: tuple[int, ...]
    gone: Mapping[str, tuple[int, int]]

    @property
    def goes_on_from(self) -> int:
        return self.head.number if self.head else 0


def find_loss(files: Sequence[Path] | None = None) -> Loss:
    """Compare the database with the checkpoints of this machine and of these files.

    Raises NotRestored without the rights, and where something is wrong that no restore explains.
    """
    if not _rules_the_database():
        raise NotRestored(
            _("Only a superuser of the database may record a restore. Set DATABASE_URL to such a database role.")
        )
    report = verify(files=files)
    loss = _loss(report)
    newest = sealing.last_seal()
    number = forks.number_after(max(newest.number if newest else 0, loss.known.seal if loss.known else 0))
    now = database_now()
    resumed = forks.resumed_after(loss.goes_on_from, now)
    assumed = verify(files=files, assuming=forks.Fork(number, now, loss.goes_on_from, resumed, gone=loss.gone))
    if not assumed.intact:
        raise NotRestored(
            _("This finding is not explained by a restore: %(finding)s") % {"finding": assumed.findings[0]}
        )
    return loss


@transaction.atomic
def record_restore(loss: Loss, *, reason: str, open_tickets: Sequence[int]) -> Event:
    """Write the event and the seal that leaves numbers out. `open_tickets` may have been closed in what was lost."""
    sealing.hold_sealers()
    newest = sealing.last_seal()
    number = forks.number_after(max(newest.number if newest else 0, loss.known.seal if loss.known else 0))
    event = record(
        Tag.AUDIT_LOG_RESTORE,
        actor="operator",
        reason=reason,
        seal=loss.goes_on_from,
        hash=sealing.hash_of(loss.head) if loss.head else "",
        until=loss.head.time.isoformat() if loss.head else "",
        lost_to=loss.known.seal if loss.known else 0,
        lost_until=loss.known.time if loss.known else "",
        closed=list(loss.closed),
        open=list(open_tickets),
        gone={name: list(seals) for name, seals in loss.gone.items()},
    )
    sealing.seal_restore(number)
    return event


def _loss(report: Report) -> Loss:
    """The last seal before everything that contradicts, or the newest where nothing does."""
    lost = sorted(report.contradicting, key=lambda line: line.seal)
    seals = Seal.objects.order_by("-number")
    head = seals.filter(number__lt=lost[0].seal).first() if lost else seals.first()
    closed = sorted({number for line in lost for number in line.closed})
    return Loss(head, lost[-1] if lost else None, tuple(closed), report.gone)


def _rules_the_database() -> bool:
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {triggers.SUPERUSER}")
        return bool(cursor.fetchone()[0])
