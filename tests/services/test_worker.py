"""The worker that users run: it ends at once when it cannot go on, and hears nothing but tasks."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from celery import Celery

from recoverydesk.consumer import EX_SOFTWARE
from tests.services import processes, servers

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[servers.Redis]:
    server = servers.Redis(tmp_path)
    yield server
    server.stop()


def test_a_worker_that_cannot_go_on_does_not_wait_for_its_tasks(tmp_path: Path, broker: servers.Redis) -> None:
    """Celery waits for a task that is under way, and takes no new one: alive, and of no use to anybody."""
    with processes.worker(tmp_path, broker.url) as worker:
        Celery(broker=broker.url).send_task(f"{processes.TASKS}.break_the_loop", ignore_result=True)
        assert worker.child.wait(60) == EX_SOFTWARE
        assert "the worker cannot go on and ends" in worker.said()


def test_a_broadcast_ends_no_worker(tmp_path: Path, broker: servers.Redis) -> None:
    """Celery's remote control lets whoever can write to the broker shut every worker down."""
    with processes.worker(tmp_path, broker.url) as worker:
        Celery(broker=broker.url).control.broadcast("shutdown")
        line = redis.Redis(port=broker.port)
        assert line.pubsub_numpat() == 0
        line.close()
        Celery(broker=broker.url).send_task(f"{processes.TASKS}.tell", ["that it lives"], ignore_result=True)
        worker.wait_for("told that it lives")
