"""POST /hooks/secret-scanning/: GitHub and others that speak its protocol tell us of tokens they found in public."""

import hashlib

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from accounts import throttle, too_often
from tokens import leaks

LONGEST = 1024 * 1024  # bytes of a body
KEY_ID, SIGNATURE = "Github-Public-Key-Identifier", "Github-Public-Key-Signature"


@never_cache
@csrf_exempt
def leak_reports(request: HttpRequest) -> HttpResponse:
    """Answer 200 with a label for each token (`true_positive` where it was ours), 400 where the report is not believed.

    No cookie is read, hence no CSRF token is asked for.
    """
    if request.method != "POST":
        return _problem(405, "Only POST is answered here.", Allow="POST")
    if not settings.LEAK_KEYS_URL:
        return _problem(404, "Leak reports are switched off here.")
    try:
        throttle.count(request, "leak_report")
        if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST:
            return _problem(413, "The report is too long.")
        headers = request.headers
        reports = leaks.read(request.body, headers.get(KEY_ID, ""), headers.get(SIGNATURE, ""))
    except throttle.TooOften as error:
        return _problem(429, too_often.sentence(error.seconds), **too_often.headers(error.seconds))
    except (leaks.NotBelieved, ValueError, UnreadablePostError, RequestDataTooBig) as error:
        return _problem(400, str(error) if isinstance(error, leaks.NotBelieved) else "The body cannot be read.")
    return JsonResponse([_answer(report) for report in reports], safe=False)


def _answer(report: leaks.Report) -> dict[str, str]:
    """What GitHub expects: the token by its digest, so that no answer of ours repeats one."""
    return {
        "token_hash": hashlib.sha256(report.token.encode(errors="replace")).hexdigest(),
        "token_type": report.kind,
        "label": "true_positive" if leaks.end(report) else "false_positive",
    }


def _problem(status: int, detail: str, **headers: str) -> HttpResponse:
    return JsonResponse({"message": detail}, status=status, headers=headers)
