"""How long requests take, by view and status: the one thing no row tells, counted in each process of the web.

gunicorn's processes share their numbers through files of a folder that lives as long as the web does
(recoverydesk/web_server.py); elsewhere a process knows its own.
"""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

OWN = CollectorRegistry()
SECONDS = Histogram(
    "recoverydesk_http_seconds",
    "Seconds until the answer was ready, by the name of the view and the status",
    ["view", "status"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=OWN,
)
NO_VIEW = "none"  # an address that leads to no view, or an answer from further out


def timed(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: time the request. Names of views come from our addresses, never from what a visitor sends."""

    def middleware(request: HttpRequest) -> HttpResponse:
        before = time.perf_counter()
        answer = get_response(request)
        match = request.resolver_match
        view = (match.view_name if match else "") or NO_VIEW
        SECONDS.labels(view, str(answer.status_code)).observe(time.perf_counter() - before)
        return answer

    return middleware


def text() -> bytes:
    """All processes of this machine's web, or this process where it serves alone."""
    shared = CollectorRegistry()
    try:
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    except ValueError:  # no folder is shared: not gunicorn
        return generate_latest(OWN)
    return generate_latest(shared)
