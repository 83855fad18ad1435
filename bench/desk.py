"""The desk at a registry's size: queue, search, ticket, account, dashboard; beside Django's stock changelist.

Two databases are built once and kept (`bench_desk`, and `bench_desk_small` with a tenth). Each measurement runs in a
process of its own against one of them: `python -m bench.rig.desk_pages`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.rig import desk_data, report

ROOT = Path(__file__).resolve().parent.parent
LIMIT_MS, LIMIT_QUERIES = 150, 20
COLUMNS = (("queries", 0), ("p50", 1), ("p95", 1), ("cpu", 1))


def main() -> None:
    """Build what is missing, measure both sizes, print each page's p50, p95 and queries."""
    large = measure(desk_data.ready("bench_desk", desk_data.FULL))
    small = measure(desk_data.ready("bench_desk_small", desk_data.SMALL))
    print(f"{'page':28}{'queries':>8}{'p50 ms':>9}{'p95 ms':>9}{'CPU ms':>9}{'p95 at a tenth':>16}{'grows':>8}")
    for name, seen in large.items():
        before = small[name]
        grows = seen["p50"] / max(before["p50"], 0.001)
        print(
            f"{name:28}{seen['queries']:>8}{seen['p50']:>9.1f}{seen['p95']:>9.1f}{seen['cpu']:>9.1f}"
            f"{before['p95']:>16.1f}{grows:>7.2f}x"
        )
    report.write("The desk at a registry's size", _section(large, small))


def _section(large: dict[str, dict[str, float]], small: dict[str, dict[str, float]]) -> str:
    ours = [name for name in large if not name.startswith(("stock", "opening", "dashboard"))]
    bars = [
        report.bar("queries of a page, the most", max(large[name]["queries"] for name in ours), LIMIT_QUERIES),
        report.bar("p95 of a page, the slowest", max(large[name]["p95"] for name in ours), LIMIT_MS, unit=" ms"),
        report.bar("opening a ticket, most releases, p95", large["opening, most releases"]["p95"], 100, unit=" ms"),
        report.bar("queue: times faster than a stock changelist", _ratio(large, "queue, our turn"), 5, at_least=True),
        report.bar("queue: growth from a tenth", _growth(large, small, "queue, our turn"), 1.5, unit="x"),
    ]
    sizes = ", ".join(f"{number:,} {name}" for name, number in desk_data.FULL.items())
    head = f"`python -m bench desk`. PostgreSQL: {sizes}. 2 cores, load {os.getloadavg()[0]:.1f} at the end.\n"
    head += "Wall times grow with the load; CPU is this process's own. p95: the median of three runs of 40.\n\n"
    rows = [
        [name, *(f"{seen[column]:.{digits}f}" for column, digits in COLUMNS), f"{small[name]['p50']:.1f}"]
        for name, seen in large.items()
    ]
    table = report.table(["page", "queries", "p50 ms", "p95 ms", "CPU ms", "p50 ms at a tenth"], rows)
    return head + report.table(["Bar", "measured", "wanted", ""], bars) + "\n" + table


def _ratio(large: dict[str, dict[str, float]], name: str) -> float:
    return large["stock changelist"]["p50"] / large[name]["p50"]


def _growth(large: dict[str, dict[str, float]], small: dict[str, dict[str, float]], name: str) -> float:
    return large[name]["p50"] / small[name]["p50"]


def measure(url: str) -> dict[str, dict[str, float]]:
    """Every page's numbers against one database, in a process of its own."""
    environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "recoverydesk.settings"}
    command = [sys.executable, "-m", "bench.rig.desk_pages"]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found
