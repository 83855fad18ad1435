"""Lets something happen between what a page reads and what its button does: always at the same place."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

TICKET_READ = 'FROM "recovery_recoveryticket"'


@contextmanager
def right_after_the_page_reads_the_ticket(happens: Callable[[], object]) -> Iterator[list[str]]:
    """Call `happens` once, after the first unlocked read of a ticket; the list then holds that statement."""
    seen: list[str] = []

    def between(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = execute(sql, params, many, context)
        if not seen and sql.startswith("SELECT") and TICKET_READ in sql and "FOR UPDATE" not in sql:
            seen.append(sql)
            happens()
        return found

    with connection.execute_wrapper(between):
        yield seen
    assert seen, "the page read no ticket"


def at_once(work: Callable[[int], Any], many: int = 8) -> list[Any]:
    """Run the work in threads that start together; returns their answers."""
    barrier, answers = threading.Barrier(many), [None] * many

    def run(number: int) -> None:
        try:
            barrier.wait()
            answers[number] = work(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
