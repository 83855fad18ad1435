"""The endpoint every uploader knows. It takes API tokens only, never a cookie: hence no CSRF token is asked for.

Everything it says is read by programs, or by people in a program's output, and stays in English.
"""

import contextlib
import errno
import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from accounts import throttle
from audit.log import origin_of
from recoverydesk.upload import answers, form, publishing, receiving
from recoverydesk.upload.answers import UploadRefused, refusal, too_often_for_now
from tokens.checking import Opened, remember_use
from tokens.presenting import NoToken, presented

logger = logging.getLogger(__name__)
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
ATTESTATIONS = (
    "attestations: this registry keeps none, and takes no file whose attestations it would drop. Upload without them "
    "(twine: without --attestations; uv: with --no-attestations)."
)
FULL = "There is no room left to keep files. Nothing was published. Try again later."
GONE = {
    "submit": "Project pre-registration",
    "submit_pkg_info": "Project pre-registration",
    "doc_upload": "Documentation",
}


@never_cache
@csrf_exempt
def legacy(request: HttpRequest) -> HttpResponse:
    """Take one file (POST, `:action=file_upload`); who only looks gets a page that explains the address."""
    if request.method != "POST":
        return _explain(request)
    with translation.override("en"):
        try:
            return _take(request)
        except UploadRefused as refused:
            receiving.drain(request)
            return refusal(request, refused)
        except throttle.TooOften as often:
            receiving.drain(request)
            return refusal(request, too_often_for_now(often.seconds))
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            logger.exception("an upload was refused: there is no room for it")
            receiving.drain(request)
            return refusal(request, UploadRefused(507, FULL))


@csrf_exempt
def to_legacy(request: HttpRequest) -> HttpResponse:
    """Send `/legacy` on with its method and body. uv follows absolute addresses only."""
    query = f"?{request.META['QUERY_STRING']}" if request.META.get("QUERY_STRING") else ""
    return HttpResponse(status=308, headers={"Location": f"{settings.BASE_URL}/legacy/{query}"})


def _explain(request: HttpRequest) -> HttpResponse:
    return render(request, "upload/legacy.html", {"upload": f"{settings.BASE_URL}/legacy/"})


def _take(request: HttpRequest) -> HttpResponse:
    """Check the token before a byte of the body is read."""
    throttle.count(request, "upload")
    if settings.PRODUCTION and not request.is_secure():
        raise UploadRefused(403, "SSL is required.")
    if not settings.UPLOADS:
        raise UploadRefused(403, "Read-only mode: Uploads are temporarily disabled.")
    try:
        token = presented(request.headers.get("Authorization", ""))
    except NoToken as error:
        raise UploadRefused(403, error.reason) from error
    opened = publishing.opened(token)
    throttle.count(request, "upload_account", key=str(opened.row.user_id))
    remember_use(opened.row, origin_of(request).network)
    with contextlib.closing(receiving.receive(request)) as received:
        action = request.POST.get(":action") or request.GET.get(":action", "")
        if action in GONE:
            raise UploadRefused(
                410, f"{GONE[action]} is no longer required or supported, continue directly to uploading files."
            )
        if action != "file_upload":
            raise UploadRefused(400, f"Unknown :action {action[:50]!r}. Use file_upload.")
        return _publish(request, opened, token, received)


def _publish(request: HttpRequest, opened: Opened, text: str, received: receiving.Receiver) -> HttpResponse:
    if "attestations" in received.file_fields or request.POST.get("attestations", "").strip():
        raise UploadRefused(400, ATTESTATIONS)
    read = form.read_form(request.POST, received.file_fields)
    if received.too_large:
        raise UploadRefused(400, f"File too large. Limit for project '{read.name}' is {settings.UPLOAD_MAX_MIB} MB.")
    if received.content is None or received.file_fields.count(receiving.CONTENT) != 1:
        raise UploadRefused(400, "Upload payload does not have a file.")
    staged = publishing.publish(publishing.Upload(opened, text, read, received.content, origin_of(request)))
    return HttpResponse(status=200) if staged is None else answers.of_staged(staged)
