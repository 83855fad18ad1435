"""A private index with the installers people use, configured as the page of a new token shows it."""

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from recoverydesk.projects.importing import import_file
from tests.helpers import factories, packages
from tests.helpers.packages import wheel_name
from tests.helpers.tokens import mint
from tests.upload.clients.drivers import Ran, poetry_add, run
from tests.upload.clients.environments import Program

pytestmark = [pytest.mark.clients, pytest.mark.thorough, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def site(live_server: Any, settings: Any) -> str:
    settings.BASE_URL = live_server.url
    settings.INDEX_PRIVATE = True
    return str(live_server.url)


@pytest.fixture
def owner(transactional_db: None, tmp_path: Path) -> User:
    user = factories.make_user("ada")
    factories.add_totp(user)
    wheel = tmp_path / wheel_name()
    wheel.write_bytes(packages.wheel())
    import_file(wheel, owner=user, uploaded_at=timezone.now())
    return user


def pip(program: Path, folder: Path, site: str, token: str) -> Ran:
    index = f"{site}/simple/".replace("://", f"://__token__:{token}@", 1) if token else f"{site}/simple/"
    command = ["install", "--no-input", "--no-cache-dir", "--disable-pip-version-check", "--no-deps", "--target"]
    return run([str(program), *command, str(folder / "there"), "sample"], folder, PIP_INDEX_URL=index)


def uv(program: Path, folder: Path, site: str, token: str) -> Ran:
    shown = {"UV_DEFAULT_INDEX": f"desk={site}/simple/", "UV_CACHE_DIR": str(folder / ".uv"), "UV_HTTP_RETRIES": "0"}
    if token:
        shown |= {"UV_INDEX_DESK_USERNAME": "__token__", "UV_INDEX_DESK_PASSWORD": token}
    python = str(program.parent / "python")
    command = ["pip", "install", "--no-config", "--python", python, "--no-deps", "--target", str(folder / "there")]
    return run([str(program), *command, "sample"], folder, **shown)


def poetry(program: Path, folder: Path, site: str, token: str) -> Ran:
    return poetry_add(program, folder, f"{site}/simple/", token, "sample")


@pytest.mark.parametrize("client", ["pip", "uv", "poetry"])
def test_an_installer_reads_a_private_index_with_a_token_and_with_nothing_else(
    client: str, program: Program, tmp_path: Path, site: str, owner: User
) -> None:
    install = {"pip": pip, "uv": uv, "poetry": poetry}[client]
    folders = [tmp_path / name for name in ("without", "with")]
    for folder, token in zip(folders, ("", mint(owner, only_read=True).text), strict=True):
        folder.mkdir()
        ran = install(program(client), folder, site, token)
        assert (ran.code == 0) == bool(token), ran.output
    assert [len(list(folder.glob("there/**/sample/__init__.py"))) for folder in folders] == [0, 1]
