"""gunicorn's settings: `gunicorn -c python:recoverydesk.web_server recoverydesk.wsgi`. Arguments after it win.

Threads, so that no request waits behind a client that is slow to send its own; one log for all parts of the program.
"""

import gc
import os
import secrets
import shutil
import socket
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from recoverydesk import log_ids

MOST = 8  # processes: each of their threads holds a connection to PostgreSQL, which takes 100
workers = min(MOST, max(2, len(os.sched_getaffinity(0)))) if hasattr(os, "sched_getaffinity") else 2
threads = 8
graceful_timeout = 30  # seconds for requests that are begun
NUMBERS = Path(tempfile.gettempdir()) / f"recoverydesk-{secrets.token_hex(8)}"  # of /metrics, shared by our processes
raw_env = [f"PROMETHEUS_MULTIPROC_DIR={NUMBERS}"]
preload_app = True  # a wrong setting ends the start, and the log is set up before the first line
control_socket_disable = True  # it would lie in the home folder
access_log_format = "%(m)s %(U)s %(s)s in %(M)s ms"  # no address, no query: the log cannot be erased person by person
SLOW = 15  # seconds without a byte after which a client that has begun a request loses its thread


class Log(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's lines go where all others go."""

    def setup(self, cfg: Any) -> None:
        """Take over after gunicorn's own set-up; a file that was asked for on the command line stays."""
        super().setup(cfg)
        for log, place in ((self.error_log, cfg.errorlog), (self.access_log, cfg.accesslog)):
            if place == "-":
                log.handlers.clear()
                log.propagate = True

    def exception(self, msg: str, *args: Any, **options: Any) -> None:
        """A client that lost its thread for being slow is no error of ours."""
        if isinstance(sys.exc_info()[1], BlockingIOError):
            self.info("a client sent nothing for %s seconds in the middle of its request", SLOW)
        else:
            super().exception(msg, *args, **options)


class Threads(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's worker with threads."""

    def handle(self, conn: Any) -> Any:
        """What a thread said about the request before is not said about this one."""
        log_ids.end()
        return super().handle(conn)


logger_class = Log
worker_class = Threads


def on_starting(server: Any) -> None:
    """Each start counts anew."""
    NUMBERS.mkdir(mode=0o700)


def on_exit(server: Any) -> None:
    """Nothing is left."""
    shutil.rmtree(NUMBERS, ignore_errors=True)


def pre_fork(server: Any, worker: Any) -> None:
    """What is loaded by now stays shared: a collection in a worker would copy every page it looks at."""
    gc.collect()
    gc.freeze()


def when_ready(server: Any) -> None:
    """Accepted connections inherit it from the listening socket (Linux, socket(7))."""
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", SLOW, 0))
