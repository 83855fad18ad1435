"""How each client is told to publish what it built, and with which token."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

PROJECT = """
[project]
name = "{name}"
version = "1.0"
description = "made for a test: with an ü"
readme = "README.md"
requires-python = ">=3.8"
authors = [{{ name = "Ada Ünal", email = "ada@example.org" }}, {{ name = "Kim" }}]
maintainers = [{{ name = "Bob", email = "bob@example.org" }}]
keywords = ["one", "two words"]
classifiers = ["Topic :: Utilities", "Programming Language :: Python :: 3"]
dependencies = ["Some_Package>=1,<2; python_version < '3.9'", "other[fast]"]

[project.optional-dependencies]
Fast_Mode = ["quick>=2"]

[project.urls]
Homepage = "https://code.example/{name}"
Source = "https://github.com/ada/{name}"
"Bug Tracker" = "https://github.com/ada/{name}/issues"
"""
README = "# Read me\r\n\r\nWords with an ü,\ttabs  and\r\n\r\n\r\n    indented lines   \r\n\r\n"
PYPROJECT = {
    "flit": """[build-system]
requires = ["flit_core >=3.2"]
build-backend = "flit_core.buildapi"
"""
    + PROJECT,
    "poetry": """[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""
    + PROJECT
    + """
[tool.poetry]
packages = [{{ include = "{module}.py" }}]
""",
}


APP = """[project]
name = "app"
version = "1.0"
requires-python = ">=3.9"

[tool.poetry]
package-mode = false
"""


@dataclass(frozen=True)
class Ran:
    """How a program ended, and everything it said, its line breaks and boxes taken out."""

    code: int
    output: str


def run(command: list[str], folder: Path, **variables: str) -> Ran:
    """Run a client in `folder` with a home of its own and nothing else of this machine's settings."""
    clean = {
        key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_", "TWINE_", "POETRY_"))
    }
    quiet = {"NO_COLOR": "1", "COLUMNS": "400", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    quiet["FLIT_NO_NETWORK"] = "1"  # else it asks PyPI for its list of classifiers
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / ".config"), "NO_PROXY": "localhost,127.0.0.1"}
    done = subprocess.run(
        command, cwd=folder, env=clean | quiet | home | variables, capture_output=True, text=True, timeout=600
    )
    return Ran(done.returncode, " ".join((done.stdout + done.stderr).split()))


def write_project(folder: Path, name: str, *, backend: str = "flit", body: str = "x = 1") -> None:
    """Write a source tree with one module."""
    module = name.replace("-", "_")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(f'"""Made for a test."""\n__version__ = "1.0"\n{body}\n')
    (folder / "README.md").write_text(README, newline="")
    (folder / "pyproject.toml").write_text(PYPROJECT[backend].format(name=name, module=module))


def built(folder: Path) -> list[str]:
    return sorted(str(path) for path in (folder / "dist").iterdir())


def twine(program: Path, folder: Path, site: str, token: str, *options: str) -> Ran:
    """Publish what is in dist/ with twine."""
    command = [str(program), "upload", "--non-interactive", "--disable-progress-bar", "--config-file", os.devnull]
    where = ["--repository-url", f"{site}/legacy/", "--username", "__token__", "--password", token]
    return run([*command, *where, *options, *built(folder)], folder)


def uv(program: Path, folder: Path, site: str, token: str, *options: str) -> Ran:
    """Publish what is in dist/ with uv."""
    command = [str(program), "publish", "--publish-url", f"{site}/legacy/", "--token", token, "--no-config"]
    return run([*command, *options, *built(folder)], folder, UV_CACHE_DIR=str(folder / ".uv"), UV_HTTP_RETRIES="0")


def flit(program: Path, folder: Path, site: str, token: str, *options: str) -> Ran:
    """Build and publish with flit."""
    (folder / "empty").touch()  # flit wants a file of settings, or reads the user's
    to = {"FLIT_INDEX_URL": f"{site}/legacy/", "FLIT_USERNAME": "__token__", "FLIT_PASSWORD": token}
    epoch = {"SOURCE_DATE_EPOCH": "1700000000"}
    return run(
        [str(program), "publish", "--no-use-vcs", "--pypirc", str(folder / "empty"), *options], folder, **to, **epoch
    )


def poetry(program: Path, folder: Path, site: str, token: str, *options: str) -> Ran:
    """Build and publish with Poetry."""
    to = {
        "POETRY_REPOSITORIES_DESK_URL": f"{site}/legacy/",
        "POETRY_HTTP_BASIC_DESK_USERNAME": "__token__",
        "POETRY_HTTP_BASIC_DESK_PASSWORD": token,
        "POETRY_KEYRING_ENABLED": "false",
        "POETRY_CACHE_DIR": str(folder / ".poetry"),
        "SOURCE_DATE_EPOCH": "1700000000",
    }
    command = [str(program), "publish", "--build", "--no-interaction", "--repository", "desk"]
    return run([*command, *options], folder, **to)


def hatch(program: Path, folder: Path, site: str, token: str, *options: str) -> Ran:
    """Publish what is in dist/ with hatch. It shows a refusal by its status line, and an answer's body never."""
    own = {"HATCH_CONFIG": str(folder / "hatch.toml"), "HATCH_DATA_DIR": str(folder / ".hatch")}
    own |= {"HATCH_CACHE_DIR": str(folder / ".hatch-cache"), "HATCH_INDEX_USER": "__token__", "HATCH_INDEX_AUTH": token}
    (folder / "hatch.toml").touch()
    command = [str(program), "publish", "--no-prompt", "--repo", f"{site}/legacy/"]
    return run([*command, *options, *built(folder)], folder, **own)


def poetry_add(program: Path, folder: Path, index: str, token: str, wanted: str) -> Ran:
    """Install from this index with Poetry, with a token or ("") without, into folders below `there`."""
    (folder / "pyproject.toml").write_text(APP)
    shown = {
        "POETRY_KEYRING_ENABLED": "false",
        "POETRY_CACHE_DIR": str(folder / ".poetry"),
        "POETRY_VIRTUALENVS_PATH": str(folder / "there"),
    }
    if token:
        shown |= {"POETRY_HTTP_BASIC_DESK_USERNAME": "__token__", "POETRY_HTTP_BASIC_DESK_PASSWORD": token}
    added = run([str(program), "source", "add", "desk", index], folder, **shown)
    assert added.code == 0, added.output
    return run([str(program), "add", "--no-interaction", wanted, "--source", "desk"], folder, **shown)


DRIVERS = {"twine": twine, "uv": uv, "flit": flit, "poetry": poetry, "hatch": hatch}
BUILT_BY_FLIT = ("twine", "uv", "hatch")  # clients that publish what is built already
