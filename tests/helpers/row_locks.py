"""Which rows are asked for with a lock. SQLite leaves the words out, so a test there looks at the question itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db.models.sql.compiler import SQLCompiler


@contextmanager
def row_locks() -> Iterator[list[str]]:
    """The models whose rows are asked for with `select_for_update`, in this order."""
    asked: list[str] = []
    as_sql = SQLCompiler.as_sql

    def noted(compiler: SQLCompiler, *args: Any, **kwargs: Any) -> Any:
        if compiler.query.select_for_update and compiler.query.model:
            asked.append(compiler.query.model.__name__)
        return as_sql(compiler, *args, **kwargs)

    with mock.patch.object(SQLCompiler, "as_sql", noted):
        yield asked
