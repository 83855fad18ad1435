"""Fixtures that every room may use. Which database and browser a run has is decided once, and said at its end."""

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import Browser, sync_playwright

from accounts.models import User
from recoverydesk.demo import codehost
from recoverydesk.recovery.models import CodeHost
from tests.helpers import factories, ports
from tests.helpers.far_ends import raw_host as raw_host
from tests.helpers.files import ROOT
from tests.helpers.hosts import Host, serve
from tests.helpers.patience import PATIENCE, what_is_shown
from tests.helpers.walk import world as world
from tests.sharing import django_db_setup as django_db_setup
from tests.tiers import times

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NO_BROWSER = "no browser: set CHROMIUM, install chromium, or run `make browser`"
NO_POSTGRES = "needs PostgreSQL: set DATABASE_URL, or run `make test-all DB=postgres`"

hypothesis_settings.register_profile(
    "slow machine", max_examples=times(100, fast=25), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("slow machine")


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
    from tests.helpers.audit_teardown import lift_triggers_for_flush

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell with a failed browser test what every page shows and what the running stack last said."""
    report = yield
    given = getattr(item, "funcargs", {})
    if report.failed and call.when != "teardown" and "browser" in given:
        report.sections.append(("pages", what_is_shown(given["browser"])))
    if report.failed and "stack" in given:
        report.sections.append(("stack.log", given["stack"].said()))
    return report


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


@pytest.fixture(autouse=True)
def _no_limit_is_left_over() -> None:
    """What one test has tried must not count as the next one's attempts."""
    cache.clear()


@pytest.fixture(autouse=True)
def _no_language_is_left_over() -> None:
    """A request in Spanish leaves it to its thread, and the next test would read Spanish sentences."""
    translation.activate(settings.LANGUAGE_CODE)


@pytest.fixture(autouse=True)
def _no_checkpoint_is_left_over() -> None:
    """A checkpoint of a log that was rolled back would say that this one lacks its seals."""
    (Path(settings.VAR_DIR) / "checkpoints.log").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One real Chromium for the run. Playwright keeps an event loop in this thread: Django must be told it is fine."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), headless=True, timeout=PATIENCE)
        yield chromium
        chromium.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on."""
    return ports.free_port()


@pytest.fixture
def ada(db: None) -> User:
    """A member with a verified address and no second factor. Where a room needs more of her, it adds to this one."""
    return factories.make_user("ada")


@pytest.fixture
def host(tmp_path: Path, db: None) -> Iterator[Host]:
    """A code host on loopback that the desk knows."""
    root = tmp_path / "repositories"
    root.mkdir()
    with serve(codehost.make_app(root)) as url:
        key = url.removeprefix("http://")
        CodeHost.objects.create(host=key, origin=url, style="owner", private=True, plain_http=True)
        yield Host(url, root)
