"""AUDIT_SINK: each checkpoint as one line of JSON to a command's standard input, or posted to an address.

A process of its own is started in either case and ended after ten seconds with whatever it has started: nothing waits
for a sink, no transaction is open meanwhile, and it inherits nothing of our environment. A failure is logged, shown
beside the log and by `verify_audit`, and tried again with the newest checkpoint.
"""

import contextlib
import json
import logging
import os
import shlex
import signal
import ssl
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from audit.chain import checkpoints, outlets
from audit.models import Outlet, Seal

SECONDS = 10.0
LEASE = timedelta(minutes=2)
MINUTES_BETWEEN_TRIES = [1, 1, 2, 5, 15, 30, 60]  # the last one repeats
SAID = 200  # characters of an error that are kept
POST = Path(__file__).resolve().parent / "post.py"

logger = logging.getLogger(__name__)


def deliver() -> int:
    """Hand the newest checkpoint to the sink when it has not had it; returns 1 when it took it.

    Any number of workers may call it: one of them does it.
    """
    if not settings.AUDIT_SINK:
        return 0
    outlet = outlets.named(outlets.sink_name(settings.AUDIT_SINK))
    head = outlets.unsent(outlet)
    due = Outlet.objects.filter(pk=outlet.pk, seal=outlet.seal, next_try__lte=Now())
    if head is None or not due.update(next_try=Now() + LEASE):
        return 0
    error = send_line(json.dumps(checkpoints.line_of(head, outlets.seal_of(outlet.seal))), settings.AUDIT_SINK)
    return _failed(outlet, error) if error else _taken(outlet, head)


def send_line(line: str, sink: str) -> str:
    """Give one line to a sink; returns why it was not taken, or nothing."""
    command, given = shlex.split(sink), f"{line}\n"
    if is_address(sink):
        command, given = [sys.executable, "-I", str(POST)], f"{sink}\n{given}"
    with tempfile.TemporaryFile() as said:
        try:
            code = _run(command, given.encode(), said)
        except OSError as error:
            return str(error.strerror)
        return _words(code, said) if code else ""


def _words(code: int, said: IO[bytes]) -> str:
    """What a program said last, on one line."""
    said.seek(0)
    words = said.read(10_000).decode(errors="replace").strip().splitlines()
    text = f"it ended with {code}: {words[-1] if words else ''}"
    return "".join(letter for letter in text if letter.isprintable())[:SAID]


def is_address(sink: str) -> bool:
    """Whether the setting is an address and not a command."""
    return sink.startswith(("https://", "http://"))


def _run(command: list[str], given: bytes, said: IO[bytes]) -> int:
    """The exit code; a program that is not done in time is killed with its children and counts as failed."""
    own = ssl.get_default_verify_paths().cafile
    variables = {"PATH": os.defpath, "LANG": "C.UTF-8", **({"SSL_CERT_FILE": own} if own else {})}
    running = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, env=variables, start_new_session=True
    )
    try:
        running.communicate(given, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        said.write(b"\nnot done in time")
        return -1
    finally:
        _end(running)
    return running.returncode


def _end(running: "subprocess.Popen[bytes]") -> None:
    """End the program and what it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing may be left of it
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()


def _taken(outlet: Outlet, head: Seal) -> int:
    outlets.mark_handed(outlet, head)
    outlets.note_left(outlet, head.number)
    Outlet.objects.filter(pk=outlet.pk).update(next_try=Now())
    return 1


def _failed(outlet: Outlet, error: str) -> int:
    logger.warning("the audit sink took no checkpoint: %s", error)
    pause = MINUTES_BETWEEN_TRIES[min(outlet.failures, len(MINUTES_BETWEEN_TRIES) - 1)]
    next_try = Now() + timedelta(minutes=pause)
    Outlet.objects.filter(pk=outlet.pk).update(failures=F("failures") + 1, error=error, next_try=next_try)
    return 0
