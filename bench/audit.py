"""What writing, sealing, verifying and reading the audit log cost, on PostgreSQL (DATABASE_URL or a throw-away)."""

import subprocess
import sys

from bench.rig.own_database import own_database


def main() -> None:
    """Run `bench/rig/audit.py` on a database of its own, in a process of its own."""
    with own_database() as environment:
        subprocess.run([sys.executable, "-m", "bench.rig.audit"], env=environment, check=True)
