"""The index of one staged release, for whoever tries it out before it is published; and how it stands, for machines.

Both ask who reads, although nobody guesses the address: addresses stand in the logs of builds, and a staged release may
mend what nobody should know yet. Whoever has a role in the project reads with an API token (the user is `__token__`) or
in a browser; the token that staged a file hears how the release stands. Nothing of it is kept anywhere.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_safe

from accounts import throttle, too_often
from accounts.models import User
from recoverydesk.projects import names
from recoverydesk.projects.files import METADATA
from recoverydesk.projects.models import Role
from recoverydesk.publishers.acting import acting
from recoverydesk.staging import reading
from recoverydesk.staging.models import StagedFile, StagedRelease
from recoverydesk.upload import index, serving
from recoverydesk.upload.private import REALM, refusal
from tokens import caveats
from tokens.caveats import READ, Failure
from tokens.checking import Opened, TokenRefused, judge, open_token
from tokens.presenting import NONE, NoToken, presented

NO_STORE = "private, no-store"
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def _for_people(view: Callable[Concatenate[HttpRequest, StagedRelease, P], HttpResponseBase]) -> View[...]:
    """Find the release that the address names, for whoever may read it; 401 for nobody, 404 for anybody else."""

    @require_safe
    @wraps(view)
    def guarded(request: HttpRequest, uid: UUID, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        with translation.override("en"):
            try:
                response = view(request, _readable(request, uid), *args, **kwargs)
            except (NoToken, TokenRefused) as error:
                response = refusal(error.reason, error.status if isinstance(error, NoToken) else 403)
            except Http404:
                response = HttpResponse("Not found\n", status=404, content_type="text/plain")
        response.headers["Cache-Control"] = NO_STORE
        return response

    return guarded


def _readable(request: HttpRequest, uid: UUID) -> StagedRelease:
    """Raises Http404 for a release that is over, or of a project in which the reader has no role that acts."""
    throttle.count(request, "staged")
    opened = _opened(request)
    found = reading.waiting().select_related("project").filter(uid=uid).first()
    if opened and found:
        opened = acting(opened, found.project.normalized_name)
    user = opened.user if opened else request.user
    if not isinstance(user, User):
        raise NoToken(NONE, 401)
    roles = Role.objects.filter(user=user, accepted_at__isnull=False, held_at=None)
    if found is None or not roles.filter(project=found.project_id).exists():
        raise Http404
    if opened:
        _judge(opened, found)
    return found


def _opened(request: HttpRequest) -> Opened | None:
    """The token that came; None where none did. Raises NoToken for a password, and TokenRefused."""
    authorization = request.headers.get("Authorization", "")
    return open_token(presented(authorization)) if authorization else None


def _judge(opened: Opened, found: StagedRelease) -> None:
    """A token for another project reads nothing here. Raises TokenRefused."""
    project = caveats.Project(found.project.normalized_name, found.project.uid)
    verdict = judge(opened, opened.context(READ, project))
    if isinstance(verdict, Failure):
        raise TokenRefused(verdict.reason)


@_for_people
def root(request: HttpRequest, release: StagedRelease) -> HttpResponse:
    """List the one project."""
    project = release.project
    data = {"meta": {"api-version": index.VERSION}, "projects": [{"name": project.name}]}
    rows = {"projects": [(project.name, project.normalized_name)]}
    page = (data, "upload/simple_root.html", rows)
    return index.made(request, index.kind_for(request), page, {"Vary": "Accept"})


@_for_people
def project(request: HttpRequest, release: StagedRelease, name: str) -> HttpResponse:
    """List the staged files; what else they need is in the index of everybody."""
    normal = names.normalize(name)
    if not names.is_valid(name):
        raise Http404
    if normal != release.project.normalized_name:
        return HttpResponseRedirect(reverse("simple_project", args=[normal]))
    if name != normal:
        return HttpResponseRedirect(reverse("staged_project", args=[release.uid, normal]))
    rows = list(release.files.order_by("staged_at", "filename"))
    entries = [_entry(row, release) for row in rows]
    data: dict[str, Any] = {
        "meta": {"api-version": index.VERSION}, "name": normal, "project-status": {"status": "active"},
        "versions": [release.version], "files": entries,
    }  # fmt: skip
    links = [
        entry | {"requires_python": row.requires_python, "row": row} for entry, row in zip(entries, rows, strict=True)
    ]
    page = (data, "upload/simple_project.html", {"project": release.project, "files": links})
    return index.made(request, index.kind_for(request), page, {"Vary": "Accept"})


def _entry(row: StagedFile, release: StagedRelease) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "filename": row.filename,
        "url": reverse("staged_file", args=[release.uid, release.project.normalized_name, row.filename]),
        "hashes": {"sha256": row.sha256},
        "size": row.size,
        "upload-time": f"{row.staged_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "yanked": False,
    }
    if row.requires_python:
        entry["requires-python"] = row.requires_python
    if row.metadata_sha256:
        entry["core-metadata"] = {"sha256": row.metadata_sha256}
    return entry


@_for_people
def file(request: HttpRequest, release: StagedRelease, name: str, filename: str) -> HttpResponseBase:
    """Send one staged file, or with METADATA behind its name what it says of itself."""
    wanted = filename.removesuffix(METADATA)
    if name != release.project.normalized_name:
        raise Http404
    row = release.files.filter(filename=wanted).first()
    if row is None or (wanted != filename and not row.metadata_sha256):
        raise Http404
    suffix = filename.removeprefix(wanted)
    digest = row.metadata_sha256 if suffix else row.sha256
    return serving.answer(request, row.stored_as + suffix, filename, digest, kept=NO_STORE)


# For machines ---------------------------------------------------------------------------------------------------------


def state(request: HttpRequest, uid: UUID) -> HttpResponse:
    """GET /api/staged/<id> with a token that staged a file of it: how it stands. Errors are RFC 9457 problems."""
    with translation.override("en"):
        response = _state(request, uid)
    response.headers["Cache-Control"] = NO_STORE
    return response


def _state(request: HttpRequest, uid: UUID) -> HttpResponse:
    if request.method not in ("GET", "HEAD"):
        return _problem(405, "Method not allowed", "Only GET and HEAD are answered here.", Allow="GET, HEAD")
    try:
        throttle.count(request, "staged")
        opened = open_token(presented(request.headers.get("Authorization", "")))
        found = StagedRelease.objects.select_related("project").filter(uid=uid, files__token=opened.row.pk).first()
        if found:
            _judge(opened, found)
    except NoToken as error:
        return _problem(error.status, "Token needed", error.reason, **(REALM if error.status == 401 else {}))
    except TokenRefused as error:
        return _problem(403, "Token refused", f"Invalid API Token: {error.reason}")
    except throttle.TooOften as error:
        detail = too_often.sentence(error.seconds)
        return _problem(429, "Too many requests", detail, **too_often.headers(error.seconds))
    if found is None:
        return _problem(404, "Not found", "This token staged no such release, or it ended more than 90 days ago.")
    return JsonResponse(_facts(found, opened.row.pk))


def _facts(found: StagedRelease, token: UUID) -> dict[str, Any]:
    """The files are those that this token staged: what others add is theirs to know, whatever became of its owner."""
    files = found.files.filter(token=token).order_by("filename")
    return {
        "id": str(found.uid),
        "project": found.project.normalized_name,
        "version": found.version,
        "state": found.state,
        "files": [{"filename": row.filename, "size": row.size, "sha256": row.sha256} for row in files],
        "staged_at": found.staged_at.isoformat(),
        "expires_at": found.ends_at.isoformat(),
        "ended_at": found.ended_at.isoformat() if found.ended_at else None,
        "index": settings.BASE_URL + reverse("staged", args=[found.uid]) if found.waits else None,
    }


def _problem(status: int, title: str, detail: str, **headers: str) -> HttpResponse:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JsonResponse(body, status=status, headers=headers, content_type="application/problem+json")
