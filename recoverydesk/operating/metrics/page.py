"""The page that Prometheus reads."""

from collections.abc import Iterator

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from recoverydesk import readiness
from recoverydesk.operating.metrics import database, http
from recoverydesk.operating.metrics.database import gauge


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All numbers, for who sends METRICS_TOKEN; without that setting there is no such page."""
    if not settings.METRICS_TOKEN:
        raise Http404
    kind, _space, given = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not constant_time_compare(given, settings.METRICS_TOKEN):
        words = "Send METRICS_TOKEN as a bearer token.\n"
        return HttpResponse(words, status=401, headers={"WWW-Authenticate": "Bearer"}, content_type="text/plain")
    return HttpResponse(text(), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def text() -> bytes:
    """What /metrics says. Where the database is away it says that, and what needs no database."""
    ready, registry = Ready(), CollectorRegistry(auto_describe=False)
    registry.register(ready)
    if ready.parts["database"] == readiness.OK:
        registry.register(database.Numbers())
    return generate_latest(registry) + http.text()


class Ready:
    """Each part of /readyz: 1 where it is ready."""

    def __init__(self) -> None:
        self.parts = readiness.parts()

    def collect(self) -> Iterator[Metric]:
        """Nothing is asked again."""
        ready = [((name,), float(word == readiness.OK)) for name, word in self.parts.items()]
        yield gauge("part_ready", "Whether a part of /readyz is ready", ("part",), ready)
