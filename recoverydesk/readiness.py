"""Is each part there that serving needs? /readyz says which is not, in fixed words; the log says why."""

import logging
import os
import secrets
import tempfile
from collections.abc import Callable
from functools import cache as kept
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.cache import cache
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from common import wake
from recoverydesk.database import keys_match
from recoverydesk.recovery.background import heartbeat

OK = "ok"
logger = logging.getLogger(__name__)
_said: dict[str, str] = {}  # what the log was told of a part last


class NotReady(Exception):
    """Why a part is not ready: `word` for everybody, the rest for the log."""

    def __init__(self, word: str, why: str = "") -> None:
        super().__init__(why or word)
        self.word = word


def parts() -> dict[str, str]:
    """Ask each part; the word is "ok", or says what is wrong. Where the database is away, its parts are not asked."""
    found = {"database": _ask("database", database)}
    for name, part in OF_DATABASE.items():
        found[name] = _ask(name, part) if found["database"] == OK else "not asked"
    return found | {name: _ask(name, part) for name, part in OTHERS.items()}


def _ask(name: str, part: Callable[[], None]) -> str:
    word, why = OK, ""
    try:
        part()
    except NotReady as error:
        word, why = error.word, str(error)
    except Exception as error:
        word, why = "no answer", f"{type(error).__name__}: {error}"
    if _said.get(name, OK) != word:
        _said[name] = word
        logger.log(logging.INFO if word == OK else logging.ERROR, "%s: %s %s", name, word, why)
    return word


def database() -> None:
    """It answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def migrations() -> None:
    """It has all tables of this version; those of a later one are no fault."""
    lacking = newest_migrations() - MigrationRecorder(connection).applied_migrations().keys()
    if lacking:
        raise NotReady("behind", "run `manage.py migrate`: " + ", ".join(sorted(".".join(one) for one in lacking)))


@kept
def newest_migrations() -> frozenset[tuple[str, str]]:
    """The last migration of each room, from the files of this program."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def keys() -> None:
    """FIELD_KEYS and AUDIT_KEY open what is in the database."""
    if wrong := keys_match.problem():
        raise NotReady("wrong", wrong)


def worker() -> None:
    """A round of due work has ended recently."""
    if (state := heartbeat.state()) != OK:
        raise NotReady(state, "look at the worker, beat and the broker")


def static() -> None:
    """Every stylesheet and script of this version was collected before the start."""
    if missing := not_collected():
        raise NotReady("missing", f"run `manage.py collectstatic` and start again: {missing[0]} and others")


@kept
def not_collected() -> list[str]:
    """Files that pages may name and the manifest, which is read at the start, does not."""
    known = getattr(staticfiles_storage, "hashed_files", None)
    if known is None:
        return []  # a local start serves them from their rooms
    return sorted({name for finder in get_finders() for name, _where in finder.list([])} - known.keys())


def files() -> None:
    """What this program writes can be written. A folder that is not there is not made: its disk may be missing."""
    folders = [settings.VAR_DIR, *(one for one in (settings.MEDIA_ROOT, settings.QUEUE_DIR) if Path(one).exists())]
    for folder in folders:
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(bytes(4096))
        except OSError as error:
            raise NotReady("not writable", f"{folder}: {error.strerror}") from error


def shared_cache() -> None:
    """What is put into the cache is there."""
    name, word = f"readyz:{os.getpid()}", secrets.token_hex(8)
    cache.set(name, word, 60)
    if cache.get(name) != word:
        raise NotReady("forgets")


def broker() -> None:
    """It can be reached within a second or two."""
    with wake.impatient_connection() as line, line.channel():
        pass


OF_DATABASE: dict[str, Callable[[], None]] = {"migrations": migrations, "keys": keys, "worker": worker}
OTHERS: dict[str, Callable[[], None]] = {"static": static, "files": files, "cache": shared_cache, "broker": broker}
