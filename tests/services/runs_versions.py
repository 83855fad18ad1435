"""The last release's worker beside the new web: a story from the request to the reset, on the new tables.

`tests/data/last_release.json` names the release; its files come from this repository's history.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.helpers.files import ROOT
from tests.services import judge, people
from tests.services.postbox import Postbox
from tests.services.stack import Stack

RELEASE = json.loads((ROOT / "tests" / "data" / "last_release.json").read_text())


def run(stack: Stack, box: Postbox, stories: int = 2) -> dict[str, Any]:
    """End the workers, start the old ones in their place, and tell stories."""
    commit = str(RELEASE["commit"])
    if subprocess.run(["git", "cat-file", "-e", commit], cwd=ROOT, capture_output=True).returncode:
        return {"skipped": f"{commit} is not in this clone", "faults": []}
    stack.stop("worker 1", "worker 2")
    stack.places |= dict.fromkeys(("worker 1", "worker 2"), unpacked(commit, stack.folder / "before"))
    stack.start("worker 1", "worker 2")
    admin = people.make_admin(stack)
    for _story in range(stories):
        people.whole_story(stack, box, people.make_claimant(stack), admin)
    judge.settle()
    return {"worker": RELEASE["version"], "stories": stories, "faults": judge.verdict(box, completed=stories)}


def unpacked(commit: str, folder: Path) -> Path:
    """The files of a commit in a folder of their own."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True)
    return folder
