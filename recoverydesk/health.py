"""Two questions from outside: is the process alive (a load balancer), and is everything there (monitoring)?"""

import threading
import time

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from recoverydesk import readiness
from recoverydesk.operating import mirror

_asking = threading.Lock()
_last: tuple[float, dict[str, str]] = (float("-inf"), {})


@never_cache
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as the process serves at all; our own doctor is told what it sees."""
    seen = mirror.seen(request)
    return JsonResponse({"status": "ok"} | ({"doctor": seen} if seen else {}))


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when every part is ready, else 503; the JSON has a word for each part, the log has the reason."""
    found = recent_parts()
    ready = bool(found) and set(found.values()) == {readiness.OK}
    return JsonResponse({"status": "ok" if ready else "not ready", **found}, status=200 if ready else 503)


def recent_parts() -> dict[str, str]:
    """What the parts answered at most READYZ_KEEPS ago; what they said before that while somebody else asks them.

    So whoever asks often costs little, and a part that does not answer holds up one thread.
    """
    global _last
    if _asking.acquire(blocking=False):
        try:
            if time.monotonic() - _last[0] >= settings.READYZ_KEEPS.total_seconds():
                _last = (time.monotonic(), readiness.parts())
        finally:
            _asking.release()
    return _last[1]
