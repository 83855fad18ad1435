"""`python -m tests.fresh_start`: `make run` in a fresh clone as an ordinary user, then Ctrl-C. Nothing may be left.

Run as root it clones for the user `nobody`, else for whoever runs it. HOME and TMPDIR are empty folders of its own.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener
from uuid import uuid4

from tests.helpers.files import ROOT, names_in_example
from tests.helpers.ports import free_port

PATIENCE = 900  # seconds: the first start installs, over whatever network there is
INSTALLS, SAMPLE = "Installing what the program needs", "Making the sample registry"  # what only a first start says
MARK = "RECOVERYDESK_FRESH_START"


def clone(folder: Path, owner: pwd.struct_passwd) -> Path:
    """Clone what is committed, make an empty HOME and TMPDIR beside it, and give all of it to `owner`."""
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(folder / "clone")], check=True)
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    if os.getuid() == 0:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    return folder / "clone"


def environment(folder: Path, mark: str) -> dict[str, str]:
    """Return the caller's environment without our settings, with the system's own path and a mark to find us by."""
    dropped = names_in_example() | {"PYTHONDONTWRITEBYTECODE", "DJANGO_SETTINGS_MODULE", "PYTHONPATH"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    path = "/usr/local/bin:/usr/bin:/bin" if os.getuid() == 0 else os.environ["PATH"]
    return {**kept, "PATH": path, "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), MARK: mark}


def start(
    home: Path, ports: dict[str, int], variables: dict[str, str], owner: pwd.struct_passwd, log: Path
) -> tuple[float, str]:
    """Run `make run`, wait for HTTP 200, press Ctrl-C, wait for its end; return the seconds to the first 200.

    And what it said, which is also printed.
    """
    groups = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": ()} if os.getuid() == 0 else {}
    command = ["make", "run", *(f"{name}={port}" for name, port in ports.items())]
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(  # type: ignore[call-overload]
            command, cwd=home, env=variables, stdout=output, stderr=output, start_new_session=True, **groups
        )
    try:
        wait_for_200(f"http://localhost:{ports['PORT']}/", process)
        taken = time.monotonic() - began
        time.sleep(2)  # let worker and beat finish their own start
    finally:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself, which wait_for_200 has said
            os.killpg(process.pid, signal.SIGINT)  # what a terminal does on Ctrl-C
        code = process.wait(120)
        said = log.read_text(errors="replace")
        print(said, flush=True)
    if code not in (0, -signal.SIGINT, 130):
        sys.exit(f"make run ended with {code}")
    return taken, said


def wait_for_200(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Ask until the page is there. Exits when the process ends first or PATIENCE is over."""
    opener, deadline = build_opener(ProxyHandler({})), time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"make run ended with {process.returncode} before it served a page")
        try:
            with opener.open(url, timeout=10) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.2)
    sys.exit(f"no page within {PATIENCE} seconds")


def processes(mark: str) -> list[str]:
    """Return the command lines of all processes that carry the mark and have not ended."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if _carries(process, mark):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # another user's, or it ended while we looked
    return found


def memory(mark: str) -> int:
    """Return the kB of all processes that carry the mark, a page of several counted once (PSS, proc(5))."""
    return sum(_pss(process) for process in Path("/proc").glob("[0-9]*") if _carries(process, mark))


def _pss(process: Path) -> int:
    found = re.search(r"^Pss: +(\d+) kB", (process / "smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def _carries(process: Path, mark: str) -> bool:
    try:
        return f"{MARK}={mark}".encode() in (process / "environ").read_bytes()
    except OSError:
        return False  # another user's, or it ended while we looked


def leftovers(folder: Path) -> list[str]:
    """Return what lies outside VAR_DIR and .venv: untracked or changed files, anything in HOME or TMPDIR."""
    git = ["git", "-c", "safe.directory=*", "-C", str(folder / "clone"), "status", "--porcelain", "--ignored"]
    lines = subprocess.run(git, check=True, capture_output=True, text=True).stdout.splitlines()
    inside = [line for line in lines if line not in ("!! .venv/", "!! var/")]
    return inside + [str(path) for name in ("home", "tmp") for path in (folder / name).rglob("*")]


def main() -> None:
    """Start twice, stop twice, look for what is left. Ends with a line that says what was wrong, if anything."""
    owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    folder, mark = Path(tempfile.mkdtemp(prefix="recoverydesk-fresh-")), uuid4().hex
    try:
        home = clone(folder, owner)
        variables, ports = environment(folder, mark), {"PORT": free_port(), "CODE_HOST_PORT": free_port()}
        (first, said), (later, said_later) = (
            start(home, ports, variables, owner, folder / f"start-{number}.log") for number in (1, 2)
        )
        if left := processes(mark) + leftovers(folder):
            sys.exit("left behind:\n" + "\n".join(left))
        for words in (INSTALLS, SAMPLE):
            if words not in said or words in said_later:
                sys.exit(f"not said by the first start, or by the second one, too: {words!r}")
        print(f"fresh clone as {owner.pw_name}: first start {first:.1f} s, later start {later:.1f} s, nothing left")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
