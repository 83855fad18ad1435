"""INDEX_PRIVATE: whoever reads the index, files, pages of projects or the search shows an API token or is signed in.

Everything below PREFIXES asks before anything is looked up, so that a refusal is the same whether a project is there
or not. A token that can read is enough: READ is asked of each of its caveats.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import translation

from accounts import throttle, too_often
from audit.log import origin_of
from recoverydesk.projects import names
from recoverydesk.projects.models import Project
from recoverydesk.publishers.acting import acting
from tokens import caveats
from tokens.caveats import READ, Failure
from tokens.checking import REMEMBER_EVERY, Opened, TokenRefused, judge, open_token, remember_use
from tokens.presenting import NoToken, presented

PROGRAMS = ("/simple/", "/pypi/")
PREFIXES = (*PROGRAMS, "/projects/", "/search/")
REALM = {"WWW-Authenticate": 'Basic realm="package index", charset="UTF-8"'}
OURS = "private, no-cache"


def asks(request: HttpRequest) -> bool:
    """Whether this address is closed to visitors."""
    return bool(settings.INDEX_PRIVATE) and request.path_info.startswith(PREFIXES)


class Private:
    """Asks who reads, and lets no shared cache keep what they got."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if asks(request):
            said = response.headers.get("Cache-Control", "")
            response.headers["Cache-Control"] = said.replace("public", "private") if "public" in said else said or OURS
        return response

    def process_view(
        self, request: HttpRequest, _view: object, _args: object, kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Answer whoever may not read this; None for everybody else."""
        if not asks(request) or request.user.is_authenticated:
            return None
        given = request.headers.get("Authorization", "")
        if not given and not request.path_info.startswith(PROGRAMS):
            return redirect_to_login(request.get_full_path())
        try:
            _check(request, given, kwargs.get("name"))
        except (NoToken, TokenRefused) as error:
            return _refused(request, error)
        return None


def _check(request: HttpRequest, authorization: str, name: str | None) -> None:
    """Raises NoToken, or TokenRefused where the token does not read this project (None: a list of all)."""
    opened = open_token(presented(authorization))
    project = None
    if name is not None:
        opened = acting(opened, name)
        project = _facts(name)
    if isinstance(verdict := judge(opened, opened.context(READ, project)), Failure):
        raise TokenRefused(verdict.reason)
    _remember(request, opened)


def _facts(name: str) -> caveats.Project:
    normal = names.normalize(name)
    found = Project.objects.filter(normalized_name=normal) if names.is_valid(name) else Project.objects.none()
    return caveats.Project(normal, found.values_list("uid", flat=True).first())


def _remember(request: HttpRequest, opened: Opened) -> None:
    """A build asks a thousand times a minute: only what changes is written."""
    row, network = opened.row, origin_of(request).network
    old = row.last_used_at is None or opened.now - row.last_used_at >= REMEMBER_EVERY
    if old or row.last_used_from != network:
        remember_use(row, network)


def _refused(request: HttpRequest, error: NoToken | TokenRefused) -> HttpResponse:
    """401 where nothing was shown, as clients do first; else 403 with the reason. Tokens that open nothing count."""
    with translation.override("en"):
        if isinstance(error, NoToken):
            return refusal(error.reason, error.status)
        try:
            throttle.count(request, "index_refused")
        except throttle.TooOften as often:
            return too_often.answer(request, often.seconds)
        return refusal(error.reason, 403)


def refusal(reason: str, status: int) -> HttpResponse:
    """The reason as text, never kept; with 401 the question for a token."""
    headers = {"Cache-Control": "no-store"} | (REALM if status == 401 else {})
    return HttpResponse(f"{reason}\n", status=status, headers=headers, content_type="text/plain; charset=utf-8")
