"""Triggers that keep the log append-only against every client of the database, ours included (threat T27).

Events, seals and checkpoints refuse UPDATE, DELETE and TRUNCATE; details refuse UPDATE but may be deleted (erasure).
A seal's number is above all others; on PostgreSQL only a superuser may leave numbers out, which records a restore.
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
REFUSE, IN_ORDER = "audit_refuse", "audit_seal_in_order"
MANAGED = ("rds_superuser", "cloudsqlsuperuser", "azure_pg_admin")  # who rules where nobody is given a superuser
SUPERUSER = f"""EXISTS (
    SELECT 1 FROM pg_catalog.pg_roles r WHERE r.rolname = current_user AND r.rolsuper
        OR r.rolname IN ('{"', '".join(MANAGED)}') AND pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER'))"""  # noqa: S608 - our own words
FUNCTIONS = {
    REFUSE: "BEGIN RAISE EXCEPTION 'the audit log is append-only: % on % refused', TG_OP, TG_TABLE_NAME; END",
    IN_ORDER: f"""
DECLARE newest bigint;
BEGIN
    EXECUTE pg_catalog.format('SELECT max(number) FROM %s', TG_RELID::regclass) INTO newest;
    IF NEW.number <= newest THEN
        RAISE EXCEPTION 'the audit log is append-only: seal % is below seal %', NEW.number, newest
            USING ERRCODE = 'unique_violation';
    ELSIF NEW.number > coalesce(newest, 0) + 1 AND NOT {SUPERUSER} THEN
        RAISE EXCEPTION 'only a superuser of the database may record a restore: seal % does not follow', NEW.number;
    END IF;
    RETURN NEW;
END""",  # noqa: S608 - our own words
}


@dataclass(frozen=True)
class Trigger:
    name: str
    table: str
    sql: str  # the statement that creates it
    function: str = ""  # PostgreSQL's


def _sqlite(name: str, table: str, when: str, condition: str = "") -> Trigger:
    refusal = f"SELECT RAISE(ABORT, 'the audit log is append-only: {when.lower()} on {table} refused')"
    sql = f"CREATE TRIGGER {name} BEFORE {when} ON {table} {condition}BEGIN {refusal}; END"
    return Trigger(name, table, sql)


def _postgresql(name: str, table: str, when: str) -> Trigger:
    sql = f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {REFUSE}()"
    return Trigger(name, table, sql, REFUSE)


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
        _sqlite("audit_seal_no_replace", SEAL, "INSERT", f"WHEN NEW.number <= (SELECT max(number) FROM {SEAL}) "),  # noqa: S608
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
        Trigger(
            IN_ORDER,
            SEAL,
            f"CREATE TRIGGER {IN_ORDER} BEFORE INSERT ON {SEAL} FOR EACH ROW EXECUTE FUNCTION {IN_ORDER}()",
            IN_ORDER,
        ),
    ],
}


def install(connection: BaseDatabaseWrapper) -> None:
    """Make every trigger anew, in one transaction; what was altered or switched off is put right."""
    postgresql = connection.vendor == "postgresql"
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        _drop(connection, cursor)
        for name, body in FUNCTIONS.items() if postgresql else ():
            cursor.execute(f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$")
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
    return found.get(trigger.name) == f"A {trigger.sql} {FUNCTIONS[trigger.function]}"


def _drop(connection: BaseDatabaseWrapper, cursor: Any) -> None:
    triggers: Sequence[Trigger] = TRIGGERS[connection.vendor]
    for trigger in triggers:
        table = f" ON {trigger.table}" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER IF EXISTS {trigger.name}{table}")
