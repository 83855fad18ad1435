"""Celery, but a process of a worker that was killed is replaced at once and not within five seconds."""

import sys

from celery.__main__ import main
from celery.concurrency.asynpool import AsynPool

AsynPool.timers = property(lambda pool: {pool.maintain_pool: 0.2})  # type: ignore[method-assign,assignment]

if __name__ == "__main__":
    sys.exit(main())
