"""A mail of the tests' own kind, and pages where the desk's would stand."""

from pathlib import Path
from typing import Any

from django.db.models.functions import Now
from django.http import HttpResponse
from django.urls import path

from accounts.mail import outbox
from accounts.mail.models import Mail

urlpatterns = [
    path("recover/status/<str:key>/", HttpResponse, name="recover_status"),
    path("recover/stop/<str:key>/", HttpResponse, name="recover_stop"),
    path("recover/password/<str:key>/", HttpResponse, name="recover_password"),
]
BODY = """Hello {{ username }},

use {{ links.stop }} or push {{ branch_token }}.

{% include "emails/_footer.txt" %}
"""


def write(folder: Path, kind: str, *, subject: str, body: str) -> None:
    place = folder / "emails" / kind
    place.mkdir(parents=True)
    (place / "subject.txt").write_text(subject)
    (place / "body.txt").write_text(body)


def secrets_of(mail: Mail) -> dict[str, str]:
    """Stands where the desk's hook stands."""
    return {"branch_token": "000-recovery-secret"}


def queue(number: int = 1, **options: Any) -> Mail:
    """Queue a mail of the kind `sample` about ticket 7."""
    given = {"reference": "ticket:7", "context": {"username": "ada"}, "dedupe": f"sample:{number}"} | options
    return outbox.queue("sample", f"user{number}@example.org", **given)


def due_again() -> None:
    """Let the time until the next try pass."""
    Mail.objects.filter(state=Mail.State.QUEUED).update(next_try=Now())
