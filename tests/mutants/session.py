"""A pytest plugin: all changes of a row in one session, for starting pytest anew takes longer than most tests.

First every test runs once and it is noted which changed functions it goes through; then each change is switched on in
a process forked from here, which runs those tests, the quickest first, until one fails. MUTANTS names the file with the
changes to try, one a line; the exit codes go into MUTANTS.json.
"""

import gc
import json
import os
import shutil
import signal
import time
from collections import defaultdict
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from django.conf import settings
from django.db import connections
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.format_utils import mangled_name_from_mutant_name

SURVIVED, NOTICED, NO_TEST = 0, 1, 33
PATIENCE = 60  # seconds, and 30 times as long as the tests took without a change: a slow machine is no noticing test


class Session:
    """The tests of a row, what each goes through and how long it takes."""

    def __init__(self, items: list[pytest.Item]) -> None:
        self.items = items
        self.seconds: dict[pytest.Item, float] = {}
        self.through: dict[str, list[pytest.Item]] = defaultdict(list)

    def learn(self) -> None:
        """Run everything once without a change; ends the session where that fails."""
        set_mutant_under_test("stats")
        for item in self.items:
            started = time.monotonic()
            if not self._passes(item):
                pytest.exit(f"fails without a change: {item.nodeid}", returncode=3)
            self.seconds[item] = time.monotonic() - started
            for function in state()._stats:
                self.through[function].append(item)
            state()._stats.clear()

    def try_out(self, change: str) -> int:
        """The exit code of this change's tests."""
        tests = sorted(self.through[mangled_name_from_mutant_name(change)], key=self.seconds.__getitem__)
        return self._forked(change, tests) if tests else NO_TEST

    def control(self) -> None:
        """Nothing changed must be noticed by nothing: else every change would be, for some other reason."""
        if self._forked("", self.items) != SURVIVED:
            pytest.exit("the forked tests fail without a change", returncode=3)

    def _forked(self, change: str, tests: list[pytest.Item]) -> int:
        connections.close_all()
        child = os.fork()
        if not child:
            self._be(change, tests)
        _pid, status = os.waitpid(child, 0)
        for left in Path(settings.VAR_DIR).glob(f"changed-{child}.*"):
            left.unlink()
        return SURVIVED if status == 0 else NOTICED

    def _be(self, change: str, tests: list[pytest.Item]) -> None:
        """The forked process: it ends here."""
        try:
            signal.alarm(int(PATIENCE + 30 * sum(map(self.seconds.__getitem__, tests))))
            _take_a_database()
            set_mutant_under_test(change)
            code = SURVIVED if all(map(self._passes, tests)) else NOTICED
        except BaseException:  # whatever it is, it came of the change
            code = NOTICED
        os._exit(code)

    def _passes(self, item: pytest.Item) -> bool:
        """Run one test; what stands for the whole session is kept for the next."""
        item.session._setupstate.teardown_exact(item)
        following = next(other for other in (*self.items, None) if other is not item)
        return all(report.passed or report.skipped for report in runtestprotocol(item, log=False, nextitem=following))


def _take_a_database() -> None:
    """A copy for this process alone, of the one that these tests use, if they do."""
    own = Path(settings.VAR_DIR) / f"changed-{os.getpid()}.sqlite3"
    for connection in connections.all():
        if Path(connection.settings_dict["NAME"]).is_file():
            shutil.copyfile(connection.settings_dict["NAME"], own)
            connection.settings_dict["NAME"] = settings.DATABASES[connection.alias]["NAME"] = str(own)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Instead of running the tests once."""
    if session.testsfailed:
        raise session.Interrupted("the tests cannot be collected")
    tests, changes = Session(session.items), Path(os.environ["MUTANTS"])
    tests.learn()
    gc.freeze()  # so that the forked processes share what is there
    tests.control()
    codes: dict[str, int] = {}
    for change in changes.read_text().split():
        codes[change] = tests.try_out(change)
        changes.with_suffix(".json").write_text(json.dumps(codes))
    tests.control()
    return True
