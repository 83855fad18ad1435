"""`recoverydesk`: its own words, the settings file, and that it is installed whole."""

import os
import signal
import stat
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import django
import pytest

from recoverydesk import places, settings_rules, web_server
from recoverydesk.operating import first_settings, processes
from tests.helpers.files import ROOT, names_in_example, tracked_files
from tests.helpers.ports import free_port
from tests.helpers.production import PRODUCTION, start
from tests.services import servers
from tests.services.processes import Process, running

ROOMS = ("recoverydesk", "accounts", "audit", "common", "tokens")
DOOR = [sys.executable, "-c", "from recoverydesk.operating.front_door import main; main()"]
KNOWN = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}


def said(*words: str, **given: str) -> tuple[int, str]:
    """The exit code of `recoverydesk` with these words in the checkout, and what it wrote."""
    return of(DOOR, *words, where=ROOT, **given)


def of(door: list[str], *words: str, where: Path, **given: str) -> tuple[int, str]:
    """The same of another command in another folder."""
    done = subprocess.run([*door, *words], cwd=where, env=KNOWN | given, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def values(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


# init -----------------------------------------------------------------------------------------------------------------


def test_init_writes_every_setting_for_its_owner_alone(tmp_path: Path) -> None:
    assert first_settings.main(["--dir", str(tmp_path), "--base-url", "https://Desk.example.org:443"]) == 0
    path = tmp_path / "recoverydesk.env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {name for name in names_in_example() if f"{name}=" not in path.read_text()} == set()
    found = values(path)
    assert found["BASE_URL"] == "https://desk.example.org"
    assert found["ALLOWED_HOSTS"] == "desk.example.org"
    assert {name for name, value in found.items() if not value} == {
        "DATABASE_URL", "BROKER_URL", "CACHE_URL", "EMAIL_URL", "DEFAULT_FROM_EMAIL",
    }  # fmt: skip
    assert (tmp_path / "var").is_dir()


def test_init_takes_another_folder_for_what_the_program_writes(tmp_path: Path) -> None:
    assert first_settings.main(["--dir", str(tmp_path / "etc"), "--var-dir", str(tmp_path / "lib")]) == 0
    assert values(tmp_path / "etc" / "recoverydesk.env")["VAR_DIR"] == str(tmp_path / "lib")
    assert (tmp_path / "lib").is_dir()


def test_no_two_sites_have_the_same_keys(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        first_settings.main(["--dir", str(tmp_path / name)])
        made.append(values(tmp_path / name / "recoverydesk.env"))
    keys = [one[name] for one in made for name in settings_rules.SECRETS]
    assert len(set(keys)) == len(keys)


def test_init_never_touches_a_file_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recoverydesk.env").write_text("FIELD_KEYS=precious\n")
    assert first_settings.main(["--dir", str(tmp_path)]) == 1
    assert "is there already" in capsys.readouterr().out
    assert (tmp_path / "recoverydesk.env").read_text() == "FIELD_KEYS=precious\n"


def test_init_does_not_follow_a_link_that_somebody_laid(tmp_path: Path) -> None:
    (tmp_path / "recoverydesk.env").symlink_to(tmp_path / "elsewhere")
    assert first_settings.main(["--dir", str(tmp_path)]) == 1
    assert not (tmp_path / "elsewhere").exists()


def test_init_says_where_it_cannot_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert first_settings.main(["--dir", str(tmp_path / "file")]) == 1
    assert "cannot be written" in capsys.readouterr().out


def test_init_shows_no_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first_settings.main(["--dir", str(tmp_path)])
    shown = capsys.readouterr().out
    assert [name for name in settings_rules.SECRETS if values(tmp_path / "recoverydesk.env")[name] in shown] == []


def test_what_init_writes_is_a_production_start_once_it_is_filled_in(tmp_path: Path) -> None:
    first_settings.main(["--dir", str(tmp_path), "--base-url", PRODUCTION["BASE_URL"]])
    made = values(tmp_path / "recoverydesk.env")
    half = start(tmp_path, made)
    assert "set these for production" in half.stderr
    assert [name for name in ("DATABASE_URL", "BROKER_URL", "CACHE_URL", "EMAIL_URL") if name not in half.stderr] == []
    filled = made | {name: PRODUCTION[name] for name, value in made.items() if not value and name in PRODUCTION}
    whole = start(tmp_path, filled, "print(settings.PRODUCTION, settings.BEHIND_TLS_PROXY)")
    assert (whole.returncode, whole.stdout) == (0, "True True\n"), whole.stderr


# --env-file -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["two words", "one word"])
def test_a_command_takes_its_settings_from_the_file(tmp_path: Path, way: str) -> None:
    file = tmp_path / "desk.env"
    file.write_text(f'# a comment\n\nVAR_DIR={tmp_path}/var\nSITE_NAME="The Desk"\n')
    option = ["--env-file", str(file)] if way == "two words" else [f"--env-file={file}"]
    code = "from django.conf import settings; print(settings.SITE_NAME)"
    assert said(*option, "shell", "--no-imports", "-c", code) == (0, "The Desk\n")
    assert said(*option, "shell", "--no-imports", "-c", code, SITE_NAME="Ours") == (0, "Ours\n")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--env-file"], "give the name of a file"),
        (["--env-file=", "check"], "give the name of a file"),
        (["--env-file", "no/such", "check"], "it cannot be read (FileNotFoundError)"),
        (["--env-file", ".", "check"], "it cannot be read (IsADirectoryError)"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(words: list[str], wanted: str) -> None:
    code, words_said = said(*words)
    assert code != 0
    assert wanted in words_said
    assert words_said.count("\n") == 1


def test_a_line_that_is_no_setting_is_named_by_its_number_alone(tmp_path: Path) -> None:
    file = tmp_path / "desk.env"
    file.write_text("SITE_NAME=Desk\nSECRET_KEY the-secret-word\n")
    code, words = said("--env-file", str(file), "check")
    assert code != 0
    assert f"{file}, line 2: write NAME=value" in words
    assert "the-secret-word" not in words


# run ------------------------------------------------------------------------------------------------------------------


def test_the_web_has_a_process_for_each_core_within_bounds() -> None:
    assert 2 <= web_server.workers <= web_server.MOST


@pytest.fixture
def all_parts(tmp_path: Path) -> Iterator[tuple[Process, int]]:
    """`recoverydesk run all` of a local site, and its port; it serves."""
    port = free_port()
    var = str(tmp_path / "var")
    for command in ("migrate", "createcachetable"):
        assert said(command, VAR_DIR=var)[0] == 0
    given = {"VAR_DIR": var, "LOG_LEVEL": "INFO", "SWEEP_EVERY": "1"}
    with running([*DOOR, "run", "all", "--bind", f"127.0.0.1:{port}"], given, tmp_path / "log") as process:
        servers.wait_for(lambda: servers.listens(port), "gunicorn")
        process.wait_for("beat: Starting")
        process.wait_for(" ready")
        yield process, port


def parts_of(process: Process) -> dict[str, int]:
    """The ids of its children by what they are."""
    command = ["ps", "-o", "pid=,args=", "--ppid", str(process.child.pid)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split(None, 1) for line in listed.stdout.splitlines()]
    return {part: int(pid) for pid, line in rows for part in ("gunicorn", " worker ", " beat ") if part in line}


@pytest.mark.thorough
def test_run_all_ends_everything_on_a_polite_signal(all_parts: tuple[Process, int]) -> None:
    process, port = all_parts
    assert set(parts_of(process)) == {"gunicorn", " worker ", " beat "}
    process.child.send_signal(signal.SIGTERM)
    assert process.child.wait(processes.GRACE) == 0
    assert not servers.listens(port)


@pytest.mark.thorough
@pytest.mark.parametrize("part", ["gunicorn", " worker ", " beat "], ids=str.strip)
def test_run_all_ends_when_one_ends(all_parts: tuple[Process, int], part: str) -> None:
    process, port = all_parts
    os.kill(parts_of(process)[part], signal.SIGKILL)
    assert process.child.wait(processes.GRACE) == 1
    assert "ended (exit -9): stopping the others" in process.said()
    assert not servers.listens(port)


@pytest.mark.parametrize("part", ["web", "worker", "beat"])
def test_a_wrong_setting_ends_each_part_in_one_sentence(tmp_path: Path, part: str) -> None:
    code, words = said("run", part, VAR_DIR=str(tmp_path), SWEEP_EVERY="never")
    assert code == 3
    assert "SWEEP_EVERY=never: give a whole number of seconds" in words
    assert "Traceback" not in words


# The package ----------------------------------------------------------------------------------------------------------


def is_shipped(name: str) -> bool:
    return name.split("/")[0] in (*ROOMS, "templates", "locale") or name == ".env.example"


def place_in_wheel(name: str) -> str:
    return name if name.split("/")[0] in ROOMS else f"recoverydesk/files/{name}"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of a fresh environment with the wheel in it; the libraries are those of this one."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(folder, with_pip=True)
    options = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([str(folder / "bin/python"), "-m", "pip", "install", *options, str(wheel)], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    (packages / "libraries.pth").write_text(str(Path(django.__file__).parent.parent))
    return [str(folder / "bin/recoverydesk")]


@pytest.mark.thorough
def test_the_wheel_holds_every_file_of_the_program_and_no_other(wheel: Path) -> None:
    inside = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tracked = {str(path.relative_to(ROOT)) for path in tracked_files()}
    assert inside == {place_in_wheel(name) for name in tracked if is_shipped(name)}


@pytest.mark.thorough
def test_an_empty_folder_becomes_a_site(installed: list[str], tmp_path: Path) -> None:
    """Nothing of the checkout is read: pages, translations, migrations and static files come from the package."""
    var, port = str(tmp_path / "var"), free_port()
    assert of(installed, "init", where=tmp_path)[0] == 0
    for command in ("migrate", "createcachetable", "check"):
        assert of(installed, command, where=tmp_path, VAR_DIR=var)[0] == 0
    assert "static files copied" in of(installed, "collectstatic", "--no-input", where=tmp_path, VAR_DIR=var)[1]
    serve = [*installed, "run", "web", "--bind", f"127.0.0.1:{port}"]
    process = Process(serve, {"VAR_DIR": var, "PORT": str(port)}, tmp_path / "log")
    try:
        servers.wait_for(lambda: servers.listens(port), "gunicorn")
        page = subprocess.run(
            ["curl", "-s", "-H", "Accept-Language: es", f"http://localhost:{port}/recover/policy/"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert 'lang="es"' in page
    finally:
        process.end()


@pytest.mark.thorough
def test_an_installed_program_asks_where_it_may_write(installed: list[str], tmp_path: Path) -> None:
    code, words = of(installed, "check", where=tmp_path)
    assert code != 0
    assert words == "VAR_DIR: give the whole path of a folder, for example /var/lib/recoverydesk\n"


def test_a_checkout_is_no_installation() -> None:
    assert not places.INSTALLED
    assert places.EXAMPLE == ROOT / ".env.example"
