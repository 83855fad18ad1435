"""What a closed ticket weighs before and after its days, and what deleting costs. On PostgreSQL."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.rig import report
from bench.rig.own_database import own_database

ROOT = Path(__file__).resolve().parent.parent
TICKETS = int(os.environ.get("RETENTION_TICKETS", "500"))
MILLION = 1_000_000


def main() -> None:
    """Measure, print, write the section."""
    with own_database() as environment:
        environment |= {"EMAIL_URL": "dummymail://", "BROKER_URL": "memory://"}
        for step in ("migrate", "createcachetable"):
            subprocess.run([sys.executable, "manage.py", step, "-v0"], cwd=ROOT, env=environment, check=True)
        command = [sys.executable, "-m", "bench.rig.retention", str(TICKETS)]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    seen = json.loads(done.stdout.splitlines()[-1])
    body = _section(seen)
    print(body)
    report.write("What a closed ticket weighs", body)


def _section(seen: dict[str, Any]) -> str:
    tickets, before, after = seen["tickets"], seen["before"], seen["after"]
    rows = [_row(name, before[name], after[name], tickets) for name in before]
    whole = [[sum(side[name][place] for name in before) for place in (0, 1)] for side in (before, after)]
    rows.append(_row("together", whole[0], whole[1], tickets))
    log = sum(after[name][1] for name in after if name.startswith("audit_"))
    gib = [size * MILLION / tickets / 2**30 for size in (whole[0][1], whole[1][1], log)]
    bars = [
        report.bar("the longest transaction of purge", seen["longest"], 1, unit=" s"),
        report.bar("a round with nothing to do", seen["idle"] * 1000, 50, unit=" ms"),
    ]  # fmt: skip
    said = (
        f"`python -m bench retention`. {tickets} tickets, each told through the verbs from request to reset: two"
        " addresses, two boundaries, ten looks at each before its branch was there. Sizes with indexes, after"
        " `VACUUM FULL`.\n\n"
    )
    costs = (
        f"\nA million closed tickets take {gib[0]:.1f} GiB, and {gib[1]:.1f} GiB once their days are over, of which the"
        f" log is {gib[2]:.1f} GiB. `manage.py purge` worked {tickets / seen['seconds']:,.0f} tickets a second: a"
        f" million in {MILLION / tickets * seen['seconds'] / 60:,.0f} minutes; the sweep's bit is 50 tickets a round.\n"
    )
    head = ["Table", "rows of a ticket", "after its days", "bytes of a ticket", "after its days"]
    return f"{said}{report.table(['Bar', 'measured', 'wanted', ''], bars)}\n{report.table(head, rows)}{costs}"


def _row(name: str, before: list[int], after: list[int], tickets: int) -> list[str]:
    (rows, size), (rows_after, size_after) = before, after
    numbers = [rows / tickets, rows_after / tickets]
    return [name, *(f"{one:,.2f}" for one in numbers), *(f"{one / tickets:,.0f}" for one in (size, size_after))]
