"""The simple index that pip and uv install from: PEP 503 pages, PEP 691 JSON, the fields of PEP 700, the metadata
files of PEP 658 and 714; and the files."""

from collections.abc import Iterable
from typing import Any

from django.core.files.storage import default_storage
from django.db.models import Exists, OuterRef, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe
from packaging.version import InvalidVersion, Version

from recoverydesk.projects import names
from recoverydesk.projects.files import METADATA
from recoverydesk.projects.models import File, Project

VERSION = "1.1"
JSON, HTML, PLAIN = "application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html", "text/html"
LATEST = {"application/vnd.pypi.simple.latest+json": JSON, "application/vnd.pypi.simple.latest+html": HTML}
FOR_EVER = "public, max-age=31536000, immutable"


@require_safe
def root(request: HttpRequest) -> HttpResponse:
    """List every project that has a file here."""
    published = _stored().filter(release__project=OuterRef("pk"))
    found = Project.objects.filter(Exists(published)).order_by("normalized_name")
    rows = list(found.values_list("name", "normalized_name"))
    data = {"meta": {"api-version": VERSION}, "projects": [{"name": name} for name, _normal in rows]}
    return _answer(request, data, "upload/simple_root.html", {"projects": rows})


@require_safe
def project(request: HttpRequest, name: str) -> HttpResponse:
    """List the files of one project; another spelling of its name is sent to the right one."""
    normal = names.normalize(name)
    if not names.is_valid(name):
        raise Http404
    if name != normal:
        return HttpResponsePermanentRedirect(reverse("simple_project", args=[normal]))
    found = get_object_or_404(Project, normalized_name=normal)
    rows = list(_stored().filter(release__project=found).select_related("release").order_by("uploaded_at", "filename"))
    data: dict[str, Any] = {
        "meta": {"api-version": VERSION},
        "name": normal,
        "versions": _sorted({row.release.version for row in rows}),
        "files": [_entry(row, normal) for row in rows],
    }
    links = [
        entry | {"requires_python": entry.get("requires-python", ""), "row": row}
        for entry, row in zip(data["files"], rows, strict=True)
    ]
    return _answer(request, data, "upload/simple_project.html", {"name": found.name, "files": links})


@require_safe
def file(request: HttpRequest, name: str, filename: str) -> FileResponse:
    """Send one file, or with METADATA behind its name what it says of itself. Its bytes never change."""
    if "\x00" in name + filename:
        raise Http404
    wanted = filename.removesuffix(METADATA)
    row = _stored().filter(filename=wanted, release__project__normalized_name=name).first()
    if row is None or (wanted != filename and not row.metadata_sha256):
        raise Http404
    beside = filename.removeprefix(wanted)
    return _file(row.stored_as + beside, row.metadata_sha256 if beside else row.sha256)


def _file(stored_as: str, sha256: str) -> FileResponse:
    if not default_storage.exists(stored_as):
        raise Http404
    response = FileResponse(default_storage.open(stored_as), content_type="application/octet-stream")
    response.headers["Cache-Control"] = FOR_EVER
    response.headers["ETag"] = f'"{sha256}"'
    return response


def _stored() -> QuerySet[File]:
    return File.objects.filter(release__deleted_at=None).exclude(stored_as="")


def _entry(row: File, project_name: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "filename": row.filename,
        "url": reverse("simple_file", args=[project_name, row.filename]),
        "hashes": {"sha256": row.sha256},
        "size": row.size,
        "upload-time": f"{row.uploaded_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "yanked": row.yanked,
    }
    if row.requires_python:
        entry["requires-python"] = row.requires_python
    if row.metadata_sha256:
        entry["core-metadata"] = {"sha256": row.metadata_sha256}
    return entry


def _sorted(versions: Iterable[str]) -> list[str]:
    def order(text: str) -> tuple[bool, Any]:
        try:
            return True, Version(text)
        except InvalidVersion:
            return False, text

    return sorted(versions, key=order)


def _answer(request: HttpRequest, data: dict[str, Any], template: str, context: dict[str, Any]) -> HttpResponse:
    """Answer as JSON or as a page, whichever the client prefers; `?format=` overrides its headers."""
    asked = request.GET.get("format") or request.get_preferred_type([PLAIN, HTML, JSON, *LATEST])
    kind = LATEST.get(str(asked), str(asked))
    if kind == JSON:
        response: HttpResponse = JsonResponse(data, content_type=JSON)
    else:
        response = render(request, template, context | {"version": VERSION})
        response.headers["Content-Type"] = f"{HTML if kind == HTML else PLAIN}; charset=utf-8"
    patch_vary_headers(response, ["Accept"])
    return response
