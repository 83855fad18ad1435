"""Empty tables without their indexes while rows pour in: building an index once costs far less than a million inserts.

PostgreSQL only. All of it happens in the caller's transaction, so that a failure or a kill brings everything back. A
table that holds rows already keeps its indexes: building those anew would cost more, and lock out who is using it.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from django.db import connection, models

# Primary keys stay, and so does what a foreign key of any table points at; CHECK constraints and triggers too.
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint AS one
    WHERE conrelid = ANY(%s::regclass[]) AND (contype = 'f' OR contype = 'u' AND NOT EXISTS (
        SELECT 1 FROM pg_constraint WHERE contype = 'f' AND conindid = one.conindid))
    ORDER BY contype, conrelid, conname"""
INDEXES = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = ANY(%s::regclass[]) AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
    ORDER BY indrelid, indexrelid"""


class Guard(NamedTuple):
    """An index or a constraint: how to take it away and how to put it back."""

    drop: str
    make: str


@contextmanager
def bare(tables: Collection[type[models.Model]]) -> Iterator[None]:
    """Take the indexes, unique constraints and foreign keys of the empty ones among `tables` away, then put them back.

    Inside a transaction. Raises IntegrityError at the end for rows that break one of them.
    """
    guards = _guards([model for model in tables if not model._base_manager.exists()])
    _run(guard.drop for guard in guards)
    yield
    _run(guard.make for guard in reversed(guards))


def _guards(tables: Collection[type[models.Model]]) -> list[Guard]:
    """Foreign keys, then unique constraints, then indexes: dropped in this order, made in the other."""
    if connection.vendor != "postgresql":
        return []
    names = [connection.ops.quote_name(model._meta.db_table) for model in tables]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        cursor.execute(CONSTRAINTS, [names])
        constraints = [(table, connection.ops.quote_name(name), text) for table, name, text in cursor.fetchall()]
        cursor.execute(INDEXES, [names])
        indexes = cursor.fetchall()
    return [
        Guard(f"ALTER TABLE {table} DROP CONSTRAINT {name}", f"ALTER TABLE {table} ADD CONSTRAINT {name} {text}")
        for table, name, text in constraints
    ] + [Guard(f"DROP INDEX {name}", text) for name, text in indexes]


def _run(statements: Iterator[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
