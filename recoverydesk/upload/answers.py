"""How an upload is answered: the reason in the status line, where every client shows it, and in the body."""

from collections.abc import Mapping
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import get_template
from django.urls import reverse

from accounts import too_often
from recoverydesk.staging.models import StagedRelease

LONGEST_REASON = 500
HTML, JSON, PROBLEM = "text/html", "application/json", "application/problem+json"


class UploadRefused(Exception):
    """The upload is not taken; `message` says why, in English, for a person who reads a program's output."""

    def __init__(self, status: int, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or {}


def too_often_for_now(seconds: int, message: str = "") -> UploadRefused:
    """429, and when again."""
    return UploadRefused(429, f"{message} {too_often.sentence(seconds)}".strip(), headers=too_often.headers(seconds))


def refusal(request: HttpRequest, refused: UploadRefused) -> HttpResponse:
    """Return the answer to a refused upload, its body in the form the client asks for."""
    message, status = _one_line(refused.message), refused.status
    title = HTTPStatus(status).phrase
    kind = request.get_preferred_type([HTML, JSON, PROBLEM])
    if kind == PROBLEM:
        body = {"type": "about:blank", "title": title, "status": status, "detail": message}
        response: HttpResponse = JsonResponse(body, content_type=PROBLEM)
    elif kind == JSON:
        response = JsonResponse({"code": f"{status} {message}", "title": title, "message": message})
    else:
        response = HttpResponse(get_template("upload/refused.html").render({"status": status, "message": message}))
    response.status_code, response.reason_phrase = status, _latin(message)
    for name, value in refused.headers.items():
        response.headers[name] = value
    return response


def of_staged(staged: StagedRelease) -> HttpResponse:
    """Say that the file is not published, and who does that. twine (--verbose) and uv (-vv) print it."""
    why = " The account of somebody in the project was recovered, so that uploads are staged."
    text = (
        f"Staged, not published: {staged.project.name} {staged.version}.{why if staged.after_recovery else ''} "
        f"An owner publishes or discards it at {settings.BASE_URL}/account/staged/ before "
        f"{staged.ends_at:%Y-%m-%d %H:%M} UTC, when it expires. How it stands: {_of(staged, 'api_staged')}. "
        f"Index for testers, who give an API token: {_of(staged, 'staged')}\n"
    )
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def _of(staged: StagedRelease, name: str) -> str:
    return f"{settings.BASE_URL}{reverse(name, args=[staged.uid])}"


def _one_line(text: str) -> str:
    """Leave nothing in a message that could end a header or half of a character."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(line.split())[:LONGEST_REASON]


def _latin(text: str) -> str:
    return text.encode("iso-8859-1", "replace").decode("iso-8859-1")
