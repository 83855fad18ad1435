"""How xdist's workers share a run: who migrates, who gets which tests.

The controller migrates one database while the workers collect; each worker then begins with a copy of its own. Tests
are dealt out in short stretches of one file, those that take longest first. Without `-n` nothing here does anything.
"""

import gc
import os
import shutil
import time
from collections import Counter
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker
from xdist.scheduler import LoadScopeScheduling

FOLDER = Path(os.environ["PYTEST_FOLDER"])  # the whole run's
MIGRATED = FOLDER / "migrated"  # holds the name of the database to copy
STRETCH = 12  # tests of one file that stay together
# Each of these stays on one worker, for one running stack, one set of clients, one crowd of fifty connections. First.
TOGETHER = (
    "tests/browser/", "tests/upload/clients/", "tests/accounts/test_races.py",
    "tests/recovery/public/test_claims_in_browser.py",
)  # fmt: skip
# These take long, or wait for other processes: a worker that began them last would keep the others waiting.
EARLY = (
    "tests/accounts/test_keys_in_browser.py", "tests/accounts/test_pages_in_browser.py", "tests/attacks/test_floods.py",
    "tests/demo/test_supervisor.py", "tests/recovery/public/test_pages_in_browser.py", "tests/services/",
    "tests/database/test_keys_match.py", "tests/test_redirect_after_post.py", "tests/test_url_matrix.py",
    "tests/upload/test_at_once.py",
)  # fmt: skip


def is_worker(config: pytest.Config) -> bool:
    """Whether this process runs tests for a controller."""
    return hasattr(config, "workerinput")


# The database ---------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session: pytest.Session) -> Generator[None]:
    """Migrate in the controller, once its workers have been started."""
    yield
    if session.config.pluginmanager.hasplugin("dsession") and not session.config.option.collectonly:
        from django.db import connection
        from pytest_django.plugin import blocking_manager_key

        with session.config.stash[blocking_manager_key].unblock():
            before = connection.settings_dict["NAME"]
            name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
            connection.close()
            session.config.add_cleanup(partial(_clear_away, before, name))
        (FOLDER / "name").write_text(name)
        (FOLDER / "name").rename(MIGRATED)


def _clear_away(before: str, name: str) -> None:
    """Drop the database and, on a server, the copies of workers that are gone by now, even if they were interrupted."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection._nodb_cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [f"{name}_gw"])
            for (copy,) in cursor.fetchall():
                cursor.execute(f'DROP DATABASE "{copy}" WITH (FORCE)')
    connection.creation.destroy_test_db(before, verbosity=0)


@pytest.fixture(scope="session")
def django_db_setup(request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker) -> None:
    """Give a worker its copy; a run without workers migrates for itself, as pytest-django does it."""
    if not is_worker(request.config):
        request.getfixturevalue("django_db_setup")
        return
    while not MIGRATED.exists():
        time.sleep(0.05)
    with django_db_blocker.unblock():
        _copy(MIGRATED.read_text(), request.config.workerinput["workerid"])  # type: ignore[attr-defined]


def _copy(migrated: str, worker: str) -> None:
    """Make a copy for this worker, and the database of this process."""
    from django.conf import settings
    from django.db import connection

    own = connection.settings_dict["TEST"]["NAME"]
    if connection.vendor == "sqlite":
        shutil.copyfile(migrated, own)
    else:
        own = f"{migrated}_{worker}"
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{own}" TEMPLATE "{migrated}"')
    connection.close()
    connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = own


# The tests ------------------------------------------------------------------------------------------------------------


def pytest_collection_finish() -> None:
    """Thousands of tests stay in memory to the end: the collector of garbage need not look at them again and again."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bring forward what takes long, else one worker would end with it while the others have nothing to do."""
    if is_worker(config):
        items.sort(key=lambda item: 2 - item.nodeid.startswith(EARLY) - 2 * item.nodeid.startswith(TOGETHER))


class Stretches(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Deals out short stretches of one file, in the order of the collection."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False
        self.seen: Counter[str] = Counter()
        self.stretches: dict[str, str] = {}

    def _split_scope(self, nodeid: str) -> str:
        if nodeid not in self.stretches:
            file = nodeid.partition("::")[0]
            together = next(filter(file.startswith, TOGETHER), "")
            self.stretches[nodeid] = together or f"{file} {self.seen[file] // STRETCH}"
            self.seen[file] += 1
        return self.stretches[nodeid]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Stretches:
    """Tell xdist."""
    return Stretches(config, log)
