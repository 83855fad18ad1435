"""Named places at which a test may end, stop or break the process. Without FAIL_POINTS they do nothing at all.

FAIL_POINTS names a folder. A file in it that is called like a place arms the place once: the first process to get
there takes the file (a rename, so that no second one does) and obeys it. `kill` ends the process as `kill -9` does,
`stop` halts it as SIGSTOP does, `break` raises Broken, `sleep 2.5` waits seconds. Production refuses the setting.
"""

import os
import signal
import time
from pathlib import Path

from django.conf import settings

TAKEN = ".taken"  # ending of a file that was obeyed: <place>.<process id>.taken
PLACES = (
    "request.noted", "request.handled", "request.done", "open.written",
    "lease.request", "lease.mail", "lease.boundary", "lease.codehost",
    "lease.recoveryticket", "lease.chore",
    "outbox.queued", "mail.ready", "mail.accepted", "mail.settled", "mail.kept",
    "wake.before", "wake.sent", "sweep.begun",
    "probe.planned", "probe.seen", "factors.gone",
)  # fmt: skip
STEPS = ("locked", "written", "committed")  # of every verb: <verb>.<step>


class Broken(Exception):
    """What an armed place raises."""


def _nothing(place: str, step: str) -> None:
    """The place as everybody but a test knows it."""


def _look(place: str, step: str) -> None:
    """Obey the order that lies in the folder for this place, if one does."""
    name = f"{place}.{step}"
    taken = Path(settings.FAIL_POINTS, f"{name}.{os.getpid()}{TAKEN}")
    try:
        os.rename(Path(settings.FAIL_POINTS, name), taken)
    except FileNotFoundError:
        return
    _obey(taken.read_text().split())


def _obey(order: list[str]) -> None:
    match order:
        case ["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["stop"]:
            os.kill(os.getpid(), signal.SIGSTOP)
        case ["break"]:
            raise Broken
        case ["sleep", seconds]:
            time.sleep(float(seconds))
        case _:
            raise ValueError(f"no such order: {order}")


reach = _look if settings.FAIL_POINTS else _nothing
