"""Fixtures that every room may use. Which database and browser a run has is decided once, and said at its end."""

import os
import shutil
import socket
from collections.abc import Iterator

import pytest
from django.db import connection
from playwright.sync_api import Browser, sync_playwright

from tests.example import ROOT

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NO_BROWSER = "no browser: set CHROMIUM, install chromium, or run `make browser`"
NO_POSTGRES = "needs PostgreSQL: set DATABASE_URL, or run `make test DB=postgres`"


def find_chromium() -> str | None:
    """Return the Chromium to drive: $CHROMIUM, one on the path, the one `make browser` fetched; else None."""
    if os.environ.get("CHROMIUM"):
        return os.environ["CHROMIUM"]
    on_path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    fetched = sorted((ROOT / ".venv" / "browsers").glob("chromium*/*/*headless*shell"))
    return on_path or (str(fetched[-1]) if fetched else None)


def postgres_is_asked() -> bool:
    """Say whether DATABASE_URL names PostgreSQL."""
    return os.environ.get("DATABASE_URL", "").startswith(("postgres", "psql", "pgsql"))


def pytest_sessionstart() -> None:
    """Transactional tests empty every table at their end; the event log allows it for that moment only."""
    from tests.audit_teardown import lift_triggers_for_flush

    lift_triggers_for_flush()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser, so that `-m browser` finds it."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run; REQUIRE_BROWSER=1 and REQUIRE_POSTGRES=1 make that a failure."""
    if item.get_closest_marker("browser") and not find_chromium():
        _do_without(NO_BROWSER, required="REQUIRE_BROWSER")
    if item.get_closest_marker("postgres") and not postgres_is_asked():
        _do_without(NO_POSTGRES, required="REQUIRE_POSTGRES")


def _do_without(reason: str, *, required: str) -> None:
    if os.environ.get(required, "") not in ("", "0"):
        pytest.fail(f"{required} is set, but {reason}", pytrace=False)
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line each which database was used and which tests were skipped for want of something."""
    terminalreporter.write_line(f"database: {connection.vendor}")
    reasons = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    for reason in sorted(set(reasons)):
        terminalreporter.write_line(f"skipped {reasons.count(reason)}: {reason.removeprefix('Skipped: ')}")


@pytest.fixture(scope="session", autouse=True)
def _the_database_is_the_one_asked_for() -> None:
    """A run that was to be on PostgreSQL must not pass on SQLite without a word."""
    assert connection.vendor == ("postgresql" if postgres_is_asked() else "sqlite")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One real Chromium for the run. Playwright keeps an event loop in this thread: Django must be told it is fine."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), headless=True)
        yield chromium
        chromium.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
