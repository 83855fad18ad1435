"""The JSON documents of a project and of one release: of PyPI's JSON API the fields that Poetry, Renovate, twine and
pip-audit read and we know. What we do not keep (authors, classifiers) is not there."""

from collections import defaultdict
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe
from packaging.version import InvalidVersion, Version

from recoverydesk import __version__
from recoverydesk.projects import labels, names, showing
from recoverydesk.projects.archives.distribution import WHEEL
from recoverydesk.projects.models import About, File, Project
from recoverydesk.projects.published import MOST_REQUIREMENTS
from recoverydesk.projects.showing import Listed, Shown
from recoverydesk.upload.index import ASK_FIRST, yanked_of


@require_safe
def project(request: HttpRequest, name: str) -> HttpResponse:
    """The newest release, and the files of every one."""
    return _answer(request, name, "")


@require_safe
def release(request: HttpRequest, name: str, version: str) -> HttpResponse:
    """One release, in any spelling of its version (PEP 440)."""
    return _answer(request, name, version)


def _answer(request: HttpRequest, name: str, version: str) -> HttpResponse:
    """The document or, for who has it, 304; another spelling of the name is sent to the right one. Raises Http404."""
    normal = names.normalize(name)
    if not names.is_valid(name):
        raise Http404
    if name != normal:
        where = reverse("json_release", args=[normal, version]) if version else reverse("json_project", args=[normal])
        return HttpResponsePermanentRedirect(where)
    found = get_object_or_404(Project, normalized_name=normal)
    headers = {"ETag": _etag(found), "Cache-Control": ASK_FIRST}
    known = get_conditional_response(request, etag=headers["ETag"], response=HttpResponse(headers=headers))
    if known is not None and known.status_code != 200:
        return known
    return JsonResponse(_document(found, version), headers=headers)


def _etag(found: Project) -> str:
    """Serial and newest file as of the index; a text told later of a release that was there moves no serial."""
    newest = File.objects.filter(release__project=found).aggregate(pk=Max("pk", default=0))
    told = About.objects.filter(release__project=found).count()
    return f'"{found.serial}-{newest["pk"]}-{told}-{__version__}-json"'


def _document(found: Project, version: str) -> dict[str, Any]:
    listed = showing.releases(found)
    chosen = _of_version(listed, version) if version else showing.newest(listed)
    if chosen is None:
        raise Http404
    files = _files(found)
    document = {
        "info": _info(found, showing.read(chosen.pk)),
        "last_serial": found.serial,
        "urls": files[chosen.version],
        "vulnerabilities": [],
    }
    return document if version else document | {"releases": {row.version: files[row.version] for row in listed}}


def _of_version(listed: list[Listed], version: str) -> Listed | None:
    exact = next((row for row in listed if row.version == version), None)
    try:
        return exact or next((row for row in listed if Version(row.version) == Version(version)), None)
    except InvalidVersion:
        return None


def _info(found: Project, shown: Shown) -> dict[str, Any]:
    pairs = dict(shown.release.urls or [])
    home, download = pairs.pop(labels.LEGACY_HOME_LABEL, ""), pairs.pop(labels.LEGACY_DOWNLOAD_LABEL, "")
    page = settings.BASE_URL + reverse("project", args=[found.normalized_name])
    requires = shown.about.requires
    return {
        "name": found.name,
        "version": shown.release.version,
        "summary": shown.about.summary,
        "description": shown.about.description,
        "description_content_type": shown.about.content_type or None,
        "license": shown.about.license or None,
        "home_page": home,
        "download_url": download,
        "project_urls": ({"Homepage": home} if home else {}) | pairs or None,
        "package_url": page,
        "project_url": page,
        "requires_dist": requires if 0 < len(requires) < MOST_REQUIREMENTS else None,  # a list cut short would be a lie
        "requires_python": shown.requires_python or None,
        "yanked": shown.release.yanked,
        "yanked_reason": shown.release.yanked_reason or None,
    }


def _files(found: Project) -> dict[str, list[dict[str, Any]]]:
    """The files of each version that can be had. One query."""
    rows = File.objects.stored().filter(release__project=found).select_related("release")
    files: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows.order_by("uploaded_at", "filename"):
        files[row.release.version].append(_file(row, found.normalized_name))
    return files


def _file(row: File, project_name: str) -> dict[str, Any]:
    why = yanked_of(row)
    return {
        "filename": row.filename,
        "url": settings.BASE_URL + reverse("simple_file", args=[project_name, row.filename]),
        "digests": {"sha256": row.sha256},
        "packagetype": row.packagetype,
        "python_version": row.filename.split("-")[-3] if row.packagetype == WHEEL else "source",
        "requires_python": row.requires_python or None,
        "size": row.size,
        "upload_time": f"{row.uploaded_at:%Y-%m-%dT%H:%M:%S}",
        "upload_time_iso_8601": f"{row.uploaded_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "yanked": bool(why),
        "yanked_reason": why if isinstance(why, str) else None,
    }
