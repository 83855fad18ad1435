"""Something runs out or breaks off at the worst moment: connections, room on the disk, the line at COMMIT.

No page says what is not true, nothing acknowledged is lost, and the work goes on by itself afterwards.
"""

import os
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import requests
from django.db import connection

from accounts.mail.delivery import BATCH
from tests.services import cutter, judge, people, servers
from tests.services.postbox import Postbox
from tests.services.runs_faults import came_in, telling
from tests.services.stack import Stack

WORDS = ("We do not know whether your change was made", "The database does not answer")
ROOM = 64  # MiB beyond what lies there already
OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = 'desk' AND pid <> pg_backend_pid() AND application_name <> 'ballast'"""


def run(
    stack: Stack, box: Postbox, only: list[str] | str = "", stories: int = 4, seconds: int = 20, cuts: int = 50
) -> dict[str, Any]:
    """Each shortage while stories go on; figures and faults of each."""
    chosen = ([only] if isinstance(only, str) else only) if only else [name for name in SHORTAGES if can_make(name)]
    figures: dict[str, Any] = {}
    faults: list[str] = []
    for name in chosen:
        repeated = box.repeated()
        figures[name] = SHORTAGES[name](stack, box, {"stories": stories, "seconds": seconds, "cuts": cuts})
        judge.settle()
        allowed = repeated + figures[name].get("may_repeat", 0)
        faults += [f"{name}: {fault}" for fault in judge.verdict(box, repeats=allowed)]
        faults += [f"{name}: said {said}" for said in figures[name]["answers"] if said.startswith("wrong")]
    return {**figures, "faults": faults}


def can_make(name: str) -> bool:
    """A disk of its own takes root to mount."""
    return not name.endswith("disk") or os.geteuid() == 0


class Witness:
    """Keeps asking for pages and counts what they say."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.answers = stack, Counter[str]()
        self.told: list[str] = []
        self.spare = [people.make_claimant(stack) for _ in range(10)]

    def look(self) -> None:
        """One page seen, one request sent."""
        with suppress(requests.RequestException):
            self._note(people.Visitor(self.stack).get("/account/login/"), "seen", 200)
        user = self.spare[sum(self.answers.values()) % len(self.spare)]
        form = {"username": user.username, "claim": "second_factor", "codes": "lost"}
        with suppress(requests.RequestException):
            answer = people.Visitor(self.stack).post("/recover/", **form)
            self._note(answer, "received", 302)
            self.told += [user.email] if answer.status_code == 302 else []

    def _note(self, answer: requests.Response, done: str, status: int) -> None:
        honest = answer.status_code == 503 and any(words in answer.text for words in WORDS)
        wrong = f"wrong: {answer.status_code} {answer.text[:300]}"
        self.answers[done if answer.status_code == status else "we do not know" if honest else wrong] += 1

    def figures(self, box: Postbox) -> dict[str, Any]:
        """What was said; whoever was told "received" has their mail."""
        begun = time.monotonic()
        lost = [address for address in set(self.told) if not came_in(box, address)]
        assert not lost, lost
        return {
            "answers": dict(self.answers), "acknowledged": len(self.told),
            "caught_up_seconds": round(time.monotonic() - begun, 1),
        }  # fmt: skip


def connections_gone(stack: Stack, box: Postbox, options: dict[str, int]) -> dict[str, Any]:
    """Somebody else has every connection the database gives; the program's own are ended."""
    witness, cut = Witness(stack), 0
    with telling(stack, box, options["stories"]):
        held = [psycopg.connect(stack.postgres.url(), application_name="ballast", autocommit=True)]
        ends = time.monotonic() + options["seconds"]
        while time.monotonic() < ends:
            cut += len(held[0].execute(OTHERS).fetchall())
            _take_the_rest(stack, held)
            witness.look()
        for one in held:
            one.close()
    return {**witness.figures(box), "held": len(held), "ended": cut, "may_repeat": cut}


def _take_the_rest(stack: Stack, held: list[psycopg.Connection[Any]]) -> None:
    """Until the database refuses several times: an ended connection gives its place back a moment later."""
    for _ in range(5):
        with suppress(psycopg.OperationalError):
            while True:
                held.append(psycopg.connect(stack.postgres.url(), application_name="ballast", autocommit=True))
        time.sleep(0.1)


def commits_cut(stack: Stack, box: Postbox, options: dict[str, int]) -> dict[str, Any]:
    """The line breaks at COMMIT, in turns just before it arrives and before its answer does."""
    witness = Witness(stack)
    with cutter.cutting("127.0.0.1", stack.postgres.port) as scissors, _behind(stack, scissors.port):
        with telling(stack, box, options["stories"] * 2):
            while len(scissors.obeyed) < options["cuts"]:
                scissors.orders = [random.choice([cutter.BEFORE, cutter.AFTER])]
                witness.look()
                time.sleep(random.uniform(0.1, 0.5))
            scissors.orders = []
        cut = Counter(scissors.obeyed)
    return {**witness.figures(box), "cuts": dict(cut), "may_repeat": cut.total()}


@contextmanager
def _behind(stack: Stack, port: int) -> Iterator[None]:
    """The program, not this process, speaks to its database through another port."""
    direct = os.environ["DATABASE_URL"]
    _restart(stack, direct.replace(f":{stack.postgres.port}/", f":{port}/"))
    try:
        yield
    finally:
        _restart(stack, direct)


def _restart(stack: Stack, url: str) -> None:
    stack.stop()
    os.environ["DATABASE_URL"] = url
    connection.close()  # the server may be another one
    stack.start()
    servers.wait_for(lambda: servers.listens(stack.port), "gunicorn")


def database_disk_full(stack: Stack, box: Postbox, options: dict[str, int]) -> dict[str, Any]:
    """No room left where PostgreSQL writes; it may end over that, and is started again when there is."""
    stack.stop()
    stack.postgres.stop()
    with tiny_disk(stack.folder / "postgres" / "data") as ballast:
        stack.postgres.start()
        _restart(stack, os.environ["DATABASE_URL"])
        figures = _full(stack, box, ballast, options)
        stack.stop()
        stack.postgres.stop()
    stack.postgres.start()
    _restart(stack, os.environ["DATABASE_URL"])
    return figures


def own_disk_full(stack: Stack, box: Postbox, options: dict[str, int]) -> dict[str, Any]:
    """No room left in VAR_DIR: the queue's folder, the checkpoints, beat's notes."""
    stack.stop()
    with tiny_disk(stack.folder / "var") as ballast:
        _restart(stack, os.environ["DATABASE_URL"])
        figures = _full(stack, box, ballast, options)
        stack.stop()
    _restart(stack, os.environ["DATABASE_URL"])
    return figures


def _full(stack: Stack, box: Postbox, ballast: Path, options: dict[str, int]) -> dict[str, Any]:
    witness = Witness(stack)
    with telling(stack, box, options["stories"]):
        time.sleep(2)
        ends = time.monotonic() + options["seconds"]
        while time.monotonic() < ends:
            fill(ballast)
            witness.look()
        ballast.unlink()
        ended = stack.postgres.server.poll() is not None
        if ended:
            stack.postgres.start()
        begun = time.monotonic()
    told = round(time.monotonic() - begun, 1)
    return {**witness.figures(box), "database_ended": ended, "stories_told_after": told, "may_repeat": 2 * BATCH}


@contextmanager
def tiny_disk(place: Path) -> Iterator[Path]:
    """This folder is a file system of its own with ROOM MiB left; yields where a ballast may lie. Needs root."""
    before, after = place.with_name(f"{place.name}.before"), place.with_name(f"{place.name}.after")
    place.rename(before)
    place.mkdir()
    used = sum(path.lstat().st_size for path in before.rglob("*")) // 2**20
    _do("mount", "-t", "tmpfs", "-o", f"size={used + ROOM}m", "none", place)
    try:
        _do("cp", "-a", f"{before}/.", place)
        yield place / "ballast"
        _do("cp", "-a", place, after)
    finally:
        _do("umount", "-l", place)
    place.rmdir()
    after.rename(place)
    shutil.rmtree(before)


def fill(ballast: Path) -> None:
    """Write until there is no room."""
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while file.write(bytes(2**16)):
            pass


def _do(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True)


SHORTAGES: dict[str, Callable[[Stack, Postbox, dict[str, int]], dict[str, Any]]] = {
    "connections": connections_gone,
    "commits": commits_cut,
    "database_disk": database_disk_full,
    "own_disk": own_disk_full,
}
