"""The worker that users run: it ends at once when it cannot go on, and hears nothing but tasks."""

from pathlib import Path

import redis

from recoverydesk.broker.consumer import EX_SOFTWARE
from tests.services import processes, servers


def test_a_worker_that_cannot_go_on_does_not_wait_for_its_tasks(tmp_path: Path, broker: servers.Redis) -> None:
    """Celery waits for a task that is under way, and takes no new one: alive, and of no use to anybody."""
    with processes.worker(tmp_path, broker.url) as worker:
        processes.send(broker.url, "break_the_loop")
        assert worker.child.wait(60) == EX_SOFTWARE
        assert "the worker cannot go on and ends" in worker.said()


def test_a_broadcast_ends_no_worker(tmp_path: Path, broker: servers.Redis) -> None:
    """Celery's remote control lets whoever can write to the broker shut every worker down."""
    with processes.worker(tmp_path, broker.url) as worker:
        with processes.client(broker.url) as client:
            client.control.broadcast("shutdown")
        line = redis.Redis(port=broker.port)
        assert line.pubsub_numpat() == 0
        line.close()
        processes.send(broker.url, "tell", "that it lives")
        worker.wait_for("told that it lives")
