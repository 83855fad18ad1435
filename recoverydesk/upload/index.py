"""The simple index that pip and uv install from: PEP 503 pages, PEP 691 JSON, the fields of PEP 700, the metadata
files of PEP 658 and 714, the status markers of PEP 792. The files themselves are in serving.py."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe
from packaging.version import InvalidVersion, Version

from recoverydesk import __version__
from recoverydesk.projects import names
from recoverydesk.projects.models import File, Project
from recoverydesk.upload import fallback

VERSION = "1.4"
JSON, HTML, PLAIN = "application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html", "text/html"
LATEST = {"application/vnd.pypi.simple.latest+json": JSON, "application/vnd.pypi.simple.latest+html": HTML}
ASK_FIRST = "public, no-cache"  # who keeps a page asks with its ETag whether it still holds
Page = tuple[dict[str, Any], str, dict[str, Any]]  # the data of the JSON; a template, and what it needs


@require_safe
def root(request: HttpRequest) -> HttpResponse:
    """List every project that has a file here."""
    projects = Project.objects.aggregate(serials=Sum("serial", default=0), number=Count("pk"))
    newest = File.objects.aggregate(pk=Max("pk", default=0))
    return _answer(request, f"{projects['serials']}-{projects['number']}-{newest['pk']}", _root)


def _root() -> Page:
    published = File.objects.stored().filter(release__project=OuterRef("pk"))
    found = Project.objects.filter(Exists(published)).order_by("normalized_name")
    rows = list(found.values_list("name", "normalized_name"))
    data = {"meta": {"api-version": VERSION}, "projects": [{"name": name} for name, _normal in rows]}
    return data, "upload/simple_root.html", {"projects": rows}


@require_safe
def project(request: HttpRequest, name: str) -> HttpResponse:
    """List the files of one project; another spelling of its name is sent to the right one, an unknown one elsewhere
    where the site has a fallback."""
    normal = names.normalize(name)
    if not names.is_valid(name):
        raise Http404
    if name != normal:
        return HttpResponsePermanentRedirect(reverse("simple_project", args=[normal]))
    found = Project.objects.filter(normalized_name=normal).first()
    if found is None:
        if led := fallback.elsewhere(normal):
            return led
        raise Http404
    newest = File.objects.filter(release__project=found).aggregate(pk=Max("pk", default=0))
    return _answer(request, f"{found.serial}-{newest['pk']}", lambda: _project(found))


def _project(found: Project) -> Page:
    normal = found.normalized_name
    files = File.objects.stored().filter(release__project=found).select_related("release")
    rows = list(files.order_by("uploaded_at", "filename"))
    data: dict[str, Any] = {
        "meta": {"api-version": VERSION},
        "name": normal,
        "project-status": _status(found),
        "versions": _sorted({row.release.version for row in rows}),
        "files": [_entry(row, normal) for row in rows],
    }
    links = [
        entry
        | {
            "requires_python": entry.get("requires-python", ""),
            "why": "" if entry["yanked"] is True else entry["yanked"],
            "row": row,
        }
        for entry, row in zip(data["files"], rows, strict=True)
    ]
    return data, "upload/simple_project.html", {"project": found, "files": links}


def _entry(row: File, project_name: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "filename": row.filename,
        "url": reverse("simple_file", args=[project_name, row.filename]),
        "hashes": {"sha256": row.sha256},
        "size": row.size,
        "upload-time": f"{row.uploaded_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "yanked": yanked_of(row),
    }
    if row.requires_python:
        entry["requires-python"] = row.requires_python
    if row.metadata_sha256:
        entry["core-metadata"] = {"sha256": row.metadata_sha256}
    return entry


def _status(found: Project) -> dict[str, str]:
    """The marker of PEP 792, with the reason where somebody gave one."""
    return {"status": found.status} | ({"reason": found.status_reason} if found.status_reason else {})


def yanked_of(row: File) -> bool | str:
    """Why the file, or its whole release, was yanked (PEP 592); True where nobody said, False where it is not."""
    if row.yanked or row.release.yanked:
        return row.release.yanked_reason or row.yanked_reason or True
    return False


def _sorted(versions: Iterable[str]) -> list[str]:
    def order(text: str) -> tuple[bool, Any]:
        try:
            return True, Version(text)
        except InvalidVersion:
            return False, text

    return sorted(versions, key=order)


def _answer(request: HttpRequest, state: str, page: Callable[[], Page]) -> HttpResponse:
    """Answer as JSON or as a page, whichever the client prefers, or 304.

    `state` is what changes with the content. The page is made only for who has not got it.
    """
    kind = kind_for(request)
    etag = f'"{state}-{__version__}-{kind.rpartition("/")[2]}"'
    headers = {"ETag": etag, "Cache-Control": ASK_FIRST, "Vary": "Accept"}
    not_made = HttpResponse(headers=headers)
    known = get_conditional_response(request, etag=etag, response=not_made) or not_made
    if known is not not_made:
        return known
    return made(request, kind, page(), headers)


def kind_for(request: HttpRequest) -> str:
    """JSON, HTML or PLAIN, as the client prefers; `?format=` overrides its headers."""
    asked = request.GET.get("format") or request.get_preferred_type([PLAIN, HTML, JSON, *LATEST])
    kind = LATEST.get(str(asked), str(asked))
    return kind if kind in (JSON, HTML) else PLAIN


def made(request: HttpRequest, kind: str, page: Page, headers: Mapping[str, str]) -> HttpResponse:
    """The page in this kind, with these headers."""
    data, template, context = page
    if kind == JSON:
        response: HttpResponse = JsonResponse(data, content_type=JSON)
    else:
        response = render(request, template, context | {"version": VERSION})
        response.headers["Content-Type"] = f"{kind}; charset=utf-8"
    for name, value in headers.items():
        response.headers[name] = value
    return response
