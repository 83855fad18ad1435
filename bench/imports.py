"""import_projects: 10,000 documents at once and, in the same run, 1,000 of the same kind one after the other."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.rig import report
from bench.rig.own_database import own_database

DOCUMENTS, ALONE = 10_000, 1_000
RELEASES = (1, 1, 2, 3, 5, 8)  # of a document, in turn
LEAST = 400  # documents for a second of our own processor time


def main() -> None:
    """Run the command as operators run it, each on an empty database; a run without documents is taken off."""
    with tempfile.TemporaryDirectory() as folder:
        whole, few, nothing = (_documents(Path(folder), count) for count in (DOCUMENTS, ALONE, 0))
        start = _seconds(nothing)[0]
        (own, wall), (alone, _wall) = _seconds(whole), _seconds(few, batch=1)
    rate, rate_alone = DOCUMENTS / (own - start), ALONE / (alone - start)
    rows = [
        report.bar("documents for a second of our own processor time", rate, LEAST, at_least=True),
        ["the same, one after the other", f"{rate_alone:,.4g}", "", ""],
        ["documents a second on the clock, PostgreSQL on the same machine", f"{DOCUMENTS / wall:,.4g}", "", ""],
    ]
    body = (
        f"{DOCUMENTS:,} documents of {sum(RELEASES) / len(RELEASES):.2g} releases; start of the program taken off.\n\n"
    )
    body += report.table(["what", "measured", "wanted", ""], rows)
    print(body)
    report.write("Importing projects", body)


def _documents(folder: Path, count: int) -> Path:
    path = folder / f"{count}.jsonl"
    with path.open("w") as file:
        for number in range(count):
            name = f"project-{number}"
            releases = {f"1.{one}": [_file(name, one)] for one in range(RELEASES[number % len(RELEASES)])}
            links = {"Source": f"https://github.com/{name}/{name}", "Documentation": "https://docs.example/"}
            info = {"name": name, "version": max(releases), "summary": name, "project_urls": links}
            file.write(json.dumps({"info": info, "releases": releases, "urls": []}) + "\n")
    return path


def _file(name: str, number: int) -> dict[str, object]:
    return {
        "filename": f"{name}-1.{number}.tar.gz",
        "packagetype": "sdist",
        "size": 1000,
        "digests": {"sha256": f"{abs(hash((name, number))):064x}"},
        "upload_time_iso_8601": f"20{10 + number}-05-01T12:00:00Z",
    }


def _seconds(path: Path, batch: int | None = None) -> tuple[float, float]:
    """The processor time of the command itself, and the time on the clock."""
    change = f"from recoverydesk.projects import importing; importing.BATCH = {batch};" if batch else ""
    program = f"import django; django.setup(); {change} from django.core.management import call_command;"
    program += f"call_command('import_projects', {str(path)!r})"
    with own_database() as environment:
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=environment, check=True)
        began, before = time.monotonic(), os.times()
        subprocess.run([sys.executable, "-c", program], env=environment, check=True, stdout=subprocess.DEVNULL)
        after = os.times()
    own = after.children_user + after.children_system - before.children_user - before.children_system
    return own, time.monotonic() - began
