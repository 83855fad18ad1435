"""What lies in the storage already is trusted by its digest, not by its name and size."""

from contextlib import closing
from pathlib import Path

import pytest

from accounts.models import User
from recoverydesk.projects import files
from recoverydesk.projects.files import METADATA
from recoverydesk.projects.models import File
from tests.helpers import factories
from tests.helpers.packages import Send, wheel, wheel_name
from tests.helpers.uploading import send as send
from tests.helpers.uploading import storage as storage
from tests.helpers.uploading import token as token


@pytest.fixture
def ada(ada: User) -> User:
    """She may make tokens."""
    factories.add_totp(ada)
    return ada


def incoming(content: bytes) -> files.Incoming:
    made = files.Incoming("sample-1.0.whl")
    made.take(content)
    return made.whole()


@pytest.mark.parametrize("lies", [b"right", b"wrong", b"cut", b""])
def test_a_leftover_is_used_only_if_it_is_these_bytes(storage: Path, lies: bytes) -> None:
    with closing(incoming(b"right")) as content:
        name = files.stored_name("sample-1.0.whl", content.digest("sha256"))
        for where in (storage / name, storage / (name + METADATA)):
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_bytes(lies)
        new = files.keep(content, b"right")
    assert new == ([] if lies == b"right" else [name + METADATA, name])
    assert (storage / name).read_bytes() == (storage / (name + METADATA)).read_bytes() == b"right"


def test_an_upload_publishes_what_was_sent_whatever_lay_there(storage: Path, send: Send) -> None:
    content = wheel()
    first = send(wheel_name(), content)
    assert first.status_code == 200
    row = File.objects.get()
    stored = storage / row.stored_as
    row.delete()
    stored.write_bytes(b"\x00" * len(content))
    assert send(wheel_name(), content).status_code == 200
    assert stored.read_bytes() == content
