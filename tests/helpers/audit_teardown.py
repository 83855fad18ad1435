"""Transactional tests empty the tables afterwards; the audit log's triggers are lifted for that moment only."""

from contextlib import ExitStack
from typing import Any

from django.db import connections
from django.test import TransactionTestCase

from audit import triggers


def lift_triggers_for_flush() -> None:
    """Wrap Django's flush, once, so that it runs without the triggers; call it when tests are configured."""
    flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
    if getattr(flush, "lifts_triggers", False):
        return

    def teardown(case: Any) -> None:
        with ExitStack() as stack:
            for alias in case._databases_names(include_mirrors=False):
                stack.enter_context(triggers.lifted(connections[alias]))
            flush(case)

    teardown.lifts_triggers = True  # type: ignore[attr-defined]
    TransactionTestCase._fixture_teardown = teardown  # type: ignore[attr-defined]
