"""Whose line is it? Every line of the log bears the id of its request or its task, else that of its process."""

import os
import secrets
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
_id: ContextVar[str] = ContextVar("id", default="")
_part = ["command"]


def now() -> str:
    """The id of what this thread works at: `request-…`, `task-…` or `process-` and its number."""
    return _id.get() or f"process-{os.getpid()}"


def part() -> str:
    """Which part of the program this process is: web, worker, beat or command."""
    return _part[0]


def this_is(name: str) -> None:
    """Say which part of the program this process is."""
    _part[0] = name


def begin(kind: str, number: str) -> None:
    """From now on this thread works at that."""
    _id.set(f"{kind}-{number}")


def end(*_: Any, **__: Any) -> None:
    """From now on this thread works at nothing in particular."""
    _id.set("")


def numbered(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware, the outermost: a number for each request, told in the answer, so that a report can name it.

    It is our own: one that came with the request could be somebody else's. It stays until the thread's next request,
    because Django and gunicorn write their lines about an answer after it.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        number = secrets.token_hex(8)
        begin("request", number)
        answer = get_response(request)
        answer.headers[HEADER] = number
        return answer

    return middleware
