"""How long hypothesis tries, and canaries."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import settings

from tests.helpers.far_ends import (
    Canary,
)
from tests.tiers import times

settings.register_profile("default", max_examples=times(300, fast=50), deadline=None)
settings.register_profile("thorough", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture
def canary() -> Iterator[Canary]:
    with ExitStack() as stack:
        four = stack.enter_context(socket.create_server(("0.0.0.0", 0)))  # every address of this machine
        port = four.getsockname()[1]
        yield Canary(port, [four, *(stack.enter_context(six) for six in _on_ipv6(port))])


def _on_ipv6(port: int) -> list[socket.socket]:
    """The same port on IPv6; nothing on a machine without it."""
    try:
        return [socket.create_server(("::", port), family=socket.AF_INET6)]
    except OSError:
        return []
