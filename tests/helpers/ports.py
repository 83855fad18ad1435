"""Ports for servers that cannot choose one themselves."""

import os
import secrets
import socket

BELOW_OUTGOING = range(20_000, 32_000)  # Linux gives 32768 and up to outgoing connections and to whoever binds port 0
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))  # each chooses from ports that are no other's
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
_given: set[int] = set()


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on; never the same twice in a run.

    What the system itself hands out could be somebody's outgoing connection by the time our server starts.
    """
    while True:
        port = secrets.choice(BELOW_OUTGOING[WORKER::WORKERS])
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
