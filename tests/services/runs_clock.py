"""The clock of the program's machines is wrong, the database's is right: no clock of a ticket moves."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from accounts.models import User
from common.clock import database_now
from recoverydesk.recovery.models import Status
from tests.services import judge, people
from tests.services.postbox import Postbox
from tests.services.stack import Stack

DAY = 86400
SHIFTS = (-DAY, 8 * DAY)  # seconds
SOURCE = Path(__file__).with_name("clock.c")
LOOK = "import datetime; print(datetime.datetime.now(datetime.timezone.utc).timestamp())"


def run(stack: Stack, box: Postbox, seconds: int = 15) -> dict[str, Any]:
    """Tell the story up to the waiting period under each shift, with the clock put right under way, and after that."""
    library, shown = stack.folder / "clock.so", stack.folder / "shift"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)], check=True)
    figures: dict[str, Any] = {"faults": []}
    shown.write_text("0")
    os.environ |= {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(shown)}
    for shift in SHIFTS:
        named = f"{shift / DAY:+.0f} days"
        _restart(stack, shown, shift)
        figures[named] = _under(stack, box, named, seconds, figures["faults"])
        shown.write_text("0")
        figures[f"{named}, put right"] = _under(stack, box, f"{named}, put right", 0, figures["faults"])
        _restart(stack, shown, 0)
        figures[f"{named}, then started again"] = _under(stack, box, f"after {named}", 0, figures["faults"])
    figures["faults"] += judge.verdict(box)
    return figures


def _restart(stack: Stack, shown: Path, shift: int) -> None:
    """End all of it, turn its clock, start it again in the same folder."""
    stack.stop()
    shown.write_text(str(shift))
    stack.start()


def _under(stack: Stack, box: Postbox, named: str, seconds: int, faults: list[str]) -> dict[str, float]:
    off_by = float(subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True).stdout)
    off_by -= time.time()
    idle, waiting = people.make_claimant(stack), people.make_claimant(stack)
    for user in (idle, waiting):
        people.ask(stack, user)
    people.prove(stack, box, waiting)
    ends = people.until(waiting, Status.WAITING).wait_until
    assert ends is not None
    left = (ends - database_now()).total_seconds()
    time.sleep(seconds)
    after = people.ticket_of(waiting)
    if after.status != Status.WAITING or after.wait_until != ends or not 3480 < left <= 3600:
        faults.append(f"{named}: {after.status}, until {after.wait_until}, {left:.0f} s were left")
    if people.ticket_of(idle).status != Status.CHALLENGED:
        faults.append(f"{named}: the idle ticket is {people.ticket_of(idle).status}")
    _let_it_end(waiting)
    people.until(waiting, Status.READY)
    return {"clock_off_by": round(off_by), "seconds_left_at_start": round(left)}


def _let_it_end(user: User) -> None:
    """By the database's clock the waiting period is over."""
    ticket = people.ticket_of(user)
    ticket.wait_until = database_now() + timedelta(seconds=1)
    ticket.save(update_fields=["wait_until"])
