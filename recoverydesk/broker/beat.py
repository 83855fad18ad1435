"""When the workers are woken: every so many seconds of a clock that nobody can set, and from the start on (ADR 0111).

Celery's own scheduler keeps the last run of each entry by the wall clock, in a file: one in the future silences it.
"""

import logging
import time
from typing import Any

from celery import beat

logger = logging.getLogger(__name__)
ENOUGH = 20  # wake-ups that wait in the queue while no worker takes them


class Scheduler(beat.Scheduler):
    """Celery's scheduler for entries of whole intervals, named in CELERY_BEAT_SCHEDULER."""

    def __init__(self, app: Any, **options: Any) -> None:
        self.due: dict[str, float] = {}  # name of an entry: time.monotonic() of its next run
        self.gauge: Any = None
        self.sending = self.stopping = self.full = False
        super().__init__(app, **options)

    def tick(self, **_: Any) -> float:  # type: ignore[override]
        """Send what is due; returns the seconds until something is again, or until it looks whether it is to stop."""
        self.sending = True
        pause = self._send_due()
        self.sending = False
        return 0.0 if self.stopping else pause

    def stop(self, *_: Any) -> None:
        """A signal's handler: end in the pause, or after what is just being sent."""
        self.stopping = True
        if not self.sending:
            raise SystemExit

    def _send_due(self) -> float:
        for name, entry in self.schedule.items():
            now = time.monotonic()
            if self.due.get(name, now) <= now:
                self.due[name] = now + _seconds(entry)
                self.apply_entry(entry, producer=self.producer)
        return max(0.0, min(self.due.values()) - time.monotonic())

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send one wake-up, unless enough of them wait already.

        They bear no time to die at: a worker whose clock is ahead of ours would never take one.
        """
        waiting = self._waiting()
        if waiting < ENOUGH:
            super().apply_entry(entry, producer=producer)
        elif not self.full:
            logger.warning("%s wake-ups wait and no worker takes them: no more are sent", waiting)
        self.full = waiting >= ENOUGH

    def _waiting(self) -> int:
        """How many messages wait; 0 when the broker does not say, for then sending finds out why."""
        try:
            self.gauge = self.gauge or self.app.connection_for_write()
            with self.gauge.channel() as channel:
                return int(channel.queue_declare(self.app.conf.task_default_queue, passive=True).message_count)
        except Exception:
            self._forget_gauge()
            return 0

    def _forget_gauge(self) -> None:
        gauge, self.gauge = self.gauge, None
        if gauge is not None:
            gauge.release()

    def close(self) -> None:
        """Give the connections back."""
        self._forget_gauge()
        super().close()

    @property
    def info(self) -> str:
        """A line of Celery's banner."""
        return "    . schedule -> in memory"


def _seconds(entry: Any) -> float:
    return float(entry.schedule.run_every.total_seconds())
