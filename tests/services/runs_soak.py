"""Mixed stories for a long time, and every half minute something breaks. `make soak`."""

import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from django.db import connection

from recoverydesk.recovery.models import RecoveryTicket
from tests.services import judge, people, runs_kills
from tests.services.postbox import Postbox
from tests.services.runs_faults import CUT
from tests.services.stack import Stack, eventually

AT_ONCE = 3
PATIENCE = 600  # seconds for one story among the faults


class Chaos:
    """Breaks one thing at a time and mends it."""

    def __init__(self, stack: Stack, box: Postbox) -> None:
        self.stack, self.box = stack, box
        self.done: Counter[str] = Counter()
        self.may_repeat = 0

    def one(self) -> None:
        """Something breaks for up to ten seconds."""
        name = random.choice(["order", "process", "broker", "postgres", "backends", "smtp", "mode"])
        getattr(self, f"_{name}")()
        self.done[name] += 1

    def _order(self) -> None:
        for place in random.sample(runs_kills.places(), 5):
            (self.stack.orders / place).write_text("kill")
        self.may_repeat += 5

    def _process(self) -> None:
        child = self.stack.processes.get(random.choice(list(self.stack.commands())))
        if child is not None:
            child.send_signal(signal.SIGKILL)
            self.may_repeat += 1

    def _broker(self) -> None:
        self.stack.broker.stop()
        time.sleep(10)
        self.stack.broker.start()

    def _postgres(self) -> None:
        self.stack.postgres.stop(signal.SIGQUIT)
        time.sleep(2)
        self.stack.postgres.start()
        self.may_repeat += 2

    def _backends(self) -> None:
        for _ in range(10):
            self.may_repeat += len(self.stack.postgres.execute(CUT))
            time.sleep(0.2)

    def _smtp(self) -> None:
        self.box.close()
        time.sleep(10)
        self.box.open()

    def _mode(self) -> None:
        before = self.box.dropped
        self.box.mode = random.choice(["greylist", "later", "slow", "drop"])
        time.sleep(10)
        self.box.mode = "take"
        self.may_repeat += self.box.dropped - before


def run(stack: Stack, box: Postbox, minutes: int = 20, every: int = 30) -> dict[str, Any]:
    """So many minutes of stories, a fault every so many seconds."""
    chaos, over, mended, endings = Chaos(stack, box), threading.Event(), threading.Event(), Counter[str]()
    admins = [people.make_admin(stack) for _ in range(AT_ONCE)]
    breaking = threading.Thread(target=_break, args=(chaos, every, over, mended), daemon=True)
    breaking.start()
    ends, memory = time.monotonic() + 60 * minutes, _memory(stack)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        going = {pool.submit(_tell, stack, box, admin, endings) for admin in admins}
        while going:
            done, going = wait(going, return_when=FIRST_COMPLETED)
            for one in done:
                admin = one.result()
                if time.monotonic() < ends:
                    going.add(pool.submit(_tell, stack, box, admin, endings))
            if time.monotonic() >= ends:
                over.set()
    mended.wait(60)
    for path in stack.orders.glob("*"):
        if path.suffix != ".taken":
            path.unlink()
    judge.settle(PATIENCE)
    return {
        "minutes": minutes, "stories": dict(endings), "tickets": RecoveryTicket.objects.count(),
        "faults_made": dict(chaos.done), "kills": len(list(stack.orders.glob("*.taken"))), "restarts": stack.restarts,
        "mails": len(box.taken), "repeated": box.repeated(), "memory_mib": [memory, _memory(stack)],
        "faults": judge.verdict(box, repeats=chaos.may_repeat),
    }  # fmt: skip


def _break(chaos: Chaos, every: int, over: threading.Event, mended: threading.Event) -> None:
    """Linux ends a child with the thread that started it: this one stays until the stack goes."""
    while not over.wait(every):
        chaos.one()
    mended.set()
    chaos.stack.over.wait()


def _tell(stack: Stack, box: Postbox, admin: people.Visitor, endings: Counter[str]) -> people.Visitor:
    """One story; some are withdrawn or stopped half way."""
    try:
        user = eventually(lambda: people.make_claimant(stack), "a claimant", PATIENCE)
        kind = random.choice(["reset", "reset", "reset", "silent", "twice"])
        people.ask(stack, user)
        if kind == "twice":
            people.ask(stack, user)
        if kind != "silent":
            people.prove(stack, box, user, PATIENCE)
            people.finish(stack, box, user, admin, PATIENCE)
        endings[kind] += 1
    finally:
        connection.close()
    return admin


def _memory(stack: Stack) -> int:
    """Resident MiB of the program's processes and their children."""
    groups = {child.pid for child in stack.processes.values()}
    total = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # it ended while we looked
            continue
        if int(fields[2]) in groups:
            total += int(fields[21]) * 4096
    return total // 2**20
