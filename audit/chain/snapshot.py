"""One view of the database for many queries, which blocks no writer."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

FIRST_READ = "SELECT count(*) FROM audit_seal"  # the view is that of the first read, not of BEGIN


@contextmanager
def one_view() -> Iterator[None]:
    """Everything read inside is the database at one moment. Nothing may be written inside.

    Inside a transaction that is open already, its own view must do (tests).
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute(FIRST_READ)
            yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")  # atomic() would begin IMMEDIATE and keep writers out
            try:
                cursor.execute(FIRST_READ)
                yield
            finally:
                cursor.execute("ROLLBACK")
