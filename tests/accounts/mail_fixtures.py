"""What the mail tests share: templates of their own, a real server, a link page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now
from django.http import HttpResponse
from django.urls import path

from accounts.mail import outbox
from accounts.mail.models import Mail
from accounts.models import User
from tests.accounts import mail_server

urlpatterns = [
    path("recover/status/<str:key>/", HttpResponse, name="recover_status"),
    path("recover/stop/<str:key>/", HttpResponse, name="recover_stop"),
    path("recover/password/<str:key>/", HttpResponse, name="recover_password"),
]
BODY = """Hello {{ username }},

use {{ links.stop }} or push {{ branch_token }}.

{% include "emails/_footer.txt" %}
"""


@pytest.fixture
def link_pages(settings: Any) -> None:
    """Stand where the desk's pages stand, so that links have addresses."""
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def templates(tmp_path: Path, settings: Any) -> Path:
    """A folder that comes before the project's templates, with the mail kind `sample` in it."""
    folder = tmp_path / "templates"
    write(folder, "sample", subject="[{{ site_name }}] Ticket {{ number }} {{ username }}", body=BODY)
    first = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**first, "DIRS": [folder, *first["DIRS"]]}]
    return folder


def write(folder: Path, kind: str, *, subject: str, body: str) -> None:
    place = folder / "emails" / kind
    place.mkdir(parents=True)
    (place / "subject.txt").write_text(subject)
    (place / "body.txt").write_text(body)


def secrets_of(mail: Mail) -> dict[str, str]:
    """Stands where the desk's hook stands."""
    return {"branch_token": "000-recovery-secret"}


@pytest.fixture
def hook(settings: Any) -> None:
    settings.ACCOUNTS_HOOKS = {"mail_secrets": "tests.accounts.mail_fixtures.secrets_of"}


@pytest.fixture
def server(free_port: int, settings: Any) -> Iterator[mail_server.MailServer]:
    """A running SMTP server to which the outbox delivers."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port
    with mail_server.running(free_port) as running:
        yield running


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada")


def queue(number: int = 1, **options: Any) -> Mail:
    """Queue a mail of the kind `sample` about ticket 7."""
    given = {"reference": "ticket:7", "context": {"username": "ada"}, "dedupe": f"sample:{number}"} | options
    return outbox.queue("sample", f"user{number}@example.org", **given)


def due_again() -> None:
    """Let the time until the next try pass."""
    Mail.objects.filter(state=Mail.State.QUEUED).update(next_try=Now())
