"""The one worker command: README, the demo, the reliability runs and the benchmarks start it with these words.

`tests/broker/test_worker_line.py` compares them. One process with four threads: the work is mostly waiting for the
database, mail servers and code hosts. For more processors start it several times.
"""

import sys

THREADS = 4
APP = ("celery", "-A", "recoverydesk")
WORKER = ("worker", "-P", "threads", "-c", str(THREADS))
WORDS = " ".join([*APP, *WORKER])


def command(*options: str) -> list[str]:
    """The worker's command for this process's interpreter, without Celery's banner; `options` come at its end."""
    return [sys.executable, "-m", *APP, "--quiet", *WORKER, *options]
