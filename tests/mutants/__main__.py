"""Change one thing at a time in the rules and see whether their tests notice: `make mutants` (docs/mutants.md).

mutmut makes the changes, in a copy of the tree under .mutants/; tests/mutants/session.py runs against each those of
the tests named here that go through the changed function. `ONLY=policy,links` takes some of the rows, `SAMPLE=100` that
many changes of each file, chosen by the same seed every time; `AGAIN=1` those that the last run left. Ends with 1 where
a row notices less than LEAST of its changes.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.files import ROOT
from tests.mutants.decorators import plain

ROOMS = ["recoverydesk", "accounts", "audit", "tokens", "common"]
WORK = ROOT / ".mutants"
SEED, LEAST = 14, 90
SURVIVED, NO_TEST = 0, 33  # as tests/mutants/session.py has them

# What `mutmut run` begins with: it writes the changes and their names, and runs no test yet.
MAKE_CHANGES = """
from mutmut import __main__ as mutmut
mutmut.set_mutant_under_test("mutant_generation")
for step in (mutmut.copy_src_dir, mutmut.copy_also_copy_files, mutmut.setup_source_paths):
    step()
mutmut.create_mutants(1)
"""

# What is changed, and the tests that have to notice.
TABLE: dict[str, tuple[list[str], list[str]]] = {
    "policy": (["recoverydesk/recovery/policy.py"], ["tests/recovery/test_policy.py"]),
    "workflow": (
        ["recoverydesk/recovery/workflow/*.py"],
        [f"tests/recovery/workflow/test_{name}.py" for name in (
            "table", "reset", "exceptions", "stopping", "waiting", "second_people", "opening",
        )]
        + ["tests/recovery/background/test_sweeping.py", "tests/recovery/evidence/test_cases.py"],
    ),
    "evidence": (
        ["recoverydesk/recovery/evidence/*.py"],
        [f"tests/recovery/evidence/test_{name}.py" for name in ("boundaries", "cases", "contacts")]
        + ["tests/recovery/workflow/test_opening.py"],
    ),
    "probing": (["recoverydesk/recovery/probing/*.py"], ["tests/recovery/probing"]),
    "repository_urls": (["recoverydesk/recovery/repository_urls/*.py"], ["tests/recovery/repository_urls"]),
    "second_factors": (
        [f"accounts/{name}.py" for name in ("second_factors", "typed_codes", "wrong_factors")],
        [f"tests/accounts/test_{name}.py" for name in (
            "second_factors", "typed_codes", "wrong_factors", "factor_pages", "factor_events", "verify_code",
            "every_change",
        )],
    ),
    "links": (["accounts/mail/links.py"], ["tests/accounts/mail/test_links.py"]),
    "caveats": (["tokens/caveats.py"], ["tests/tokens/test_caveats.py"]),
    "chain": (
        [f"audit/chain/{name}.py" for name in (
            "checkpoints", "encoding", "findings", "forks", "gaps", "outlets", "sealed_since", "sealing", "signing",
            "surroundings",
        )],
        [f"tests/audit/chain/test_{name}.py" for name in (
            "checkpoints", "encoding", "findings", "forks", "gaps", "outlets", "sealer", "sealing", "words",
        )],
    ),
    "chain_walk": (
        [f"audit/chain/{name}.py" for name in ("checking", "rows", "snapshot", "strangers", "verifying")],
        [f"tests/audit/chain/test_{name}.py" for name in ("words", "sealer", "sealing", "verifying")],
    ),
    "chain_doors": (  # post.py is a program of its own, to which no change would come
        [f"audit/chain/{name}.py" for name in ("export", "restoring", "sink")],
        [f"tests/audit/chain/test_{name}.py" for name in ("export", "restoring", "sink")],
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
    files = TABLE[row][0]
    for path in (path for pattern in files for path in place.glob(pattern)):
        path.write_text(plain(path.read_text()))
    settings = {
        "source_paths": ROOMS,
        "only_mutate": files,
        "also_copy": sorted(one.name for one in place.iterdir() if one.name not in (*ROOMS, "tests")),
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    with (place / "pyproject.toml").open("a") as config:
        config.write("\n".join(["", "[tool.mutmut]", *lines, ""]))
    return place


def run(command: list[str], place: Path, **env: str) -> str:
    """What a program says there."""
    done = subprocess.run(
        command, cwd=place, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.stdout


def names(place: Path) -> Iterator[list[str]]:
    """Of each changed file: its changes."""
    for meta in sorted((place / "mutants").rglob("*.meta")):
        yield sorted(json.loads(meta.read_text())["exit_code_by_key"])


def chosen(place: Path, number: int) -> list[str]:
    """All changes, or that many of each file, the same ones every time."""
    dice = random.Random(SEED)
    return [one for file in names(place) for one in (dice.sample(file, min(number, len(file))) if number else file)]


def answers(place: Path) -> dict[str, int]:
    """The exit code of each change that was tried."""
    file = place / "mutants" / "changes.json"
    return json.loads(file.read_text()) if file.exists() else {}


def unnoticed(place: Path) -> list[str]:
    """What the last run of this row left."""
    return sorted(name for name, code in answers(place).items() if code in (SURVIVED, NO_TEST))


def try_out(row: str, place: Path, changes: list[str]) -> str:
    """Try these changes; what pytest said."""
    (place / "mutants" / "changes").write_text("\n".join(changes))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.mutants.session",
        "-p",
        "no:cacheprovider",
        "-q",
        "-W",
        "default",
    ]
    return run([*command, "-m", "not browser and not postgres", *TABLE[row][1]], place / "mutants", MUTANTS="changes")


def measure(row: str) -> bool:
    """Print the row's score and what survived; False where that is too much."""
    again = unnoticed(WORK / row) if os.environ.get("AGAIN") else []
    place = copy_of_the_tree(row)
    run([sys.executable, "-c", MAKE_CHANGES], place)
    wanted = again or chosen(place, int(os.environ.get("SAMPLE", "0")))
    said = try_out(row, place, wanted)
    tried, left = answers(place), unnoticed(place)
    if len(tried) < len(wanted):
        print(said[-3000:], flush=True)  # why it gave up
    score = 100 * (len(tried) - len(left)) / max(1, len(tried))
    print(f"{row}: {len(tried)} of {sum(map(len, names(place)))} changes, {len(left)} unnoticed, {score:.1f} % noticed")
    for name in left:
        print(
            f"  {name}" + (" (no test comes here)" if tried[name] == NO_TEST else ""),
            *_shown(place, name),
            sep="\n    ",
        )
    sys.stdout.flush()
    return len(tried) == len(wanted) and score >= LEAST


def _shown(place: Path, name: str) -> list[str]:
    """The lines that a change takes away and puts in."""
    lines = run([str(Path(sys.executable).with_name("mutmut")), "show", name], place).splitlines()
    return [line for line in lines if line[:1] in "+-" and line[:3] not in ("---", "+++")]


if __name__ == "__main__":
    asked = os.environ.get("ONLY", "")
    enough = [measure(row) for row in (asked.split(",") if asked else TABLE)]
    sys.exit(0 if all(enough) else 1)
