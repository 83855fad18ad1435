"""The Celery application. Tasks carry ids only; whatever is due is found in the database."""

import os

from celery import Celery

from recoverydesk import queue_folder, queue_redis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recoverydesk.settings")

queue_folder.install()
queue_redis.install()
app = Celery("recoverydesk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
