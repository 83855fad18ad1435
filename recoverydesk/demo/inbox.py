"""Reads the folder of sent mail: one `.eml` file each, its name sorting by time."""

import re
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path

from django.conf import settings

NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*\.eml")


@dataclass(frozen=True)
class Letter:
    """One mail as its reader sees it. `text` is the plain part, unescaped."""

    name: str
    recipient: str
    subject: str
    sent: datetime | None
    text: str


def names() -> list[str]:
    """Return the file names of all mails, newest first."""
    return sorted(
        (path.name for path in Path(settings.MAIL_DIR).glob("*.eml") if NAME.fullmatch(path.name)), reverse=True
    )


def read_mail(name: str) -> Letter:
    """Read one mail. Raises FileNotFoundError for a name that is none of ours."""
    if not NAME.fullmatch(name):
        raise FileNotFoundError(name)
    with (Path(settings.MAIL_DIR) / name).open("rb") as file:
        message = BytesParser(EmailMessage, policy=policy.default).parse(file)
    part = message.get_body(("plain",))
    text = part.get_content() if part else ""
    return Letter(name, str(message["To"] or ""), str(message["Subject"] or ""), _date(message), text)


def _date(message: EmailMessage) -> datetime | None:
    try:
        return parsedate_to_datetime(str(message["Date"]))
    except ValueError:
        return None  # no date or none that can be read: the list shows a blank
