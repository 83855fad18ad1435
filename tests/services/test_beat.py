"""Beat: it wakes the workers whatever the wall clock says, keeps no file and fills no queue."""

import shelve
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery import __version__ as celery_version
from celery.beat import ScheduleEntry
from celery.schedules import schedule
from django.conf import settings

from recoverydesk.broker import beat
from tests.services import processes, servers

AHEAD = timedelta(days=8)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Celery]:
    """An application with our schedule and an empty queue of files."""
    folder = str(tmp_path / "queue")
    Path(folder, "control").mkdir(parents=True)
    places = {"data_folder_in": folder, "data_folder_out": folder, "control_folder": f"{folder}/control"}
    with Celery("test", broker="filesystem://localhost", set_as_current=False) as app:
        app.conf.update(beat_schedule=settings.CELERY_BEAT_SCHEDULE, broker_transport_options=places)
        yield app


def sent(tmp_path: Path) -> int:
    return len(list((tmp_path / "queue").glob("*.msg")))


def test_a_clock_that_was_ahead_and_is_put_right_silences_nothing(
    app: Celery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 1000.0
    monkeypatch.setattr("recoverydesk.broker.beat.time.monotonic", lambda: seconds)
    scheduler = beat.Scheduler(app, Producer=app.amqp.Producer)
    for days in (0, 8, 0, -1):
        now = datetime.now(UTC) + timedelta(days=days)
        monkeypatch.setattr(app, "now", lambda now=now: now)
        before = sent(tmp_path)
        assert scheduler.tick() == 5.0
        assert sent(tmp_path) == before + 2
        assert scheduler.tick() == 5.0
        assert sent(tmp_path) == before + 2
        seconds += 5
    scheduler.close()


def test_the_queue_of_a_desk_without_a_worker_does_not_grow(
    app: Celery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seconds = 1000.0
    monkeypatch.setattr("recoverydesk.broker.beat.time.monotonic", lambda: seconds)
    scheduler = beat.Scheduler(app, Producer=app.amqp.Producer)
    for _round in range(beat.ENOUGH):
        scheduler.tick()
        seconds += 5
    assert sent(tmp_path) == beat.ENOUGH
    assert caplog.text.count("20 wake-ups wait and no worker takes them") == 1
    next((tmp_path / "queue").glob("*.msg")).unlink()  # a worker takes one
    scheduler.tick()
    assert sent(tmp_path) == beat.ENOUGH
    scheduler.close()


@pytest.mark.parametrize("entry", settings.CELERY_BEAT_SCHEDULE.values(), ids=settings.CELERY_BEAT_SCHEDULE)
def test_a_wake_up_names_no_time_of_its_own(entry: dict[str, Any]) -> None:
    """What expires by the sender's clock is never done by a worker whose clock is ahead."""
    assert entry.keys() == {"task", "schedule"}
    assert isinstance(entry["schedule"], timedelta)


def test_a_file_from_the_future_is_not_read(tmp_path: Path) -> None:
    """What beat of 0.1.0 left behind after its clock was eight days ahead."""
    future = datetime.now(UTC) + AHEAD
    plan: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    entries = {
        name: ScheduleEntry(name, one["task"], future, 1, schedule(one["schedule"])) for name, one in plan.items()
    }
    with shelve.open(str(tmp_path / "beat")) as file:
        file.update({"entries": entries, "__version__": celery_version, "tz": "UTC", "utc_enabled": True})
    left = {path.name for path in tmp_path.iterdir()}
    (tmp_path / "queue" / "control").mkdir(parents=True)
    with processes.running(processes.beat_command(), {"VAR_DIR": str(tmp_path)}, tmp_path / "beat.log"):
        servers.wait_for(lambda: sent(tmp_path) > 0, "a wake-up", within=60)
    made = {path.name for path in tmp_path.iterdir()} - left
    assert not [name for name in made if name.startswith("beat") and name != "beat.log"]
    shutil.rmtree(tmp_path / "queue")
