"""Rows into tables as fast as the database takes them: COPY on PostgreSQL, batches of INSERT on SQLite."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.core.management.color import no_style
from django.db import connection, models
from django.db.models import Max

CHUNK = 5_000
TableRow = Sequence[Any]
Tell = Callable[[int], None]


def next_id(model: type[models.Model]) -> int:
    """The first free integer id of a table."""
    return (model._default_manager.aggregate(last=Max("pk"))["last"] or 0) + 1


def load(model: type[models.Model], names: Sequence[str], rows: Iterable[TableRow], tell: Tell) -> int:
    """Insert `rows`, each with the values of the fields `names`, and return how many there were.

    Fields that are not named get their default, once for all rows. `tell` hears of every chunk.
    """
    rest = _defaults(model, names)
    fields = [model._meta.get_field(name) for name in (*names, *rest)]
    columns = [connection.ops.quote_name(str(field.column)) for field in fields]  # type: ignore[union-attr]
    into = f"{connection.ops.quote_name(model._meta.db_table)} ({', '.join(columns)})"
    write = _copy if connection.vendor == "postgresql" else _insert
    done = 0
    for number in write(into, rows, tuple(rest.values())):
        done += number
        tell(number)
    return done


def reset_sequences(*tables: type[models.Model]) -> None:
    """Let the next id that the database hands out follow the ones written here."""
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


def _chunks(rows: Iterable[TableRow]) -> Iterator[list[TableRow]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _copy(into: str, rows: Iterable[TableRow], rest: TableRow) -> Iterator[int]:
    """One COPY in PostgreSQL's text format, chunk after chunk; every row ends in `rest`."""
    end = "".join(f"\t{_text(value)}" for value in rest) + "\n"
    with connection.cursor() as cursor, cursor.cursor.copy(f"COPY {into} FROM STDIN") as copy:
        for chunk in _chunks(rows):
            copy.write("".join([_line(row) + end for row in chunk]))
            yield len(chunk)


def _line(row: TableRow) -> str:
    return "\t".join([_TEXTS.get(type(value), _text)(value) for value in row])


def _text(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    return _string(json.dumps(value) if isinstance(value, dict | list) else str(value))


def _string(text: str) -> str:
    return text if text.isprintable() and "\\" not in text else text.translate(_ESCAPES)


_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_TEXTS: dict[type, Callable[[Any], str]] = {str: _string, int: str, datetime: str, UUID: str}  # the short way


def _insert(into: str, rows: Iterable[TableRow], rest: TableRow) -> Iterator[int]:
    end = tuple(map(_plain, rest))
    with connection.cursor() as cursor:
        for chunk in _chunks(rows):
            whole = [(*map(_plain, row), *end) for row in chunk]
            marks = ", ".join(["%s"] * len(whole[0]))
            cursor.executemany(f"INSERT INTO {into} VALUES ({marks})", whole)  # noqa: S608 - our own models
            yield len(chunk)


def _plain(value: Any) -> Any:
    """A value as SQLite stores it for Django."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ")
    if isinstance(value, UUID):
        return value.hex
    return json.dumps(value) if isinstance(value, dict | list) else value
