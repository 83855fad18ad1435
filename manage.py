#!/usr/bin/env python
"""Run a management command: `.venv/bin/python manage.py help` lists them."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor


def main() -> None:
    """Run it; a database that is not there, or not set up, is one sentence instead of a traceback (exit 1)."""
    try:
        execute_from_command_line(sys.argv)
    except DatabaseError as error:
        sentence = "" if "--traceback" in sys.argv else _what_is_wrong()
        if not sentence:
            raise
        sys.exit(f"{sentence} ({str(error).splitlines()[0]})")


def _what_is_wrong() -> str:
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "The database does not answer. Look at DATABASE_URL, and whether its server runs."
    return "The database is not set up for this version: run `.venv/bin/python manage.py migrate`." if pending else ""


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recoverydesk.settings")
    main()
