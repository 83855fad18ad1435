"""A chore of the sweep: staged releases whose time is over, bytes that belong to no row, rows that ended long ago."""

import contextlib
from datetime import timedelta

from django.core.files.storage import default_storage
from django.db.models.functions import Now
from django.utils import timezone

from recoverydesk.projects.files import STALE
from recoverydesk.staging import ending, errors, reading
from recoverydesk.staging.keeping import FOLDER
from recoverydesk.staging.models import LASTS, StagedFile, StagedRelease

BATCH = 100
KEPT = timedelta(days=90)  # how long /api/staged/ still answers


def sweep() -> int:
    """Do what is due now and return how many staged releases expired."""
    due = reading.waiting().filter(staged_at__lte=Now() - LASTS).order_by("staged_at")
    done = 0
    for uid in due.values_list("uid", flat=True)[:BATCH]:
        with contextlib.suppress(errors.Ended):
            ending.expire(uid)
            done += 1
    _forget()
    _clear()
    return done


def _forget() -> None:
    StagedRelease.objects.filter(ended_at__lte=Now() - KEPT).delete()


def _clear() -> None:
    """Delete what a crash between storing and recording, or between recording and deleting, left behind."""
    if not default_storage.exists(FOLDER):
        return
    live = {name.split("/")[1] for name in StagedFile.objects.filter(live=True).values_list("stored_as", flat=True)}
    for folder in set(default_storage.listdir(FOLDER)[0]) - live:
        _clear_folder(f"{FOLDER}/{folder}")


def _clear_folder(folder: str) -> None:
    """An upload on its way has no row that we see yet: what is young stays.

    A publication or another sweep may remove the folder meanwhile: then nothing is left to do.
    """
    try:
        names = [f"{folder}/{name}" for name in default_storage.listdir(folder)[1]]
        times = [default_storage.get_modified_time(name) for name in names]
    except FileNotFoundError:
        return
    if all(time < timezone.now() - timedelta(seconds=STALE) for time in times):
        for name in [*names, folder]:
            default_storage.delete(name)
