"""Delivers into a folder: one `.eml` file per mail, for a machine without a mail server."""

import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class EmailBackend(BaseEmailBackend):
    """Writes to settings.MAIL_DIR. Names sort by time; a file appears whole or not at all."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.MAIL_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            _write(folder, message.message().as_bytes())
        return len(email_messages)


def _write(folder: Path, content: bytes) -> None:
    name = f"{time.time_ns()}-{secrets.token_hex(4)}.eml"
    draft = folder / f".{name}.draft"
    draft.write_bytes(content)
    os.replace(draft, folder / name)
