"""The Celery application. Tasks carry ids only; whatever is due is found in the database."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init

from recoverydesk import queue_folder, queue_redis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recoverydesk.settings")

queue_folder.install()
queue_redis.install()
app = Celery("recoverydesk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def check_keys(**_options: Any) -> None:
    """Worker and beat do not start with other keys than the database's."""
    from recoverydesk.keys_at_hand import at_start

    at_start()
