"""Files and their metadata, whole or in part. Their bytes never change, so that every cache may keep them for ever."""

from collections.abc import Iterator

from django.core.files.storage import default_storage
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from recoverydesk.projects.files import METADATA
from recoverydesk.projects.models import File
from recoverydesk.upload import ranges

FOR_EVER = "public, max-age=31536000, immutable"
KIND = "application/octet-stream"
CHUNK = 2**16


@require_safe
def file(request: HttpRequest, name: str, filename: str) -> HttpResponseBase:
    """Send one file, or with METADATA behind its name what it says of itself."""
    if "\x00" in name + filename:
        raise Http404
    wanted = filename.removesuffix(METADATA)
    row = File.objects.stored().filter(filename=wanted, release__project__normalized_name=name).first()
    if row is None or (wanted != filename and not row.metadata_sha256):
        raise Http404
    suffix = filename.removeprefix(wanted)
    return answer(request, row.stored_as + suffix, filename, row.metadata_sha256 if suffix else row.sha256)


def answer(
    request: HttpRequest, stored_as: str, filename: str, sha256: str, *, kept: str = FOR_EVER
) -> HttpResponseBase:
    """Answer from what the client has already (304), or with all or part of the file. Raises Http404.

    `kept` says who may keep it.
    """
    if not default_storage.exists(stored_as):
        raise Http404
    size, etag = default_storage.size(stored_as), f'"{sha256}"'
    headers = {
        "Cache-Control": kept,
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Type": KIND,
        "Content-Disposition": content_disposition_header(False, filename) or "inline",
    }
    head = HttpResponse(headers=headers | {"Content-Length": str(size)})
    known = get_conditional_response(request, etag=etag, response=head) or head
    if known is not head or request.method == "HEAD":
        return known
    try:
        part = ranges.asked(request, size, etag)
    except ranges.NotThere:
        nothing = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes", "Cache-Control": "no-cache"}
        return HttpResponse(status=416, headers=nothing)
    return _part(stored_as, part, size, headers) if part else _whole(stored_as, headers)


def _whole(stored_as: str, headers: dict[str, str]) -> FileResponse:
    return FileResponse(default_storage.open(stored_as), headers=headers)


def _part(stored_as: str, part: ranges.Part, size: int, headers: dict[str, str]) -> StreamingHttpResponse:
    more = {"Content-Range": part.content_range(size), "Content-Length": str(part.length)}
    return StreamingHttpResponse(_bytes(stored_as, part), status=206, headers=headers | more)


def _bytes(stored_as: str, part: ranges.Part) -> Iterator[bytes]:
    with default_storage.open(stored_as) as stored:
        stored.seek(part.start)
        left = part.length
        while left and (piece := stored.read(min(left, CHUNK))):
            left -= len(piece)
            yield piece
