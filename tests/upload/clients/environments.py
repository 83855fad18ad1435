"""The clients people use, each from the package index in an environment of its own, made once per requirement file."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.helpers.files import ROOT

HERE = Path(__file__).parent
CACHE = ROOT / ".venv" / "clients"
Program = Callable[[str], Path]


def environment_of(client: str) -> Path:
    """Return the `bin` folder of a client's environment, installing it from its pinned hashes where there is none."""
    requirements = HERE / f"requirements-{client}.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    folder = CACHE / f"{client}-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may be at it
        if not (folder / "ready").exists():
            if not index_answers():
                raise OSError("the package index does not answer")
            _install(folder, requirements)
    return folder / "bin"


@cache
def index_answers() -> bool:
    """Ask the package index once and briefly: without a network every installation would wait for all its retries."""
    ask = [sys.executable, "-m", "pip", "--retries", "0", "--timeout", "5", "index", "versions", "twine"]
    with suppress(subprocess.TimeoutExpired):
        return subprocess.run(ask, capture_output=True, timeout=20).returncode == 0
    return False


def _install(folder: Path, requirements: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    install += ["--retries", "10", "--timeout", "60"]
    exact = ["--require-hashes", "--only-binary", ":all:", "-r", str(requirements)]
    subprocess.run([*install, *exact], check=True, capture_output=True, timeout=900)
    (folder / "ready").touch()
