"""Rows into tables as fast as the database takes them: COPY on PostgreSQL, batches of INSERT on SQLite."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.models import Max

CHUNK = 5_000
Row = Sequence[Any]
Tell = Callable[[int], None]


def next_id(model: type[models.Model]) -> int:
    """The first free integer id of a table."""
    return (model._default_manager.aggregate(last=Max("pk"))["last"] or 0) + 1


def load(model: type[models.Model], names: Sequence[str], rows: Iterable[Row], tell: Tell) -> int:
    """Insert `rows`, each with the values of the fields `names`, and return how many there were.

    Fields that are not named get their default, once for all rows. `tell` hears of every chunk.
    """
    rest = _defaults(model, names)
    fields = [model._meta.get_field(name) for name in (*names, *rest)]
    columns = [str(field.column) for field in fields]  # type: ignore[union-attr]
    whole = (tuple(row) + tuple(rest.values()) for row in rows)
    copy = _copy if connection.vendor == "postgresql" else _insert
    return copy(model._meta.db_table, columns, whole, tell)


def reset_sequences(*tables: type[models.Model]) -> None:
    """Let the next id that the database hands out follow the ones written here."""
    from django.core.management.color import no_style

    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), tables):
            cursor.execute(statement)


def analyze() -> None:
    """Tell the planner what came in."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _defaults(model: type[models.Model], names: Sequence[str]) -> dict[str, Any]:
    fields = [field for field in model._meta.concrete_fields if field.name not in names and field.attname not in names]
    left = [field for field in fields if not field.primary_key and not field.has_db_default()]
    return {field.attname: field.get_default() for field in left}


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _copy(table: str, columns: Sequence[str], rows: Iterable[Row], tell: Tell) -> int:
    """One COPY in PostgreSQL's text format."""
    done = 0
    names = ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor, cursor.cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
        for chunk in _chunks(rows):
            copy.write("".join(chain.from_iterable((_line(row), "\n") for row in chunk)))
            done += len(chunk)
            tell(len(chunk))
    return done


def _line(row: Row) -> str:
    return "\t".join(map(_text, row))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value if "\\" not in value and "\n" not in value else _escape(value)
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    if isinstance(value, dict | list):
        return _escape(json.dumps(value))
    return "t" if value is True else "f" if value is False else str(value)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def _insert(table: str, columns: Sequence[str], rows: Iterable[Row], tell: Tell) -> int:
    done = 0
    names, marks = ", ".join(f'"{column}"' for column in columns), ", ".join(["%s"] * len(columns))
    statement = f'INSERT INTO "{table}" ({names}) VALUES ({marks})'  # noqa: S608 - names of our own models
    with connection.cursor() as cursor:
        for chunk in _chunks(rows):
            cursor.executemany(statement, [tuple(map(_plain, row)) for row in chunk])
            done += len(chunk)
            tell(len(chunk))
    return done


def _plain(value: Any) -> Any:
    """A value as SQLite stores it for Django."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ")
    if isinstance(value, UUID):
        return value.hex
    return json.dumps(value) if isinstance(value, dict | list) else value
