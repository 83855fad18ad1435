"""Two-step release with the clients people use: what they say, and from where pip and uv can install."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.mail.models import Mail
from accounts.models import User
from recoverydesk.projects.importing import import_file
from recoverydesk.projects.models import File, Project
from recoverydesk.staging import ending
from recoverydesk.staging.models import StagedRelease
from tests.helpers import factories, packages
from tests.helpers.staged import shown
from tests.helpers.tokens import mint
from tests.upload.clients.drivers import BUILT_BY_FLIT, DRIVERS, Ran, poetry_add, run, write_project
from tests.upload.clients.environments import Program

pytestmark = [pytest.mark.clients, pytest.mark.thorough, pytest.mark.django_db(transaction=True)]
LOUD = {"twine": "--verbose", "uv": "-vv"}


@pytest.fixture
def site(live_server: Any, settings: Any) -> str:
    settings.BASE_URL = live_server.url
    return str(live_server.url)


@pytest.fixture
def owner(transactional_db: None) -> User:
    user = factories.make_user("ada")
    factories.add_totp(user)
    return user


def upload(client: str, program: Program, folder: Path, site: str, token: str) -> Ran:
    """Build the project `by-<client>` and upload it, letting the client say all it hears."""
    write_project(folder, f"by-{client}")
    made = run([str(program("flit")), "build", "--no-use-vcs"], folder, SOURCE_DATE_EPOCH="1700000000")
    assert made.code == 0, made.output
    return DRIVERS[client](program(client), folder, site, token, LOUD[client])


def publish(client: str, program: Program, folder: Path, site: str, token: str, body: str = "x = 1") -> Ran:
    """Build and upload with a client that shows no answer but a refusal."""
    write_project(folder, f"by-{client}", backend="poetry" if client == "poetry" else "flit", body=body)
    if client in BUILT_BY_FLIT:
        made = run([str(program("flit")), "build", "--no-use-vcs"], folder, SOURCE_DATE_EPOCH="1700000000")
        assert made.code == 0, made.output
    return DRIVERS[client](program(client), folder, site, token)


def install(client: str, program: Program, folder: Path, index: str, wanted: str) -> Ran:
    pip = ["install", "--no-cache-dir", "--no-build-isolation", "--disable-pip-version-check"]
    python = str(program("uv").parent / "python")
    uv = ["pip", "install", "--no-config", "--no-cache", "--python", python]
    command = [str(program(client)), *{"pip": pip, "uv": uv}[client]]
    target = folder / f"installed-{len(list(folder.glob('installed-*')))}"
    target.mkdir()
    return run([*command, "-i", index, "--no-deps", "--target", str(target), wanted], folder)


@pytest.mark.parametrize("client", ["twine", "uv"])
def test_a_client_uploads_and_shows_that_it_is_staged(
    client: str, program: Program, tmp_path: Path, site: str, owner: User
) -> None:
    factories.make_project(f"by-{client}", owner, version="0.1")
    Project.objects.update(guards={"two_step": "on"})
    token = mint(owner).text
    for _time in range(2):  # the second time, everything is there already
        ran = upload(client, program, tmp_path, site, token)
        assert ran.code == 0, ran.output
        staged = StagedRelease.objects.get()
        assert f"Staged, not published: by-{client} 1.0." in ran.output
        assert f"{site}/api/staged/{staged.uid}" in ran.output
    assert (staged.files.count(), File.objects.count()) == (2, 0)


@pytest.mark.parametrize("client", ["flit", "poetry", "hatch"])
def test_a_client_that_shows_no_answer_stages_too_and_shows_each_refusal(
    client: str, program: Program, tmp_path: Path, site: str, owner: User
) -> None:
    """Its user hears from the mail that the release is staged."""
    project = factories.make_project(f"by-{client}", owner, version="0.1")
    Project.objects.update(guards={"two_step": "on"})
    token = mint(owner).text
    for _time in range(2):  # the second time, everything is there already
        ran = publish(client, program, tmp_path, site, token)
        assert ran.code == 0, ran.output
        assert (StagedRelease.objects.get().files.count(), File.objects.count()) == (2, 0)
    assert Mail.objects.filter(kind="release_staged").count() == 1
    changed = publish(client, program, tmp_path, site, token, body="x = 2")
    assert (changed.code != 0, "staged and not published yet" in changed.output) == (True, True), changed.output
    refused = {
        "this token can only install": (mint(owner, only_read=True).text, "active"),
        f"The project '{project.name}' is archived: it takes no files.": (token, "archived"),
    }
    for words, (given, status) in refused.items():
        Project.objects.update(status=status)
        ran = publish(client, program, tmp_path, site, given, body="x = 3")
        assert (ran.code != 0, words in ran.output) == (True, True), ran.output
    assert (StagedRelease.objects.get().files.count(), File.objects.count()) == (2, 0)


def test_poetry_takes_it_from_the_staging_index_with_a_token(
    program: Program, tmp_path: Path, site: str, owner: User
) -> None:
    factories.make_project("by-twine", owner, version="0.1")
    Project.objects.update(guards={"two_step": "on"})
    token = mint(owner).text
    assert upload("twine", program, tmp_path / "source", site, token).code == 0
    needed = tmp_path / packages.wheel_name("other")
    needed.write_bytes(packages.wheel("other"))
    import_file(needed, owner=owner, uploaded_at=timezone.now())  # from the index of everybody
    staged = StagedRelease.objects.get()
    for name, given in (("without", ""), ("with", mint(owner, only_read=True).text)):
        (tmp_path / name).mkdir()
        index = f"{site}/staged/{staged.uid}/simple/"
        ran = poetry_add(program("poetry"), tmp_path / name, index, given, "by-twine")
        assert (ran.code == 0) == bool(given), ran.output
    assert len(list(tmp_path.glob("with/there/**/by_twine.py"))) == 1


@pytest.mark.parametrize("client", ["pip", "uv"])
def test_an_installer_takes_it_from_the_staging_index_and_from_no_other_before_it_is_published(
    client: str, program: Program, tmp_path: Path, site: str, owner: User
) -> None:
    factories.make_project("by-twine", owner, version="0.1")
    Project.objects.update(guards={"two_step": "on"})
    token = mint(owner).text
    assert upload("twine", program, tmp_path / "source", site, token).code == 0
    staged = StagedRelease.objects.get()
    index = f"{site}/staged/{staged.uid}/simple/"
    named = re.sub("^http://", f"http://__token__:{token}@", index)
    public = install(client, program, tmp_path, f"{site}/simple/", "by-twine==1.0")
    assert public.code != 0, public.output
    assert install(client, program, tmp_path, index, "by-twine==1.0").code != 0  # without a token
    ran = install(client, program, tmp_path, named, "by-twine==1.0")
    assert ran.code == 0, ran.output
    installed = [path.read_text() for path in tmp_path.glob("installed-*/by_twine.py")]
    assert [text.endswith("x = 1\n") for text in installed] == [True]
    ending.publish(staged.uid, actor=owner, shown=shown(staged))
    public = install(client, program, tmp_path, f"{site}/simple/", "by-twine==1.0")
    assert public.code == 0, public.output
    assert install(client, program, tmp_path, named, "by-twine==1.0").code != 0
