"""`kill -9` at every fail point of open, request, send, probe, confirm and reset, while stories go on."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from recoverydesk.broker import worker_line
from tests.services import judge, people
from tests.services.postbox import Postbox
from tests.services.stack import Stack

VERBS = ("challenge", "confirm_mailbox", "take_return_code", "record_probe", "start_clock", "wait_over", "reset")
STORIES_AT_ONCE = 8
HOLDING = ("lease.", "mail.", "probe.", "open.", "request.handled", "challenge.", "record_probe.")  # a lease
PATIENCE = 900  # seconds for a step of a story among so many kills
IN_FLIGHT = worker_line.THREADS  # mails that a worker's end may cut off after the server took them


def places() -> list[str]:
    """Every fail point that such a story passes."""
    from common import failpoints

    verbs = (*VERBS, "approve") if settings.RECOVERY_TWO_PERSON == "always" else VERBS
    return [*failpoints.PLACES, *(f"{verb}.{step}" for verb in verbs for step in failpoints.STEPS)]


class Executioner:
    """Lays out orders until each place has had its share."""

    def __init__(self, stack: Stack, wanted: dict[str, int]) -> None:
        self.stack, self.wanted = stack, wanted
        self.buried: set[Path] = set()

    def hits(self) -> dict[str, int]:
        counts = dict.fromkeys(self.wanted, 0)
        for path in self.stack.orders.glob("*.taken"):
            counts[path.name.rsplit(".", 2)[0]] += 1
        return counts

    def lay_out(self) -> bool:
        """Top up the orders, one for each place; False when every place has been hit often enough."""
        hits = self.hits()
        lying = {path.name for path in self.stack.orders.glob("*") if path.suffix != ".taken"}
        open_ = [place for place in self.wanted if hits[place] < self.wanted[place] and place not in lying]
        for place in open_:
            draft = self.stack.folder / "draft"
            draft.write_text("kill")
            draft.rename(self.stack.orders / place)
        return bool(open_ or lying)

    def run(self, over: threading.Event) -> None:
        while not over.wait(0.3) and self.lay_out():
            self.bury()

    def bury(self) -> None:
        """With one worker its end frees what it had leased until then: nobody else can hold it."""
        dead = {path for path in self.stack.orders.glob("*.taken") if path.name.startswith(HOLDING)} - self.buried
        self.buried |= dead
        if dead and self.stack.hurries and "worker 2" not in self.stack.wanted:
            self.stack.free_leases(max(path.stat().st_ctime for path in dead))


def run(
    stack: Stack, box: Postbox, each: int = 10, only: list[str] | str = "", hurry: int = 1, workers: int = 2
) -> dict[str, Any]:
    """Kill `each` times at each place; returns the figures. `faults` is empty when all is well.

    With hurry=0 a dead worker's lease lasts its real two minutes; with workers=1 it ends with the worker.
    """
    stack.hurries = bool(hurry)
    if workers == 1:
        stack.stop("worker 2")
    chosen = [only] if isinstance(only, str) and only else only
    wanted = dict.fromkeys(chosen or places(), each)
    executioner, over, begun = Executioner(stack, wanted), threading.Event(), time.monotonic()
    admins = [people.make_admin(stack) for _ in range(STORIES_AT_ONCE)]
    killing = threading.Thread(target=executioner.run, args=(over,), daemon=True)
    killing.start()
    stories = _stories(stack, box, admins, killing)
    over.set()
    judge.settle()
    hits = executioner.hits()
    repeats = IN_FLIGHT * sum(hits.values())
    faults = judge.verdict(box, repeats=repeats, completed=stories)
    faults += [f"{place}: {many} kills, {wanted[place]} wanted" for place, many in hits.items() if many < wanted[place]]
    return {
        "kills": sum(hits.values()), "places": len(wanted), "stories": stories, "mails": len(box.taken),
        "repeated": box.repeated(), "may_repeat": repeats, "restarts": stack.restarts,
        "seconds": round(time.monotonic() - begun), "faults": faults,
    }  # fmt: skip


def _stories(stack: Stack, box: Postbox, admins: list[people.Visitor], killing: threading.Thread) -> int:
    """Tell stories until the executioner has done its part; returns how many."""
    begun = 0

    def tell(number: int) -> None:
        try:
            people.whole_story(stack, box, people.make_claimant(stack), admins[number % len(admins)], within=PATIENCE)
        finally:
            connection.close()

    with ThreadPoolExecutor(STORIES_AT_ONCE) as pool:
        going = {pool.submit(tell, number) for number in range(STORIES_AT_ONCE)}
        begun = len(going)
        while going:
            done = next(as_completed(going))
            going.discard(done)
            done.result()
            if killing.is_alive():
                going.add(pool.submit(tell, begun))
                begun += 1
    return begun
