"""GET /api/token: a token tells about itself, and whether it would be accepted; DELETE: whoever has it revokes it.

Errors are RFC 9457 problems. No cookie is read, hence no CSRF token is asked for.

What it says is for programs and stays in English.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from accounts import throttle, too_often
from audit.log import origin_of
from tokens import hooks, services
from tokens.caveats import UPLOAD, Failure
from tokens.checking import Opened, TokenRefused, judge, open_token
from tokens.presenting import NoToken, presented

TITLES = {
    400: "Bad request",
    401: "Token needed",
    403: "Token refused",
    405: "Method not allowed",
    429: "Too many requests",
}
LONGEST = 200
NARROWED = "This is a narrowed copy of a token. Only the token as it was made revokes itself."
HOLDER, GIVEN_BACK = "token holder", "revoked with the token itself"


@never_cache
@csrf_exempt
def token(request: HttpRequest) -> HttpResponse:
    """Answer 200 with the token's facts; `?project=&action=upload[&version=]` adds `accepted` and `reason`.

    DELETE answers 204, and the token opens nothing from then on. Its user is mailed: it may have been a thief, who can
    do no better, or whoever found it.
    """
    with translation.override("en"):
        if request.method not in ("GET", "HEAD", "DELETE"):
            return _problem(405, "Only GET, HEAD and DELETE are answered here.", Allow="GET, HEAD, DELETE")
        try:
            throttle.count(request, "api_token")
            opened = open_token(presented(request.headers.get("Authorization", "")))
            throttle.count(request, "api_token_key", key=str(opened.row.id))  # once it has proved genuine
            if request.method == "DELETE":
                if opened.narrowed:
                    return _problem(403, NARROWED)
                services.revoke([opened.row], actor=HOLDER, reason=GIVEN_BACK, origin=origin_of(request))
                return HttpResponse(status=204)
            return JsonResponse(_facts(opened) | _answer(opened, request))
        except NoToken as error:
            return _problem(error.status, error.reason)
        except TokenRefused as error:
            return _problem(403, f"Invalid API Token: {error.reason}")
        except throttle.TooOften as error:
            detail = f"{too_often.sentence(error.seconds)} Uploading is not limited by this."
            return _problem(429, detail, **too_often.headers(error.seconds))
        except BadQuestion as error:
            return _problem(400, str(error))


class BadQuestion(Exception):
    """The query asks for something that cannot be answered."""


def _facts(opened: Opened) -> dict[str, Any]:
    row = opened.row
    return {
        "id": str(row.id),
        "name": row.name,
        "user": row.user.username,
        "scope": {"project": row.project_name, "id": str(row.project_uid)} if row.project_uid else row.scope,
        "caveats": [[caveat.tag, *caveat.fields()] for caveat in opened.caveats],
        "created_at": row.created_at.isoformat(),
        "expires_at": _ends_at(opened),
        "trusted_publisher": bool(row.publishers),
        "last_used_at": row.last_used_at.isoformat() if row.last_used_at else None,
        "last_used_from": row.last_used_from,
    }


def _ends_at(opened: Opened) -> str | None:
    """Return the row's end; what a holder added offline stands among the caveats."""
    return opened.row.expires_at.isoformat() if opened.row.expires_at else None


def _answer(opened: Opened, request: HttpRequest) -> dict[str, Any]:
    project, action, version = (request.GET.get(key, "") for key in ("project", "action", "version"))
    if not (project or action):
        return {}
    if action != UPLOAD:
        raise BadQuestion("The one action to ask about is upload.")
    if not project or max(len(project), len(version)) > LONGEST:
        raise BadQuestion("Say which project, and the version if you like, in at most 200 characters each.")
    plan = hooks.plan_upload(opened, project, version)
    verdict = judge(opened, opened.context(UPLOAD, plan.project, plan.release))
    reasons = [verdict.reason] if isinstance(verdict, Failure) else []
    reason = ", ".join([*reasons, *filter(None, [plan.refusal])])
    return {"project": project, "action": action, "version": version or None, "accepted": not reason, "reason": reason}


def _problem(status: int, detail: str, **headers: str) -> HttpResponse:
    body = {"type": "about:blank", "title": TITLES[status], "status": status, "detail": detail}
    response = JsonResponse(body, status=status, headers=headers, content_type="application/problem+json")
    if status == 401:
        response.headers["WWW-Authenticate"] = f'Basic realm="{settings.SITE_NAME}", charset="UTF-8"'
    return response
