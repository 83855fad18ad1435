"""Takes the body of an upload: the file goes to a disk while it is hashed, everything else is small."""

from typing import Any

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from recoverydesk.projects.files import Incoming
from recoverydesk.upload.answers import UploadRefused

CONTENT = "content"
FORM_BYTES = 10 * 2**20  # what the body may hold besides the file
CHUNK = 2**16


def largest() -> int:
    """Return the size in bytes of the largest file we take."""
    return int(settings.UPLOAD_MAX_MIB) * 2**20


class Receiver(FileUploadHandler):
    """Keeps the part `content`, notes every other part that came as a file, and reads past what is too large."""

    chunk_size = CHUNK

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.content: Incoming | None = None
        self.file_fields: list[str] = []
        self.too_large = False

    def new_file(self, field_name: str, *args: Any, **kwargs: Any) -> None:
        super().new_file(field_name, *args, **kwargs)
        self.file_fields.append(field_name)
        if field_name != CONTENT or self.content is not None:
            raise SkipFile
        self.content = Incoming(str(self.file_name), self.content_type or "")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a piece away; returning nothing tells Django that it is dealt with."""
        assert self.content is not None
        if start + len(raw_data) > largest():
            self.too_large = True
        else:
            self.content.take(raw_data)

    def file_complete(self, file_size: int) -> Incoming | None:
        return self.content.whole() if self.content and self.content.size == 0 and not self.too_large else None

    def close(self) -> None:
        """Delete what was not kept."""
        if self.content is not None:
            self.content.close()


def receive(request: HttpRequest) -> Receiver:
    """Read the whole body. Raises UploadRefused for one that cannot be read or is far too large."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > 2 * largest() + FORM_BYTES:
        raise UploadRefused(400, f"File too large. Limit is {settings.UPLOAD_MAX_MIB} MB.")
    receiver = Receiver(request)
    request.upload_handlers = [receiver]
    try:
        request.POST  # noqa: B018 - reading it is what parses the body
    except (BadRequest, SuspiciousOperation, UnreadablePostError, MultiPartParserError) as error:
        receiver.close()
        raise UploadRefused(400, _sentence(error)) from error
    except OSError:
        receiver.close()
        raise
    return receiver


def _sentence(error: Exception) -> str:
    """Say in our words what Django says in the names of its settings."""
    if isinstance(error, TooManyFieldsSent):
        return f"The form has more than {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} fields."
    if isinstance(error, TooManyFilesSent):
        return "The form has too many files. Send one, in the field content."
    if isinstance(error, RequestDataTooBig):
        return f"The form holds more than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE / 2**20:g} MB besides its file."
    return "The form cannot be read. Send it whole, as multipart/form-data."


def drain(request: HttpRequest) -> None:
    """Read the rest of a refused body and forget it: clients look at the answer only when they have sent everything."""
    left = largest() + FORM_BYTES
    try:
        while left > 0 and (piece := request.read(CHUNK)):
            left -= len(piece)
    except (OSError, ValueError):
        return  # the client is gone, or the body was read to its end already
