"""Sockets that keep a promise about time and bytes, whatever the other end does.

`requests` and urllib3 time each single read, so a host that sends one byte now and then holds them for ever. Here
every read may take only what is left of the whole step, headers and `100 Continue` included, in plain and in TLS.
"""

import socket
import ssl
import time
from typing import Any


class OutOfTime(Exception):
    """The step's seconds are used up. Not an OSError, so that nothing on the way translates or retries it."""


class TooMuch(Exception):
    """The host sent more bytes than the step allows."""


class Guard:
    """Seconds and bytes left for the current step, and what all steps together have moved."""

    def __init__(self, seconds: float) -> None:
        self.restart(seconds)

    def restart(self, seconds: float) -> None:
        """Begin another probe of at most `seconds`, with nothing moved yet."""
        self.started = time.monotonic()
        self.ends = self.step_ends = self.started + seconds
        self.allowance = 0
        self.sent = self.received = self._received_before = 0

    def start_step(self, seconds: float, allowance: int) -> None:
        """Begin a step of at most `seconds` (never past the whole probe's end) and `allowance` bytes read."""
        self.step_ends = min(self.ends, time.monotonic() + seconds)
        self.allowance = allowance
        self._received_before = self.received

    def extend(self, seconds: float, allowance: int) -> None:
        """Let the step that runs, and with it the probe, last until `seconds` after its start and read more bytes."""
        self.ends = self.step_ends = self.started + seconds
        self.allowance = allowance - (self.received - self._received_before)

    @property
    def heard_in_step(self) -> bool:
        """Whether the host has said anything in this step."""
        return self.received > self._received_before

    def left(self) -> float:
        """Seconds left in this step; raises OutOfTime when there are none."""
        left = self.step_ends - time.monotonic()
        if left <= 0:
            raise OutOfTime
        return left

    def took(self, count: int) -> int:
        """Book `count` bytes read; raises TooMuch past the allowance."""
        self.received += count
        self.allowance -= count
        if self.allowance < 0:
            raise TooMuch
        return count


class GuardedSocket(socket.socket):
    """A plain socket under a guard, which must be set before it is read or written."""

    guard: Guard

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(self.guard.left())
        return self.guard.took(super().recv_into(*args, **kwargs))

    def sendall(self, data: Any, *args: Any) -> None:
        self.settimeout(self.guard.left())
        super().sendall(data, *args)
        self.guard.sent += len(data)


class GuardedTLSSocket(GuardedSocket, ssl.SSLSocket):
    """The same above TLS; bytes are counted inside the encryption. Made by `SSLContext.sslsocket_class`."""
