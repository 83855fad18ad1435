"""twine, uv, flit, Poetry, hatch and pip as people install them, against the running server."""

import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import User
from recoverydesk.projects import withdrawals
from recoverydesk.projects.files import METADATA
from recoverydesk.projects.importing import import_file
from recoverydesk.projects.models import File, Release, RepositoryLink
from tests.helpers import factories, packages
from tests.helpers.packages import wheel_name
from tests.helpers.tokens import attenuate, mint
from tests.upload.clients.drivers import BUILT_BY_FLIT, DRIVERS, Ran, built, run, write_project
from tests.upload.clients.environments import Program
from tokens import caveats, services
from tokens.models import ApiToken

pytestmark = [pytest.mark.clients, pytest.mark.thorough, pytest.mark.django_db(transaction=True)]
Publish = Callable[..., Ran]


@pytest.fixture
def site(live_server: Any, settings: Any) -> str:
    settings.BASE_URL = live_server.url
    return str(live_server.url)


@pytest.fixture
def owner(transactional_db: None) -> User:
    user = factories.make_user("ada")
    factories.add_totp(user)
    return user


def publisher(client: str, program: Program, folder: Path, site: str) -> Publish:
    """A function that publishes the project `by-<client>`, building it first where the client does not."""
    backend = "poetry" if client == "poetry" else "flit"

    def publish(token: str, *options: str, body: str = "x = 1") -> Ran:
        write_project(folder, f"by-{client}", backend=backend, body=body)
        if client in BUILT_BY_FLIT:
            made = run([str(program("flit")), "build", "--no-use-vcs"], folder, SOURCE_DATE_EPOCH="1700000000")
            assert made.code == 0, made.output
        return DRIVERS[client](program(client), folder, site, token, *options)

    return publish


@pytest.mark.parametrize("client", list(DRIVERS))
def test_a_client_publishes_repeats_and_shows_every_refusal(
    client: str, program: Program, tmp_path: Path, site: str, owner: User
) -> None:
    publish = publisher(client, program, tmp_path, site)
    token = mint(owner).text
    first = publish(token)
    assert first.code == 0, first.output
    names = {f"by_{client}-1.0-py3-none-any.whl", f"by_{client}-1.0.tar.gz"}
    assert set(File.objects.values_list("filename", flat=True)) == names
    assert RepositoryLink.objects.get().repository == f"by-{client}"
    again = publish(token)
    assert again.code == 0, again.output
    changed = publish(token, body="x = 2")
    assert changed.code != 0
    assert "File already exists" in changed.output
    for label, (text, reason) in refused_tokens(owner, token).items():
        ran = publish(text, body="x = 2")
        assert (label, ran.code != 0, reason in ran.output) == (label, True, True), ran.output


@pytest.mark.parametrize("client", list(DRIVERS))
def test_a_client_shows_what_a_guard_refuses(
    client: str, program: Program, tmp_path: Path, site: str, owner: User
) -> None:
    publish = publisher(client, program, tmp_path, site)
    project = factories.make_project(f"by-{client}", owner, version="0.9")
    whole, own = mint(owner).text, mint(owner, project=project)
    refused = {
        "project_tokens": (whole, {}, "takes no token for a whole account. Make a new token for this project: http"),
        "token_days": (own.text, {"token_days": "7"}, "takes no token that is older than 7 days."),
        "second_factor": (own.text, {"second_factor": "key"}, "takes files only from people with a security key."),
        "newer_versions": (own.text, {"newer_versions": "on"}, "takes newer versions only: 2.0 is there already."),
    }
    ApiToken.objects.filter(pk=own.row.pk).update(created_at=factories.LONG_AGO)
    later = Release.objects.create(project=project, version="2.0", uploaded_at=timezone.now())
    for name, (token, levels, words) in refused.items():
        project.guards = levels or {name: "on"}
        project.save(update_fields=["guards"])
        ran = publish(token)
        assert (name, ran.code != 0, words in " ".join(ran.output.split())) == (name, True, True), ran.output
    later.delete()
    assert publish(own.text).code == 0


def refused_tokens(owner: User, token: str) -> dict[str, tuple[str, str]]:
    """Tokens that must not work, each with the words its holder must see."""
    other = factories.make_project("other", owner)
    expired, revoked, held = (mint(owner) for _ in range(3))
    now = timezone.now()
    ApiToken.objects.filter(pk=expired.row.pk).update(expires_at=now - timedelta(seconds=1))
    services.revoke([revoked.row], actor=owner)
    ApiToken.objects.filter(pk=held.row.pk).update(held_at=now)
    return {
        "another project's": (mint(owner, project=other).text, "project-scoped token is not valid for project"),
        "expired": (expired.text, "token is expired"),
        "revoked": (revoked.text, "token was revoked"),
        "held": (held.text, "token is on hold"),
        "attenuated": (attenuate(token, caveats.Expiration(1, 0)), "token is expired"),
    }


@pytest.mark.parametrize("client", list(DRIVERS))
def test_a_client_says_that_a_release_takes_no_more_files(
    client: str, program: Program, tmp_path: Path, site: str, owner: User
) -> None:
    publish = publisher(client, program, tmp_path, site)
    token = mint(owner).text
    assert publish(token).code == 0
    File.objects.filter(packagetype="sdist").delete()
    Release.objects.update(uploaded_at=factories.LONG_AGO)
    ran = publish(token)
    assert ran.code != 0
    assert "Uploading new files to releases older than 14 days is not allowed." in ran.output


def test_twine_skips_what_exists(program: Program, tmp_path: Path, site: str, owner: User) -> None:
    """twine has --skip-existing for two hosts only; here it takes ours for one of them, all else is its own code."""
    publish = publisher("twine", program, tmp_path, site)
    token = mint(owner).text
    assert publish(token).code == 0
    write_project(tmp_path, "by-twine", body="x = 2")
    assert run([str(program("flit")), "build", "--no-use-vcs"], tmp_path).code == 0
    script = (
        "import sys, twine.__main__, twine.repository\n"
        "twine.repository.TEST_WAREHOUSE = sys.argv.pop(1)\n"
        "sys.exit(twine.__main__.main())\n"
    )
    python = program("twine").parent / "python"
    options = ["--non-interactive", "--disable-progress-bar", "--skip-existing", "-u", "__token__", "-p", token]
    where = ["--repository-url", f"{site}/legacy/"]
    ran = run([str(python), "-c", script, site, "upload", *options, *where, *built(tmp_path)], tmp_path)
    assert (ran.code, ran.output.count("Skipping")) == (0, 2), ran.output


def test_uv_follows_the_address_without_its_slash(program: Program, tmp_path: Path, site: str, owner: User) -> None:
    write_project(tmp_path, "by-uv")
    assert run([str(program("flit")), "build", "--no-use-vcs"], tmp_path).code == 0
    to = ["--publish-url", f"{site}/legacy", "--check-url", f"{site}/simple/", "--token", mint(owner).text]
    for _time in range(2):
        ran = run([str(program("uv")), "publish", "--no-config", *to, *built(tmp_path)], tmp_path)
        assert ran.code == 0, ran.output
    assert "already exist" in ran.output


def test_pip_and_uv_install_from_the_index(program: Program, tmp_path: Path, site: str, owner: User) -> None:
    publish = publisher("twine", program, tmp_path / "source", site)
    assert publish(mint(owner).text).code == 0
    index = ["-i", f"{site}/simple/", "--no-deps", "--target"]
    pip = [str(program("pip")), "install", "--no-cache-dir", "--no-build-isolation", "--disable-pip-version-check"]
    uv = [
        str(program("uv")),
        "pip",
        "install",
        "--no-config",
        "--no-cache",
        "--python",
        str(program("uv").parent / "python"),
    ]
    for number, command in enumerate((pip, uv)):
        target = tmp_path / str(number)
        ran = run([*command, *index, str(target), "By_Twine==1.0"], tmp_path)
        assert ran.code == 0, ran.output
        assert (target / "by_twine.py").read_text().endswith("x = 1\n")


@pytest.mark.parametrize("client", ["pip", "uv"])
def test_an_installer_passes_a_yanked_release_by_and_says_why_where_it_is_asked_for_by_name(
    client: str, program: Program, tmp_path: Path, site: str, owner: User
) -> None:
    for version in ("1.0", "1.1"):
        wheel = tmp_path / wheel_name(version=version)
        wheel.write_bytes(packages.wheel(version=version))
        import_file(wheel, owner=owner, uploaded_at=timezone.now())
    release, reason = Release.objects.get(version="1.1"), "eats <b>your</b> data"
    planned = _planner(client, program, tmp_path, site)
    assert re.search(r"sample(-|==)1\.1", planned("sample"))
    withdrawals.yank(release, actor=owner, reason=reason)
    assert re.search(r"sample(-|==)1\.0", planned("sample"))
    assert reason in planned("sample==1.1")
    withdrawals.unyank(release, actor=owner)
    assert re.search(r"sample(-|==)1\.1", planned("sample"))


def _planner(client: str, program: Program, folder: Path, site: str) -> Callable[[str], str]:
    """A function that lets pip or uv plan an installation and returns what it says, the version in `sample-x`."""
    path = str(program(client))
    pip = [path, "install", "--dry-run", "--ignore-installed", "--no-cache-dir", "--disable-pip-version-check"]
    python = ["--python", str(Path(path).parent / "python")]
    uv = [path, "pip", "install", "--dry-run", "--reinstall", "--no-config", "--no-cache", *python]
    command = {"pip": pip, "uv": uv}[client]

    def plan(wanted: str) -> str:
        ran = run([*command, "-i", f"{site}/simple/", wanted], folder)
        assert ran.code == 0, ran.output
        return ran.output

    return plan


def test_pip_plans_with_the_metadata_alone_and_checks_its_hash(
    program: Program, tmp_path: Path, site: str, owner: User
) -> None:
    wheel = tmp_path / wheel_name()
    wheel.write_bytes(packages.wheel())
    import_file(wheel, owner=owner, uploaded_at=timezone.now())
    stored = Path(default_storage.path(File.objects.get().stored_as))
    stored.unlink()  # whoever asks for the wheel itself gets nothing
    command = [
        str(program("pip")),
        "install",
        "--dry-run",
        "--ignore-installed",
        "--no-cache-dir",
        "--only-binary=:all:",
    ]
    plan = [*command, "--disable-pip-version-check", "-i", f"{site}/simple/", "sample"]
    ran = run(plan, tmp_path)
    assert (ran.code, "Would install sample-1.0" in ran.output) == (0, True), ran.output
    stored_metadata = stored.with_name(stored.name + METADATA)
    stored_metadata.write_bytes(stored_metadata.read_bytes() + b"changed")
    changed = run(plan, tmp_path)
    assert (changed.code == 0, "THESE PACKAGES DO NOT MATCH THE HASHES" in changed.output) == (False, True), (
        changed.output
    )


def test_pip_reads_the_end_of_a_wheel_that_has_no_metadata_beside_it(
    program: Program, tmp_path: Path, site: str, owner: User
) -> None:
    wheel = tmp_path / wheel_name()
    wheel.write_bytes(packages.wheel(body=os.urandom(2**20)))
    import_file(wheel, owner=owner, uploaded_at=timezone.now())
    File.objects.update(metadata_sha256="")
    pip = [str(program("pip")), "install", "--dry-run", "--ignore-installed", "--no-cache-dir", "-vvv"]
    index = ["--use-feature=fast-deps", "--disable-pip-version-check", "-i", f"{site}/simple/", "sample"]
    ran = run([*pip, *index], tmp_path)
    assert (ran.code, "Would install sample-1.0" in ran.output) == (0, True), ran.output
    assert re.search(r'"GET \S+\.whl HTTP/1\.1" 206', ran.output), ran.output


def test_pip_fetches_a_file_once_and_an_unchanged_page_never_again(
    program: Program, tmp_path: Path, site: str, owner: User
) -> None:
    wheel = tmp_path / wheel_name()
    wheel.write_bytes(packages.wheel())
    import_file(wheel, owner=owner, uploaded_at=timezone.now())
    pip = [str(program("pip")), "install", "--no-deps", "--disable-pip-version-check", "-vvv"]
    trusted = site.removeprefix("http://")  # of another site without TLS pip keeps nothing
    kept = ["--cache-dir", str(tmp_path / "cache"), "-i", f"{site}/simple/", "--trusted-host", trusted]
    outputs = []
    for number in range(2):
        ran = run([*pip, *kept, "--target", str(tmp_path / str(number)), "sample"], tmp_path)
        assert ran.code == 0, ran.output
        outputs.append(re.findall(r'"GET (\S+) HTTP/1\.1" (\d+)', ran.output))
    first, again = outputs
    assert [status for path, status in first if path.endswith(".whl")] == ["200"], first
    assert again == [("/simple/sample/", "304")]


def test_a_token_narrowed_with_pypitoken_works_and_ends(
    program: Program, tmp_path: Path, site: str, owner: User
) -> None:
    python = program("pypitoken").parent / "python"
    script = (
        "import sys, pypitoken\n"
        "token = pypitoken.Token.load(sys.argv[1])\n"
        "token.restrict(project_names=[sys.argv[2]])\n"
        "token.restrict(not_before=1, not_after=int(sys.argv[3]))\n"
        "print(token.dump())\n"
    )
    publish = publisher("twine", program, tmp_path, site)
    later = int((timezone.now() + timedelta(hours=1)).timestamp())
    for name, until, reason in (("by-twine", later, ""), ("elsewhere", later, "not valid"), ("by-twine", 2, "expired")):
        done = run([str(python), "-c", script, mint(owner).text, name, str(until)], tmp_path)
        assert done.code == 0, done.output
        ran = publish(done.output)
        assert ((ran.code == 0) == (not reason), reason in ran.output) == (True, True), ran.output
