"""The Celery application. Tasks carry ids only; whatever is due is found in the database."""

import os

from celery import Celery

from recoverydesk import queue_folder

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recoverydesk.settings")

queue_folder.install()
app = Celery("recoverydesk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
