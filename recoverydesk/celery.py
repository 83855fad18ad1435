"""The Celery application. Tasks carry ids only; whatever is due is found in the database."""

import logging
import os
import signal
from typing import Any

from celery import Celery
from celery.apps import beat, worker
from celery.signals import beat_init, setup_logging, task_postrun, task_prerun, worker_init
from django.conf import settings

from recoverydesk import log_ids
from recoverydesk.broker import folder_transport, redis_transport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recoverydesk.settings")

folder_transport.install()
redis_transport.install()


def banner_is_wanted() -> bool:
    """Celery prints one for a person; where the log is read by a program it would be no line of it."""
    return settings.LOG_FORMAT == "words"


class Worker(worker.Worker):
    """Celery's worker, which prints nothing besides the log."""

    def on_before_init(self, quiet: bool = False, **options: Any) -> None:
        """From the first line on it says that it is one."""
        log_ids.this_is("worker")
        super().on_before_init(quiet=quiet, **options)

    def emit_banner(self) -> None:
        """Say what it is, to a person."""
        if banner_is_wanted():
            super().emit_banner()


class Beat(beat.Beat):
    """The same of beat."""

    def __init__(self, **options: Any) -> None:
        log_ids.this_is("beat")
        super().__init__(**{**options, "quiet": options.get("quiet") or not banner_is_wanted()})

    def install_sync_handler(self, service: Any) -> None:
        """Celery's would break off in the middle of a message, where its own code may catch the end and go on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: (service._is_shutdown.set(), service.scheduler.stop()))


class Desk(Celery):
    """Celery with these two programs."""

    @property
    def Worker(self) -> Any:  # noqa: N802  # Celery's name
        """What `celery worker` starts."""
        return self.subclass_with_self(Worker)

    @property
    def Beat(self) -> Any:  # noqa: N802  # Celery's name
        """What `celery beat` starts."""
        return self.subclass_with_self(Beat)


app = Desk("recoverydesk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
vars(worker)["safe_say"] = lambda words, *_file: logging.getLogger("celery.worker").warning(words)


@setup_logging.connect
def log_as_the_web_does(**_options: Any) -> None:
    """Django's set-up of the log stands, for all of Celery's lines as well; -l and -f change nothing."""


@task_prerun.connect
def begin_task(task_id: str, **_options: Any) -> None:
    """Lines of this thread are the task's."""
    log_ids.begin("task", task_id)


task_postrun.connect(log_ids.end)


@worker_init.connect
@beat_init.connect
def check_keys(**_options: Any) -> None:
    """Worker and beat do not start with other keys than the database's."""
    from recoverydesk.database.keys_match import at_start

    at_start()
