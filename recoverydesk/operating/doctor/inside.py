"""The parts that the program is made of: settings, database, keys, broker, cache, files, worker, beat, people."""

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from celery import current_app
from django.conf import settings
from django.core import checks
from django.db import connection

from accounts import key_rotation
from accounts.models import User
from audit.chain import sealing, signing
from audit.models import Seal
from common import keys, wake
from common.clock import database_now
from recoverydesk import __version__, readiness
from recoverydesk.database import keys_match
from recoverydesk.operating import mirror
from recoverydesk.operating.doctor.findings import Check, Finding, not_asked, ok, warning, wrong
from recoverydesk.recovery.background import heartbeat

OLDEST_POSTGRESQL = 14  # what Django 5.2 takes
ROWS = 3  # of each encrypted column, the newest
SEALS = 5  # the newest
SKEW_SEEN, SKEW_WRONG = 2, 20  # seconds between the clocks of machine and database; a one-time code lives 30
LEAST_ROOM = 2**30  # bytes
PATIENCE = 10  # seconds for a worker to take a task
CONNECT_WITHIN = 5  # seconds


def site() -> Iterator[Finding]:
    """Settings that were read are right one by one; Django's own checks look at them together."""
    said = [one for one in checks.run_checks(include_deployment_checks=settings.PRODUCTION) if not one.is_silenced()]
    for one in said:
        finding = wrong if one.level >= checks.ERROR else warning
        yield finding("settings", str(one.msg).partition("\n")[0], one.hint or f"see {one.id}")
    if not settings.PRODUCTION:
        yield warning("settings", "this is a local site", "set BASE_URL to the https:// address people use")
    elif not said:
        yield ok("settings", f"production at {settings.BASE_URL}, version {__version__}")


def database() -> Iterator[Finding]:
    """It answers, and is new enough."""
    if connection.vendor == "postgresql":
        connection.settings_dict.setdefault("OPTIONS", {}).setdefault("connect_timeout", CONNECT_WITHIN)
    readiness.database()
    if connection.vendor != "postgresql":
        yield warning("database", "SQLite, for one machine and few people", "set DATABASE_URL to a PostgreSQL")
        return
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (version,) = cursor.fetchone()
    if int(version.split(".")[0]) < OLDEST_POSTGRESQL:
        yield wrong("database", f"PostgreSQL {version}", f"use PostgreSQL {OLDEST_POSTGRESQL} or newer")
    else:
        yield ok("database", f"PostgreSQL {version}")


def migrations() -> Iterator[Finding]:
    """All tables of this version are there."""
    readiness.migrations()
    yield ok("migrations", "all are applied")


def clock() -> Iterator[Finding]:
    """This machine and the database agree on the time: codes, leases and waits depend on it."""
    before = time.time()
    theirs = database_now()
    ours = datetime.fromtimestamp((before + time.time()) / 2, UTC)
    skew = abs((theirs - ours).total_seconds())
    words = f"{skew:.1f} seconds between this machine and the database"
    if skew <= SKEW_SEEN:
        yield ok("clock", words)
    else:
        yield (wrong if skew > SKEW_WRONG else warning)("clock", words, "let NTP set the clocks of both machines")


def field_keys() -> Iterator[Finding]:
    """FIELD_KEYS open what is in the database: every key that rows name is there, and some rows of each column open."""
    if problem := keys_match.problem():
        name, _colon, todo = problem.partition(": ")
        yield wrong("keys", f"{name} is not the key of this database", todo)
        return
    opened = 0
    for column in key_rotation.columns():
        for _pk, sealed, purpose in column.rows().reverse()[:ROWS]:
            raw = sealed.encode() if isinstance(sealed, str) else bytes(sealed)
            try:
                opened += bool(keys.decrypt(purpose, raw)) if raw else 0
            except keys.BadCiphertext:
                yield wrong(
                    "keys", f"a row of {column.name} does not open", "put its key behind the newest of FIELD_KEYS"
                )
                return
    yield ok("keys", f"{len(settings.FIELD_KEYS)} in FIELD_KEYS; {opened} rows opened")


def log() -> Iterator[Finding]:
    """The newest seals of the log are signed by keys we trust."""
    newest, trusted = list(Seal.objects.order_by("-number")[:SEALS]), signing.trusted()
    for seal in newest:
        if not signing.is_signed(trusted.get(seal.key_id), sealing.hash_of(seal), seal.signature):
            yield wrong("log", f"seal {seal.number} is not signed by AUDIT_KEY", "run `recoverydesk verify_audit`")
            return
    yield ok("log", f"{len(newest)} newest seals verify" if newest else "nothing is sealed yet")


def broker() -> Iterator[Finding]:
    """It can be reached."""
    readiness.broker()
    yield ok("broker", str(settings.CELERY_BROKER_URL).partition("://")[0])


def cache() -> Iterator[Finding]:
    """What is put there is there."""
    readiness.shared_cache()
    yield ok("cache", str(settings.CACHES["default"]["BACKEND"]).rpartition(".")[2])


def static() -> Iterator[Finding]:
    """Stylesheets and scripts were collected."""
    readiness.static()
    yield ok("static", "all files are collected" if settings.PRODUCTION else "served from the rooms")


def folder() -> Iterator[Finding]:
    """VAR_DIR can be written, and has room."""
    readiness.files()
    room = shutil.disk_usage(settings.VAR_DIR).free
    words = f"{settings.VAR_DIR} can be written; {room / 2**30:.1f} GiB are free"
    yield (
        ok("files", words) if room >= LEAST_ROOM else warning("files", words, "make room: backups and uploads need it")
    )


def background() -> Iterator[Finding]:
    """A worker answers, and beat wakes it: a round of due work ended lately. Together they tell which one is away."""
    state, answer = heartbeat.state(), _ask_a_worker()
    if answer and not answer["same_folder"]:
        yield wrong("worker", "it writes into another VAR_DIR", "give web, worker and this command the same VAR_DIR")
    elif answer and answer["version"] != __version__:
        yield warning("worker", f"it runs version {answer['version']}", "restart it with this version")
    elif answer:
        yield ok("worker", "it takes tasks and sees VAR_DIR")
    elif state == readiness.OK:
        yield warning("worker", f"no answer in {PATIENCE} seconds", "it is busy, or rounds are run by a timer alone")
    else:
        yield wrong("worker", f"no answer, and the last round is {state}", "start `recoverydesk run worker`")
    if state == readiness.OK:
        yield ok("beat", "a round of due work ended lately")
    elif answer:
        yield wrong("beat", f"the last round of due work: {state}", "start `recoverydesk run beat`")
    else:
        yield not_asked("beat", "worker comes first")


def _ask_a_worker() -> dict[str, object] | None:
    with mirror.question() as number, wake.impatient_connection() as line:
        name = "recoverydesk.operating.tasks.look"
        current_app.send_task(name, [number], connection=line, retry=False, ignore_result=True, expires=PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while (answer := mirror.noted(number)) is None and time.monotonic() < deadline:
            time.sleep(0.1)
        return answer


def staff() -> Iterator[Finding]:
    """Somebody can enter the desk and make others staff."""
    if count := User.objects.filter(is_superuser=True, is_active=True).count():
        yield ok("staff", f"{count} superusers" if count > 1 else "one superuser: a second one can stand in")
    else:
        yield warning("staff", "no superuser", "run `recoverydesk createsuperuser`")


CHECKS = [
    Check("settings", site, "look at the settings file"),
    Check("database", database, "look at DATABASE_URL, and whether its server runs"),
    Check("migrations", migrations, "run `recoverydesk migrate`", needs=("database",)),
    Check("clock", clock, "look at the database", needs=("database",)),
    Check("keys", field_keys, "look at FIELD_KEYS and AUDIT_KEY", needs=("database", "migrations")),
    Check("log", log, "run `recoverydesk verify_audit`", needs=("database", "migrations")),
    Check("staff", staff, "look at the database", needs=("database", "migrations")),
    Check("cache", cache, "look at CACHE_URL, and whether its server runs"),
    Check("static", static, "run `recoverydesk collectstatic`"),
    Check("files", folder, "look at VAR_DIR"),
    Check("broker", broker, "look at BROKER_URL, and whether its server runs"),
]
WORKERS = Check(
    "worker", background, "look at the worker's log", needs=("database", "migrations", "cache", "files", "broker")
)
