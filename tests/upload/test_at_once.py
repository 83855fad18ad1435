"""What only processes can show: two uploads at the same moment, and a worker killed in the middle of one."""

import hashlib
import os
import signal
import socket
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from accounts.models import User
from audit.models import Event
from recoverydesk.projects.models import File, Project, Release, Role
from tests.helpers import factories, packages
from tests.helpers.tokens import basic, mint
from tests.upload.server import Server, gunicorn, upload

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 8


@pytest.fixture
def owner(transactional_db: None) -> User:
    user = factories.make_user("ada")
    factories.add_totp(user)
    return user


def send(server: Server, token: str, name: str = "sample", **form: object) -> requests.Response:
    filename, content = packages.wheel_name(name), packages.wheel(name)
    return upload(server, token, filename, content, packages.form(filename, content, name) | form)


def stored(folder: Path) -> list[Path]:
    """The wheels of the storage, without those still on their way in; beside each lies its metadata."""
    found = [path for path in (folder / "files" / "dist").rglob("*") if path.is_file()]
    wheels = [path for path in found if path.suffix == ".whl"]
    assert {path.name for path in found} == {name for path in wheels for name in (path.name, f"{path.name}.metadata")}
    return wheels


@pytest.mark.thorough
def test_uploads_of_one_file_name_at_once_are_one_file_and_one_event(owner: User, tmp_path: Path) -> None:
    token = mint(owner).text
    with gunicorn(tmp_path, workers=3) as server, ThreadPoolExecutor(AT_ONCE) as pool:
        same = list(pool.map(lambda _number: send(server, token), range(AT_ONCE)))
        filename, bodies = packages.wheel_name("other"), [packages.wheel("other", body=b"%d" % one) for one in range(6)]
        forms = [packages.form(filename, body, "other") for body in bodies]
        different = list(pool.map(lambda body, form: upload(server, token, filename, body, form), bodies, forms))
    assert {answer.status_code for answer in same} == {200}, [answer.reason for answer in same]
    assert sorted(answer.status_code for answer in different) == [200, *[400] * 5]
    assert all("File already exists" in answer.reason for answer in different if answer.status_code == 400)
    winner = bodies[[answer.status_code for answer in different].index(200)]
    assert {path.read_bytes() for path in stored(tmp_path)} == {packages.wheel(), winner}
    assert (Project.objects.count(), Role.objects.count(), Release.objects.count(), File.objects.count()) == (
        2,
        2,
        2,
        2,
    )
    assert File.objects.get(filename=filename).sha256 == hashlib.sha256(winner).hexdigest()
    assert Event.objects.filter(tag="project:release:add").count() == 2
    assert not Event.objects.filter(tag="file:add").exists()


@pytest.mark.thorough
def test_a_worker_killed_in_the_middle_leaves_nothing_half_made(owner: User, tmp_path: Path) -> None:
    token = mint(owner).text
    with gunicorn(tmp_path, workers=1, module="tests.upload.fragile") as server:
        for number, moment in enumerate(("before_storing", "after_storing", "after_rows")):
            dies_once(server, token, f"sample_{moment}", tmp_path, number)


def dies_once(server: Server, token: str, name: str, tmp_path: Path, number: int) -> None:
    """The worker dies in the first try; after `number` earlier uploads the second one finishes as if nothing was."""
    with pytest.raises(requests.ConnectionError):
        send(server, token, name)
    assert File.objects.count() == Project.objects.count() == Release.objects.count() == number
    assert all(zipfile.is_zipfile(path) for path in stored(tmp_path))
    assert send(server, token, name).status_code == 200
    assert len(stored(tmp_path)) == File.objects.count() == number + 1


def test_a_worker_killed_while_it_receives_leaves_nothing(owner: User, tmp_path: Path) -> None:
    filename, content = packages.wheel_name(), packages.wheel(body=os.urandom(2**20))
    request = requests.Request(
        "POST", "http://x/legacy/", data=packages.form(filename, content), files={"content": (filename, content)}
    ).prepare()
    body = request.body
    assert isinstance(body, bytes)
    head = {"Host": "localhost", "Authorization": basic(mint(owner).text), "Content-Length": str(len(body))}
    head["Content-Type"] = str(request.headers["Content-Type"])
    lines = "".join(f"{key}: {value}\r\n" for key, value in head.items())
    with gunicorn(tmp_path, workers=1) as server:
        place = urlsplit(server.url)
        with socket.create_connection((str(place.hostname), int(place.port or 0))) as line:
            line.sendall(f"POST /legacy/ HTTP/1.1\r\n{lines}\r\n".encode() + body[: len(body) // 2])
            _wait_for(tmp_path / "files" / "incoming")
            for worker in server.workers():
                os.kill(worker, signal.SIGKILL)
    assert (Project.objects.count(), File.objects.count(), stored(tmp_path)) == (0, 0, [])


def _wait_for(folder: Path) -> None:
    deadline = time.monotonic() + 180
    while not list(folder.glob("*.upload")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_killed_uploads_left_is_cleared_away_after_a_day(tmp_path: Path, settings: object) -> None:
    from recoverydesk.projects.files import Incoming

    settings.MEDIA_ROOT = tmp_path  # type: ignore[attr-defined]
    folder = tmp_path / "incoming"
    folder.mkdir()
    old, young = folder / "old.upload", folder / "young.upload"
    for path in (old, young):
        path.touch()
    os.utime(old, (0, 0))
    Incoming("x").close()
    assert [path.name for path in folder.iterdir()] == ["young.upload"]
