"""Two questions a load balancer asks: is the process alive, and can it serve?"""

from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from recoverydesk.recovery import heartbeat


@never_cache
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as the process serves at all."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database answers and has its tables (one query), else 503.

    `worker` says whether the sweep runs. A silent worker is no reason to take the pages away (ADR 0092).
    """
    try:
        worker = heartbeat.state()
    except DatabaseError:
        return JsonResponse({"status": "the database does not answer"}, status=503)
    return JsonResponse({"status": "ok", "worker": worker})
