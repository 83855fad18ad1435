"""Loaded with `-p` before pytest-django reads the settings: gives each process its own VAR_DIR and its own database.

`DATABASE_URL` is used when given, `DB=postgres` starts a throw-away cluster, else the run is on SQLite.
"""

import atexit
import os
import shutil
import sys
import tempfile

from tests.helpers.files import names_in_example

KEPT = {"DATABASE_URL"}


def prepare() -> None:
    """Forget the caller's settings, make VAR_DIR, choose the database."""
    for name in names_in_example() - KEPT:
        os.environ.pop(name, None)
    var = tempfile.mkdtemp(prefix="recoverydesk-test-", dir=os.environ.get("PYTEST_FOLDER"))
    atexit.register(shutil.rmtree, var, ignore_errors=True)
    os.environ |= {"VAR_DIR": var, "DJANGO_SETTINGS_MODULE": "tests.settings", "NO_PROXY": "127.0.0.1,localhost"}
    os.environ["no_proxy"] = os.environ["NO_PROXY"]
    choose_database(os.environ.get("DB", ""))


def choose_database(asked: str) -> None:
    """Put the DATABASE_URL of this run into the environment; ends the run with one line when it cannot be had."""
    if asked not in ("", "sqlite", "postgres"):
        sys.exit(f"DB={asked}: choose sqlite or postgres")
    if asked == "sqlite":
        os.environ.pop("DATABASE_URL", None)
    elif asked == "postgres" and not os.environ.get("DATABASE_URL"):
        from tests import cluster

        os.environ["DATABASE_URL"] = cluster.start()
    os.environ.setdefault("PYTEST_DB", str(os.getpid()))  # xdist's workers inherit these two
    os.environ.setdefault("PYTEST_FOLDER", os.environ["VAR_DIR"])


prepare()
