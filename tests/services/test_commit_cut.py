"""The connection breaks exactly at COMMIT: the page says that nobody knows, a reload tells the truth, once is once."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from accounts.mail import links
from accounts.mail.models import Mail, Request
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk.projects.models import File
from recoverydesk.recovery.models import RecoveryTicket, Status
from tests.helpers import factories, packages
from tests.helpers.desk import browser, decide, fresh_code
from tests.helpers.packages import stored_files
from tests.helpers.tickets import REASON, add_boundary, make_admin, make_ticket, stop_link
from tests.helpers.tokens import mint
from tests.services.cutter import AFTER, BEFORE, Cutter, cutting

UNKNOWN = "We do not know whether your change was made"
TICKET, REQUEST = 'UPDATE "recovery_recoveryticket"', 'INSERT INTO "accounts_request"'
FILE = 'INSERT INTO "projects_file"'
PAGE = "/admin/recovery/recoveryticket/{}/"
pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
both = pytest.mark.parametrize("when", [BEFORE, AFTER])


@pytest.fixture
def ready(ada: User) -> RecoveryTicket:
    factories.make_project("tool", ada)
    ticket = make_ticket(ada, Status.READY)
    add_boundary(ticket, proved=True)
    return ticket


@pytest.fixture
def cutter(transactional_db: None) -> Iterator[Cutter]:
    """This process' connection goes through the cutter."""
    place = connection.settings_dict
    with cutting(place["HOST"], int(place["PORT"] or 5432)) as cutter:
        cutter.marker = b"\xff"  # nothing is marked before `cut` says what
        connection.close()
        connection.settings_dict = {**place, "HOST": "127.0.0.1", "PORT": str(cutter.port)}
        yield cutter
        connection.close()
        connection.settings_dict = place


def cut(
    cutter: Cutter, when: str, marker: str, client: Client, path: str, fields: dict[str, Any], **more: Any
) -> HttpResponse:
    """Send a POST whose COMMIT, of the transaction that says `marker`, meets the end of the line."""
    client.raise_request_exception = False
    cutter.marker, cutter.orders = marker.encode(), [when]
    answer = client.post(path, fields, **more)
    assert cutter.obeyed[-1:] == [when]
    connection.close()
    return answer  # type: ignore[return-value]


def says_nobody_knows(answer: HttpResponse) -> bool:
    return answer.status_code == 503 and UNKNOWN in answer.content.decode()


@both
def test_a_reset_cut_off_at_commit_is_shown_by_the_page_as_it_is(
    ready: RecoveryTicket, cutter: Cutter, when: str
) -> None:
    client, fields = browser(make_admin()), {"reason": REASON, "version": str(ready.version)}
    button, page = PAGE.format(ready.pk) + "press/reset/", PAGE.format(ready.pk) + "change/"
    confirm = client.post(button, fields)["Location"]
    assert says_nobody_knows(cut(cutter, when, TICKET, client, confirm, {"code": fresh_code(client)}))
    shown = client.get(page).content.decode()
    ready.refresh_from_db()
    assert ready.status == (Status.COMPLETED if when == AFTER else Status.READY)
    assert ("press/reset/" in shown) == (when == BEFORE)
    again = decide(client, button, fields)
    assert (again.status_code, again["Location"]) == (302, page)
    assert Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_RESET).count() == 1
    assert Mail.objects.filter(reference=ready.reference, kind="recovery_choose_password").count() == 1


@both
def test_a_request_cut_off_at_commit_is_there_or_not_and_may_be_sent_again(cutter: Cutter, when: str) -> None:
    cutter.end = REQUEST.encode()  # one statement, and no transaction around it
    client, form = Client(), {"username": "ada", "claim": "second_factor", "codes": "lost"}
    assert says_nobody_knows(cut(cutter, when, REQUEST, client, "/recover/", form))
    assert Request.objects.count() == (1 if when == AFTER else 0)
    again = client.post("/recover/", form)
    assert (again.status_code, again["Location"]) == (302, "/recover/received/")


@both
def test_a_stop_cut_off_at_commit_stops_once(ready: RecoveryTicket, cutter: Cutter, when: str) -> None:
    client, path = Client(), f"/recover/stop/{links.key(stop_link(ready))}/"
    assert says_nobody_knows(cut(cutter, when, TICKET, client, path, {"stop": "1"}))
    ready.refresh_from_db()
    assert ready.status == (Status.STOPPED if when == AFTER else Status.READY)
    answer = client.post(path, {"stop": "1"}, follow=True)
    assert answer.templates[0].name == "recovery/stopped.html"
    assert Event.objects.filter(tag=Tag.ACCOUNT_RECOVERY_STOP).count() == 1


@both
def test_an_upload_cut_off_at_commit_keeps_the_file_of_the_row_it_made(
    ada: User, cutter: Cutter, settings: Any, tmp_path: Path, when: str
) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    name, content = packages.wheel_name(), packages.wheel()
    key = base64.b64encode(f"__token__:{mint(ada).text}".encode()).decode()

    def send(client: Client, deliver: Any) -> Any:
        file = SimpleUploadedFile(name, content, "application/octet-stream")
        fields = packages.form(name, content, "sample", "1.0") | {"content": file}
        return deliver(client, "/legacy/", fields, headers={"Authorization": f"Basic {key}"})

    client = Client()
    answer = send(client, lambda *given, **more: cut(cutter, when, FILE, *given, **more))
    assert says_nobody_knows(answer)
    assert File.objects.count() == (1 if when == AFTER else 0)
    if when == AFTER:
        assert [path.name for path in stored_files(settings.MEDIA_ROOT)] == [name, f"{name}.metadata"]
    assert send(client, Client.post).status_code == 200
    assert client.get("/simple/sample/").content.decode().count(f">{name}<") == 1
    assert [path.read_bytes() for path in stored_files(settings.MEDIA_ROOT) if path.name == name] == [content]


@both
def test_a_limit_whose_count_is_cut_off_is_not_said_to_be_reached(
    cutter: Cutter, settings: Any, transactional_db: None, when: str
) -> None:
    settings.CACHES = {"default": {"BACKEND": "recoverydesk.database.cache.Cache", "LOCATION": "cut_cache"}}
    call_command("createcachetable", verbosity=0)
    client, form = Client(), {"username": "ada", "claim": "second_factor", "codes": "lost"}
    assert says_nobody_knows(cut(cutter, when, 'INSERT INTO "cut_cache"', client, "/recover/", form))
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE cut_cache")
