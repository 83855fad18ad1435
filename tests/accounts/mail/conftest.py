"""Templates of the mail tests' own, a real server, link pages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.accounts.mail.samples import BODY, write
from tests.helpers import mail_server


@pytest.fixture
def link_pages(settings: Any) -> None:
    """Stand where the desk's pages stand, so that links have addresses."""
    settings.ROOT_URLCONF = "tests.accounts.mail.samples"


@pytest.fixture
def templates(tmp_path: Path, settings: Any) -> Path:
    """A folder that comes before the project's templates, with the mail kind `sample` in it."""
    folder = tmp_path / "templates"
    write(folder, "sample", subject="[{{ site_name }}] Ticket {{ number }} {{ username }}", body=BODY)
    first = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**first, "DIRS": [folder, *first["DIRS"]]}]
    return folder


@pytest.fixture
def hook(settings: Any) -> None:
    settings.ACCOUNTS_HOOKS = {"mail_secrets": "tests.accounts.mail.samples.secrets_of"}


@pytest.fixture
def server(free_port: int, settings: Any) -> Iterator[mail_server.MailServer]:
    """A running SMTP server to which the outbox delivers."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port
    with mail_server.running(free_port) as running:
        yield running
