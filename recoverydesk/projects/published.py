"""What somebody says was published: the facts of one release and its files, checked before they reach a table."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from recoverydesk.projects import models

FILENAME_LENGTH = 255
PACKAGETYPE_LENGTH = 32
LARGEST_SIZE = 2**63 - 1
DESCRIPTION_LENGTH = 200_000
LINE_LENGTH, MOST_REQUIREMENTS = 500, 500
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILENAME = re.compile(r"[^/\\]+")


class InvalidFact(ValueError):
    """A fact cannot be stored; the message says which one and why."""


def checked(name: str, value: object, limit: int) -> str:
    """Return `value` if it is text of 1 to `limit` characters, none a control character; else raise InvalidFact."""
    if not isinstance(value, str):
        raise InvalidFact(_("%(name)s is not text") % {"name": name})
    if not 1 <= len(value) <= limit:
        raise InvalidFact(_("%(name)s must have 1 to %(limit)s characters") % {"name": name, "limit": limit})
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value):
        raise InvalidFact(_("%(name)s contains control characters or broken characters") % {"name": name})
    return value


@dataclass(frozen=True)
class FileFact:
    """One file: size in bytes, SHA-256 as 64 hexadecimal digits, an aware time. Raises InvalidFact.

    `stored_as` is its name in the default storage, where we hold its bytes; `metadata_sha256` that of a wheel's
    METADATA beside it.
    """

    filename: str
    packagetype: str
    size: int
    sha256: str
    uploaded_at: datetime
    yanked: bool = False
    yanked_reason: str = ""
    requires_python: str = ""
    stored_as: str = ""
    metadata_sha256: str = ""

    def __post_init__(self) -> None:
        checked(_("a file's name"), self.filename, FILENAME_LENGTH)
        if not _FILENAME.fullmatch(self.filename):
            raise InvalidFact(_("the file name %(name)r contains a path") % {"name": self.filename})
        checked(_("the type of %(name)s") % {"name": self.filename}, self.packagetype, PACKAGETYPE_LENGTH)
        if type(self.size) is not int or not 0 <= self.size <= LARGEST_SIZE:
            raise InvalidFact(_("the size of %(name)s is not a number of bytes") % {"name": self.filename})
        if not isinstance(self.sha256, str) or not _SHA256.fullmatch(self.sha256):
            raise InvalidFact(_("the SHA-256 of %(name)s is not 64 hexadecimal digits") % {"name": self.filename})
        if type(self.yanked) is not bool:
            raise InvalidFact(_("%(name)s: yanked is neither true nor false") % {"name": self.filename})
        if self.yanked_reason:
            checked(_("why %(name)s was yanked") % {"name": self.filename}, self.yanked_reason, models.REASON_LENGTH)
        if self.requires_python:
            checked(_("the Python versions of %(name)s") % {"name": self.filename}, self.requires_python, 200)
        _check_time(self.filename, self.uploaded_at)


@dataclass(frozen=True)
class AboutFact:
    """What a file's metadata says of its release, beside links. Nobody but the file vouches for it; see `about`."""

    summary: str = ""
    description: str = ""
    content_type: str = ""
    license: str = ""
    requires: tuple[str, ...] = ()


def about(
    *, summary: object, description: object, content_type: object, license_text: object, requires: object
) -> AboutFact:
    """Return what can be stored of these, cut where it is too long: nothing here is a reason to refuse a release."""
    lines = [_text(line, LINE_LENGTH) for line in requires] if isinstance(requires, list | tuple) else []
    return AboutFact(
        summary=_line(summary, 512),
        description=_text(description, DESCRIPTION_LENGTH),
        content_type=_line(content_type, 100),
        license=_line(license_text, 200),
        requires=tuple(line for line in lines[:MOST_REQUIREMENTS] if line),
    )


def _line(value: object, limit: int) -> str:
    """The first line that says something."""
    told = (line.strip() for line in _text(value, 10 * limit).splitlines())
    first = next(filter(None, told), "")
    return "" if first == "UNKNOWN" else first[:limit]


def _text(value: object, limit: int) -> str:
    """What a database can hold: no NUL, no half character."""
    text = value[:limit] if isinstance(value, str) else ""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


@dataclass(frozen=True)
class ReleaseFact:
    """One release. `urls` are (label, URL) pairs; None: nobody told us, which proves nothing. Raises InvalidFact.

    `opened_by` is the API token of the upload that tells of it; `about` None: nobody told us.
    """

    version: str
    uploaded_at: datetime
    urls: tuple[tuple[str, str], ...] | None
    files: tuple[FileFact, ...] = ()
    deleted_at: datetime | None = None
    opened_by: UUID | None = None
    about: AboutFact | None = None

    def __post_init__(self) -> None:
        checked(_("a version"), self.version, models.VERSION_LENGTH)
        _check_time(self.version, self.uploaded_at)
        for label, url in self.urls or ():
            checked(_("a link's label"), label, models.LABEL_LENGTH)
            checked(_("the URL of %(label)s") % {"label": label}, url, models.URL_BYTES)
            if len(url.encode()) > models.URL_BYTES:
                raise InvalidFact(_("the URL of %(label)s is longer than 2,000 bytes") % {"label": label})


def _check_time(name: str, value: datetime) -> None:
    if value.tzinfo is None:
        raise InvalidFact(_("the time of %(name)s has no time zone") % {"name": name})
