"""Child processes that end with us, whatever ends us."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

PR_SET_PDEATHSIG = 1  # linux/prctl.h
GRACE = 8  # seconds between the polite signal and the last one

Child = subprocess.Popen[bytes]


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent is killed; other systems have no such wish. For `preexec_fn`."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def start(command: Sequence[str], environment: Mapping[str, str] | None = None, *, keep: int | None = None) -> Child:
    """Start a child in a session of its own (Ctrl-C does not reach it) that keeps the descriptor `keep` open.

    Without `environment` it has ours.
    """
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=() if keep is None else (keep,),
        preexec_fn=die_with_parent,
    )


def stop(children: Sequence[Child], *, grace: float = GRACE) -> None:
    """End all children and theirs: one SIGTERM each; what outlives it by `grace` seconds, or its parent, is killed."""
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + grace
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError):  # usual: nobody of its session is left
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
