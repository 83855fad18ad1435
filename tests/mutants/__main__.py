"""Change one thing at a time in the rules and see whether their tests notice: `make mutants` (docs/mutants.md).

mutmut makes the changes, in a copy of the tree under .mutants/, and runs against each those of the tests named here
that go through the changed function. `ONLY=policy,links` takes some of the rows, `SAMPLE=100` that many changes of each
file, chosen by the same seed every time. Ends with 1 where a row notices less than LEAST of its changes.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.example import ROOT

ROOMS = ["recoverydesk", "accounts", "audit", "tokens", "common"]
WORK = ROOT / ".mutants"
SEED, LEAST = 14, 90
SURVIVED, NO_TEST = 0, 33  # mutmut's own exit codes; None is a change that was not tried

# What is changed, and the tests that have to notice.
TABLE: dict[str, tuple[list[str], list[str]]] = {
    "policy": (["recoverydesk/recovery/policy.py"], ["tests/recovery/test_policy.py"]),
    "workflow": (
        ["recoverydesk/recovery/workflow/*.py"],
        [f"tests/recovery/test_{name}.py" for name in (
            "table", "reset", "exceptions", "stopping", "waiting", "sweeping", "second_people", "opening", "cases",
        )],
    ),
    "evidence": (
        ["recoverydesk/recovery/evidence/*.py"],
        [f"tests/recovery/test_{name}.py" for name in ("evidence", "cases", "contacts", "opening")],
    ),
    "probing": (["recoverydesk/recovery/probing/*.py"], ["tests/recovery/probing"]),
    "repository_urls": (
        [f"recoverydesk/recovery/repository_urls/{name}.py" for name in ("parser", "url_text", "host_styles")],
        ["tests/recovery/test_boundaries.py"],
    ),
    "second_factors": (
        ["accounts/second_factors.py"],
        ["tests/accounts/test_second_factors.py", "tests/accounts/test_factor_pages.py"],
    ),
    "links": (["accounts/mail/links.py"], ["tests/accounts/test_links.py"]),
    "caveats": (["tokens/caveats.py"], ["tests/tokens/test_caveats.py"]),
    "chain": (
        [f"audit/chain/{name}.py" for name in ("sealing", "verifying", "encoding")],
        ["tests/audit/test_sealing.py", "tests/audit/test_verifying.py", "tests/audit/test_verify_export.py"],
    ),
}  # fmt: skip


def copy_of_the_tree(row: str) -> Path:
    """A fresh copy of every file git knows of, with mutmut's settings for this row."""
    place = WORK / row
    shutil.rmtree(place, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)
    files, tests = TABLE[row]
    settings = {
        "source_paths": ROOMS,
        "only_mutate": files,
        "also_copy": sorted(one.name for one in place.iterdir() if one.name not in (*ROOMS, "tests")),
        "timeout_constant": 20,  # times 15: making the database takes its time, and a slow machine is no noticing test
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "-W", "default", "-m", "not browser and not postgres"],
        "pytest_add_cli_args_test_selection": tests,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    with (place / "pyproject.toml").open("a") as config:
        config.write("\n".join(["", "[tool.mutmut]", *lines, ""]))
    return place


def mutmut(place: Path, *words: str) -> str:
    """What mutmut says; its exit code says nothing about survivors."""
    program = Path(sys.executable).with_name("mutmut")
    done = subprocess.run(
        [str(program), *words], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.stdout


def answers(place: Path) -> Iterator[dict[str, int | None]]:
    """Of each changed file: the changes by their name, each with the exit code of its tests."""
    for meta in sorted((place / "mutants").rglob("*.meta")):
        yield json.loads(meta.read_text())["exit_code_by_key"]


def some_of(place: Path, number: int) -> list[str]:
    """That many changes of each file, the same ones every time."""
    mutmut(place, "run", "--max-children", "1", "nothing")  # makes the changes, and finds none of that name to try
    chosen = random.Random(SEED)
    return [one for file in answers(place) for one in chosen.sample(sorted(file), min(number, len(file)))]


def measure(row: str) -> bool:
    """Print the row's score and what survived; False where that is too much."""
    place = copy_of_the_tree(row)
    sample = int(os.environ.get("SAMPLE", "0"))
    wanted = some_of(place, sample) if sample else []
    said = mutmut(place, "run", "--max-children", os.environ.get("AT_ONCE", "1"), *wanted)
    every = {name: code for file in answers(place) for name, code in file.items()}
    tried = {name: code for name, code in every.items() if code is not None}
    missed = len(wanted or every) - len(tried)
    if not tried:
        sys.exit(f"{row}: nothing was tried\n{said[-3000:]}")
    left = sorted(name for name, code in tried.items() if code in (SURVIVED, NO_TEST))
    score = 100 * (len(tried) - len(left)) / len(tried)
    print(f"{row}: {len(tried)} changes, {len(left)} unnoticed, {score:.1f} % noticed, {missed} not tried", flush=True)
    if missed:
        print(said[-1000:], flush=True)  # mutmut gave up, and says why
    for name in left:
        changed = [
            line
            for line in mutmut(place, "show", name).splitlines()
            if line[:1] in "+-" and line[:3] not in ("---", "+++")
        ]
        print(
            f"  {name}" + (" (no test comes here)" if tried[name] == NO_TEST else ""),
            *changed,
            sep="\n    ",
            flush=True,
        )
    return score >= LEAST


if __name__ == "__main__":
    asked = os.environ.get("ONLY", "")
    enough = [measure(row) for row in (asked.split(",") if asked else TABLE)]
    sys.exit(0 if all(enough) else 1)
