"""Units, image and compose file: what their own programs say of them, where those are at hand."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from recoverydesk.environment import GUNICORN_GIVES_UP
from recoverydesk.operating import processes
from recoverydesk.operating.last_runs import LASTING
from tests.helpers.files import ROOT, tracked_files

UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
SERVICES = [path for path in UNITS if path.suffix == ".service"]
PROGRAM = "/opt/recoverydesk/venv/bin/recoverydesk"
EXPOSED = 20  # tenths of systemd's ten points
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def said(*command: str, cwd: Path = ROOT) -> tuple[int, str]:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@needs_systemd
@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_unit_can_do_little(path: Path) -> None:
    code, words = said(
        "systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSED}", "--no-pager", str(path)
    )
    assert code == 0, words


@needs_systemd
def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    for path in UNITS:
        (tmp_path / path.name).write_text(path.read_text().replace(PROGRAM, "/bin/true"))
    for path in UNITS:
        code, words = said("systemd-analyze", "verify", str(tmp_path / path.name.replace("@.", "@web.")))
        assert code == 0, words
        assert words == ""


def test_a_unit_would_be_refused(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    bare = tmp_path / "bare.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    assert (
        said("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSED}", "--no-pager", str(bare))[0] != 0
    )


def test_units_wait_as_long_as_the_program_takes_to_end() -> None:
    text = (ROOT / "deploy/systemd/recoverydesk@.service").read_text()
    (stops,) = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert int(stops) > processes.GRACE


def test_timers_name_commands_whose_end_is_kept() -> None:
    text = "\n".join(path.read_text() for path in UNITS)
    assert {
        name for name in LASTING if f"recoverydesk-job@{name}.timer" in text or f"recoverydesk {name} " in text
    } == {*LASTING}


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    return found


def test_our_containers_can_write_nowhere_but_into_var_dir(compose: dict[str, Any]) -> None:
    ours = {name: one for name, one in compose["services"].items() if one["image"] == "recoverydesk"}
    assert set(ours) == {"prepare", "web", "worker", "beat"}
    for one in ours.values():
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert one["environment"]["VAR_DIR"] == one["volumes"][0].partition(":")[2]


def test_only_the_proxy_listens_outside(compose: dict[str, Any]) -> None:
    assert [name for name, one in compose["services"].items() if "ports" in one] == ["proxy"]


def test_compose_starts_each_process_once(compose: dict[str, Any]) -> None:
    started = [one["command"][1] for one in compose["services"].values() if one.get("command", [""])[0] == "run"]
    assert started == ["web", "worker", "beat"]


def test_the_image_is_made_of_what_the_wheel_needs_and_of_no_secret() -> None:
    """What .dockerignore lets in: the rooms and the files that pyproject.toml names, no folder a site may write to."""
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    tops = {path.relative_to(ROOT).parts[0] for path in tracked_files()}
    assert let_in <= tops
    assert {"recoverydesk", "templates", "locale", ".env.example", "pyproject.toml", "requirements.txt"} <= let_in
    assert not let_in & {"var", "tests", ".git", "bench"}


def test_the_image_runs_as_nobody_special() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    last = text.split("\nFROM ")[-1]
    assert re.search(r"^USER 10001$", last, re.MULTILINE)
    assert len(set(re.findall(r"^FROM (\S+)", text, re.MULTILINE))) == 1


PG_DUMP = {"bookworm": "15", "trixie": "17"}  # postgresql-client of each Debian; it dumps no newer server


def test_the_image_can_dump_the_database_of_the_compose_file(compose: dict[str, Any]) -> None:
    (base,) = set(re.findall(r"^FROM python:\S+-(\w+)", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE))
    assert compose["services"]["database"]["image"] == f"postgres:{PG_DUMP[base]}"


def test_a_unit_writes_only_where_systemd_makes_the_folder() -> None:
    for path in SERVICES:
        text = path.read_text()
        (made,) = re.findall(r"^StateDirectory=(.+)$", text, re.MULTILINE)
        written = set(re.findall(r"/var/(?:lib|backups)/([\w-]+)", text))
        assert written <= set(made.split()), path.name
        assert "ReadWritePaths" not in text


def test_a_wrong_setting_is_not_started_again_and_again() -> None:
    text = (ROOT / "deploy/systemd/recoverydesk@.service").read_text()
    assert f"RestartPreventExitStatus={GUNICORN_GIVES_UP}\n" in text


def test_hadolint_takes_the_dockerfile() -> None:
    code, words = said(str(Path(sys.executable).with_name("hadolint")), "deploy/Dockerfile")
    assert code == 0, words
