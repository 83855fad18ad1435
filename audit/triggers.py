"""Triggers that keep the log append-only against every client of the database, ours included (threat T27).

Events, seals and checkpoints refuse UPDATE, DELETE and TRUNCATE; details refuse UPDATE but may be deleted (erasure).
On SQLite an `INSERT OR REPLACE` deletes without asking delete triggers, so an id that exists is refused on the way in.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

EVENT, DETAIL, SEAL, CHECKPOINT = "audit_event", "audit_eventdetail", "audit_seal", "audit_checkpoint"
TABLES = (EVENT, DETAIL, SEAL, CHECKPOINT)
FUNCTION = "audit_refuse"
FUNCTION_BODY = "BEGIN RAISE EXCEPTION 'the audit log is append-only: % on % refused', TG_OP, TG_TABLE_NAME; END"


@dataclass(frozen=True)
class Trigger:
    name: str
    table: str
    sql: str  # the statement that creates it


def _sqlite(name: str, table: str, when: str, condition: str = "") -> Trigger:
    refusal = f"SELECT RAISE(ABORT, 'the audit log is append-only: {when.lower()} on {table} refused')"
    sql = f"CREATE TRIGGER {name} BEFORE {when} ON {table} {condition}BEGIN {refusal}; END"
    return Trigger(name, table, sql)


def _postgresql(name: str, table: str, when: str) -> Trigger:
    sql = f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()"
    return Trigger(name, table, sql)


def _exists(table: str, *columns: str) -> str:
    same = " OR ".join(f"{column} = NEW.{column}" for column in columns)
    return f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "  # noqa: S608 - our own table names


TRIGGERS = {
    "sqlite": [
        *(
            _sqlite(f"{table}_no_{when.lower()}", table, when)
            for table in (EVENT, SEAL, CHECKPOINT)
            for when in ("UPDATE", "DELETE")
        ),
        _sqlite("audit_event_no_replace", EVENT, "INSERT", _exists(EVENT, "id")),
        _sqlite("audit_seal_no_replace", SEAL, "INSERT", _exists(SEAL, "number")),
        _sqlite("audit_checkpoint_no_replace", CHECKPOINT, "INSERT", _exists(CHECKPOINT, "id")),
        _sqlite("audit_eventdetail_no_update", DETAIL, "UPDATE"),
        _sqlite("audit_eventdetail_no_replace", DETAIL, "INSERT", _exists(DETAIL, "id", "event_id")),
    ],
    "postgresql": [
        *(
            _postgresql(f"{table}_no_{when.lower()}", table, when)
            for table in (EVENT, SEAL, CHECKPOINT)
            for when in ("UPDATE", "DELETE", "TRUNCATE")
        ),
        _postgresql("audit_eventdetail_no_update", DETAIL, "UPDATE"),
    ],
}


def install(connection: BaseDatabaseWrapper) -> None:
    """Make every trigger anew, in one transaction; what was altered or switched off is put right."""
    postgresql = connection.vendor == "postgresql"
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        _drop(connection, cursor)
        if postgresql:
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $${FUNCTION_BODY}$$"
            )
        for trigger in TRIGGERS[connection.vendor]:
            cursor.execute(trigger.sql)
            if postgresql:  # ALWAYS: also in sessions that pass for replicas
                cursor.execute(f"ALTER TABLE {trigger.table} ENABLE ALWAYS TRIGGER {trigger.name}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of triggers that are absent, altered or switched off; empty when all is well."""
    with connection.cursor() as cursor:
        cursor.execute(STATE[connection.vendor])
        found = dict(cursor.fetchall())
    return [trigger.name for trigger in TRIGGERS[connection.vendor] if not _is_whole(trigger, found, connection.vendor)]


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """For the tear-down of tests only: no triggers inside, all of them afterwards."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        _drop(connection, cursor)
    try:
        yield
    finally:
        install(connection)


def install_after_migrate(*, using: str, **_signal: Any) -> None:
    """The `post_migrate` receiver: a rebuilt table has lost its triggers."""
    connection = connections[using]
    if set(TABLES) <= set(connection.introspection.table_names()) and missing(connection):
        install(connection)


STATE = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": f"""
        SELECT tgname, tgenabled::text || ' ' || pg_get_triggerdef(pg_trigger.oid, true) || ' ' || prosrc
        FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
        WHERE tgrelid IN ({", ".join(f"to_regclass('{table}')" for table in TABLES)})
    """,  # noqa: S608 - our own table names
}


def _is_whole(trigger: Trigger, found: dict[str, str], vendor: str) -> bool:
    if vendor == "sqlite":
        return found.get(trigger.name) == trigger.sql
    return found.get(trigger.name) == f"A {trigger.sql} {FUNCTION_BODY}"


def _drop(connection: BaseDatabaseWrapper, cursor: Any) -> None:
    triggers: Sequence[Trigger] = TRIGGERS[connection.vendor]
    for trigger in triggers:
        table = f" ON {trigger.table}" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER IF EXISTS {trigger.name}{table}")
