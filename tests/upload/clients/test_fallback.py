"""Dependency confusion: what pip and uv install when a second index has a higher version of a name of ours."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from recoverydesk.projects.importing import import_file
from recoverydesk.projects.models import Project
from tests.helpers import factories, packages
from tests.helpers.packages import wheel_name
from tests.helpers.tokens import mint
from tests.upload.clients.drivers import Ran, run
from tests.upload.clients.environments import Program

pytestmark = [pytest.mark.clients, pytest.mark.thorough, pytest.mark.django_db(transaction=True)]


class OtherIndex(ThreadingHTTPServer):
    """An index on this machine that has version 99.0 of `sample` and of `outside`; it notes what it was asked."""

    asked: list[tuple[str, str]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple/"


class Handler(BaseHTTPRequestHandler):
    server: OtherIndex

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization", "")))
        name = self.path.split("/")[2]
        wheel = packages.wheel(name, "99.0", body=b"x = 'the other index'\n")
        filename = wheel_name(name, "99.0")
        page = f'<a href="{filename}#sha256={hashlib.sha256(wheel).hexdigest()}">{filename}</a>'.encode()
        body = wheel if self.path.endswith(".whl") else page
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream" if body is wheel else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Nothing."""


@pytest.fixture
def other() -> Iterator[OtherIndex]:
    server = OtherIndex(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def site(live_server: Any, settings: Any, other: OtherIndex) -> str:
    settings.BASE_URL, settings.INDEX_FALLBACK_URL, settings.INDEX_PRIVATE = live_server.url, other.url, True
    return str(live_server.url)


@pytest.fixture
def owner(transactional_db: None, tmp_path: Path) -> User:
    user = factories.make_user("ada")
    factories.add_totp(user)
    wheel = tmp_path / wheel_name()
    wheel.write_bytes(packages.wheel())
    import_file(wheel, owner=user, uploaded_at=timezone.now())
    return user


def install(client: str, program: Program, folder: Path, index: str, wanted: str) -> tuple[Ran, str]:
    """What the installer said, and the text of the module that it installed."""
    target = folder / f"{wanted}-{len(list(folder.iterdir()))}"
    pip = ["install", "--no-input", "--no-cache-dir", "--disable-pip-version-check", "--isolated"]
    uv = ["pip", "install", "--no-config", "--no-cache", "--python", str(program("uv").parent / "python")]
    command = [str(program(client)), *{"pip": pip, "uv": uv}[client], "--no-deps", "--target", str(target)]
    ran = run([*command, "-i", index, wanted], folder, UV_HTTP_RETRIES="0")
    module = target / wanted / "__init__.py"
    return ran, module.read_text() if module.exists() else ""


@pytest.mark.parametrize("client", ["pip", "uv"])
def test_a_name_of_ours_comes_from_here_and_only_an_unknown_one_from_the_other_index(
    client: str, program: Program, tmp_path: Path, site: str, owner: User, other: OtherIndex
) -> None:
    token = mint(owner, only_read=True).text
    index = f"{site}/simple/".replace("://", f"://__token__:{token}@", 1)
    ours, text = install(client, program, tmp_path, index, "sample")
    assert (ours.code, text) == (0, "x = 1\n"), ours.output
    for status in ("quarantined", "archived"):
        Project.objects.update(status=status)
        ran, text = install(client, program, tmp_path, index, "sample")
        assert (ran.code == 0, text) == ((True, "x = 1\n") if status == "archived" else (False, "")), ran.output
    assert other.asked == []
    outside, text = install(client, program, tmp_path, index, "outside")
    assert (outside.code, text) == (0, "x = 'the other index'\n"), outside.output
    assert {path for path, _sent in other.asked} >= {"/simple/outside/"}
    assert {sent for _path, sent in other.asked} == {""}  # our token stays here
