"""A full disk: the page says what is true, nothing is left half-written, and with room again it goes on."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection
from django.test import Client
from kombu.exceptions import ChannelError

from accounts.mail.models import Request
from accounts.models import User
from audit.chain import checkpoints, sealing
from audit.log import record
from audit.models import Checkpoint
from audit.tags import Tag
from recoverydesk.projects.models import File
from tests.helpers import factories, packages
from tests.helpers.forms import FORM, UNKNOWN
from tests.helpers.packages import stored_files
from tests.helpers.tokens import basic, mint

MIB = 2**20
ROOM = 24 * MIB  # more than the test database's own file has


@contextmanager
def full_beyond(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes: EFBIG, as ENOSPC on a disk that is full."""
    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.django_db
def test_an_upload_without_room_says_so_and_leaves_nothing(client: Client, settings: Any, tmp_path: Path) -> None:
    ada: User = factories.make_user("ada")
    factories.add_totp(ada)
    settings.MEDIA_ROOT = tmp_path / "files"
    name, content, key = packages.wheel_name(), packages.wheel(), {"Authorization": basic(mint(ada).text)}

    def send(content: bytes) -> Any:
        file = SimpleUploadedFile(name, content, "application/octet-stream")
        fields = packages.form(name, content, "sample", "1.0") | {"content": file}
        return client.post("/legacy/", fields, headers=key)

    with full_beyond(ROOM):
        answer = send(content + bytes(ROOM))
    assert (answer.status_code, answer.reason_phrase) == (
        507,
        "There is no room left to keep files. Nothing was published. Try again later.",
    )
    assert not File.objects.exists()
    assert stored_files(settings.MEDIA_ROOT) == []
    assert send(content).status_code == 200


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's full disk: python -m tests.services shortages")
@pytest.mark.django_db(transaction=True)
def test_a_full_database_acknowledges_exactly_what_it_keeps() -> None:
    client, answers = Client(raise_request_exception=False), []
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")
    try:
        fill()
        before = Request.objects.count()
        for _ in range(5):
            answers.append(client.post("/recover/", FORM))
        kept = Request.objects.count() - before
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    assert all(UNKNOWN in answer.content.decode() for answer in refused)
    assert [answer.status_code for answer in answers if answer not in refused] == [302] * kept
    assert client.post("/recover/", FORM).status_code == 302


def fill() -> None:
    """Write rows, large ones first, until not even the smallest fits."""
    for size in (100_000, 4_000, 400, 1):
        try:
            for _ in range(10_000):
                Request.objects.create(kind="ballast", payload=bytes(size), network="")
        except DatabaseError as error:
            assert "full" in str(error)  # noqa: PT017 - SQLite's words


def test_a_message_that_found_no_room_leaves_no_half_of_it(channel: Any, tmp_path: Path) -> None:
    message = {"body": "x" * 10_000, "properties": {}}
    with full_beyond(4_096), pytest.raises(ChannelError, match="cannot add"):
        channel._put("celery", message)
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []
    channel._put("celery", message)
    assert channel._get("celery") == message


@pytest.mark.django_db
def test_a_checkpoint_that_found_no_room_is_written_later_and_its_torn_line_misleads_nobody(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    for number in range(2):
        record(Tag.ACCOUNT_EMAIL_SENT, actor="system", number=number)
        sealing.seal()
        if number == 0:
            assert checkpoints.write(path)
    with full_beyond(path.stat().st_size + 10), pytest.raises(OSError, match="No space left"):
        checkpoints.write(path)
    assert Checkpoint.objects.count() == 1
    assert checkpoints.write(path)
    assert [line.seal for line in checkpoints.read_checkpoints(path).lines] == list(
        Checkpoint.objects.order_by("seal").values_list("seal", flat=True)
    )
