"""What a load balancer and monitoring are told."""

import json
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now
from django.test import RequestFactory
from pytest_django import DjangoAssertNumQueries

from accounts.models import FieldKey
from recoverydesk import health, readiness
from recoverydesk.recovery.background import heartbeat
from recoverydesk.recovery.models import Heartbeat
from tests.helpers.ports import free_port

NO_CACHE = "no-cache"
Change = Callable[[pytest.MonkeyPatch, Any, Path], None]


@pytest.fixture(autouse=True)
def _all_is_well(db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(readiness, "_said", {})
    readiness.not_collected.cache_clear()
    heartbeat.beat()


def ask(rf: RequestFactory) -> tuple[int, dict[str, str]]:
    answer = health.readyz(rf.get("/readyz"))
    return answer.status_code, json.loads(answer.content)


def test_livez_asks_nobody(rf: RequestFactory, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        answer = health.livez(rf.get("/livez"))
    assert answer.status_code == 200
    assert NO_CACHE in answer.headers["Cache-Control"]


def test_readyz_names_every_part_and_asks_few_queries(
    rf: RequestFactory, django_assert_max_num_queries: Callable[[int], AbstractContextManager[Any]]
) -> None:
    with django_assert_max_num_queries(8):
        status, found = ask(rf)
    assert (status, found.pop("status")) == (200, "ok")
    assert found == dict.fromkeys(["database", *readiness.OF_DATABASE, *readiness.OTHERS], "ok")


def closed_port(patch: pytest.MonkeyPatch, _settings: Any, _folder: Path) -> None:
    patch.setattr(current_app.conf, "broker_write_url", f"redis://user:pass-word@127.0.0.1:{free_port()}/0")


def no_migration(*_: Any) -> None:
    MigrationRecorder.Migration.objects.filter(app="recovery").delete()


def no_manifest(patch: pytest.MonkeyPatch, _settings: Any, folder: Path) -> None:
    patch.setattr(readiness, "staticfiles_storage", ManifestStaticFilesStorage(location=folder, base_url="/static/"))


def no_folder(_patch: pytest.MonkeyPatch, settings: Any, folder: Path) -> None:
    settings.VAR_DIR = folder / "not-mounted"


def dummy_cache(_patch: pytest.MonkeyPatch, settings: Any, _folder: Path) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}


def foreign_key(*_: Any) -> None:
    FieldKey.objects.create(key_id="e614e614")


def silent_worker(*_: Any) -> None:
    Heartbeat.objects.update(at=Now() - timedelta(minutes=4))


def no_worker(*_: Any) -> None:
    Heartbeat.objects.all().delete()


def worker_of_the_future(*_: Any) -> None:
    Heartbeat.objects.update(at=Now() + timedelta(days=8))


@pytest.mark.parametrize(
    ("change", "part", "word", "reason"),
    [
        (no_migration, "migrations", "behind", "manage.py migrate"),
        (foreign_key, "keys", "wrong", "e614e614"),
        (silent_worker, "worker", "silent", "beat"),
        (no_worker, "worker", "never ran", "beat"),
        (worker_of_the_future, "worker", "silent", "beat"),
        (no_manifest, "static", "missing", "collectstatic"),
        (no_folder, "files", "not writable", "not-mounted"),
        (dummy_cache, "cache", "forgets", ""),
        (closed_port, "broker", "no answer", "refused"),
    ],
    ids=lambda one: one.__name__ if callable(one) else "",
)
def test_readyz_names_the_part_and_the_log_says_why(
    rf: RequestFactory,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    change: Change,
    part: str,
    word: str,
    reason: str,
) -> None:
    change(monkeypatch, settings, tmp_path)
    for _time in range(2):
        status, found = ask(rf)
        assert (status, found.pop("status")) == (503, "not ready")
        assert {name: said for name, said in found.items() if said != "ok"} == {part: word}
    (line,) = [one for one in caplog.records if one.name == "recoverydesk.readiness"]
    assert line.levelno == logging.ERROR
    assert reason in line.getMessage()


def test_readyz_says_when_the_database_is_gone(rf: RequestFactory) -> None:
    def gone(execute: Callable[..., Any], *arguments: Any) -> Any:
        raise OperationalError("the connection to db.example.org is closed")

    with connection.execute_wrapper(gone):
        status, found = ask(rf)
    assert (status, found["database"], found["migrations"], found["files"]) == (503, "no answer", "not asked", "ok")
    assert "example.org" not in str(found)


def test_the_log_says_when_a_part_is_ready_again(rf: RequestFactory, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    no_worker()
    ask(rf)
    heartbeat.beat()
    assert ask(rf)[0] == 200
    assert [one.getMessage().split(",")[0] for one in caplog.records][-1] == "worker: ok "


def test_who_asks_often_is_told_what_was_found_just_now(
    rf: RequestFactory, settings: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert ask(rf)[0] == 200
    settings.READYZ_KEEPS = timedelta(hours=1)
    with django_assert_num_queries(0):
        assert ask(rf)[0] == 200


def test_every_file_of_ours_is_one_that_readyz_looks_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_manifest(monkeypatch, None, tmp_path)
    assert len(readiness.not_collected()) == len({name for one in get_finders() for name, _ in one.list([])}) > 100


@pytest.mark.parametrize("view", [health.livez, health.readyz])
def test_health_is_only_read(rf: RequestFactory, view: Callable[..., Any]) -> None:
    assert view(rf.post("/livez")).status_code == 405
