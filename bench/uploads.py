"""Uploads through gunicorn: how many a second beside pypiserver, how much memory, how long hostile archives take."""

import io
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import requests

from bench.rig import report
from bench.rig.own_database import own_database

AT_ONCE, UPLOADS, ROUNDS = 4, 60, 3
BODY, LARGE = 100_000, 99 * 2**20
MOST_GROWTH, MOST_SECONDS = 32, 5
PARTS, TEN_MB = 60_000, 10**7  # members, headers or fields of a costly archive
REAL = (("plotly", "5.24.1"), ("docutils", "0.21.2"))  # many members, links inside the own folder
Send = Callable[[str, bytes, str], requests.Response]


def main() -> None:
    """Measure on a database of its own, in a process of its own."""
    with own_database() as environment:
        values = environment | {"NO_PROXY": "127.0.0.1,localhost"}
        subprocess.run([sys.executable, "-m", "bench.uploads"], env=values, check=True)


def measure() -> None:
    """Measure everything on the database of the settings."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    rows = [*_rates(), _memory(), *_hostile(), *_costly(), *_real()]
    body = report.table(["what", "measured", "wanted", ""], rows)
    print(body)
    report.write("Uploads", body)


def _token() -> str:
    from accounts.models import User
    from tests.helpers import factories
    from tokens import services

    user = User.objects.filter(username="ada").first() or factories.make_user("ada")
    if not user.totpdevice_set.exists():
        factories.add_totp(user)
    return services.mint(user, name=f"bench {user.api_tokens.count()}", lifetime=timedelta(days=1)).text


def _rates() -> list[list[str]]:
    """Uploads a second of 100 kB wheels, in turns with pypiserver; the best round of each counts."""
    from tests.upload.server import gunicorn

    token, best, version = _token(), {"ours": 0.0, "theirs": 0.0}, 0
    with tempfile.TemporaryDirectory() as folder, gunicorn(Path(folder)) as server, pypiserver(Path(folder)) as url:
        for _round in range(ROUNDS):
            for who, address, auth in (("ours", f"{server.url}/legacy/", token), ("theirs", url, "x")):
                best[who] = max(best[who], _rate(address, auth, version))
            version += UPLOADS
    line = f"{best['ours']:.0f}/s, pypiserver {best['theirs']:.0f}/s"
    ratio = f"{best['ours'] / best['theirs']:.2f} of pypiserver"
    return [["uploads of a 100 kB wheel, gunicorn with 2 workers, 4 at once", line, "(paired)", ratio]]


def _rate(address: str, auth: str, start: int) -> float:
    from tests.helpers import packages

    versions = [f"1.{start + number}" for number in range(UPLOADS)]
    files = [(version, packages.wheel(version=version, body=os.urandom(BODY))) for version in versions]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begin = time.perf_counter()
        answers = list(pool.map(lambda file: _send(address, auth, *file), files))
        seconds = time.perf_counter() - begin
    assert {answer.status_code for answer in answers} == {200}, [answer.reason for answer in answers][:3]
    return UPLOADS / seconds


def _send(address: str, auth: str, version: str, content: bytes, filename: str = "") -> requests.Response:
    from tests.helpers import packages

    filename = filename or packages.wheel_name(version=version)
    fields = packages.form(filename, content, "sample", version)
    return requests.post(
        address, data=fields, files={"content": (filename, content)}, auth=("__token__", auth), timeout=120
    )


@contextmanager
def pypiserver(folder: Path) -> Iterator[str]:
    """A pypiserver from the package index, as it starts by default, without passwords; its address."""
    from tests.upload.clients.environments import environment_of

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "pypiserver").mkdir()
    program = str(environment_of("pypiserver") / "pypi-server")
    command = [program, "run", "-i", "127.0.0.1", "-p", str(port), "-P", ".", "-a", ".", str(folder / "pypiserver")]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as server:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}/"
        server.terminate()


def _wait_for(port: int) -> None:
    for _try in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("pypiserver does not start")


def _memory() -> list[str]:
    """How much a worker grows at most while it takes 99 MiB, after a small upload warmed it."""
    from tests.helpers import packages
    from tests.upload.server import gunicorn

    token = _token()
    with tempfile.TemporaryDirectory() as folder, gunicorn(Path(folder), workers=1) as server:
        address = f"{server.url}/legacy/"
        assert _send(address, token, "2.0", packages.wheel(version="2.0")).ok
        worker = server.workers()[0]
        Path(f"/proc/{worker}/clear_refs").write_text("5")
        before = _status(worker, "VmRSS")
        answer = _send(address, token, "2.1", packages.wheel(version="2.1", body=os.urandom(LARGE)))
        assert answer.status_code == 200, answer.reason
        grown = (_status(worker, "VmHWM") - before) / 1024
    return report.bar("growth of a worker over a 99 MiB upload", grown, MOST_GROWTH, unit=" MiB")


def _status(pid: int, key: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1])


def _hostile() -> list[list[str]]:
    """The time each hostile archive takes, from the first byte sent to the refusal."""
    from tests.upload import hostile
    from tests.upload.server import gunicorn

    token, rows = _token(), []
    with tempfile.TemporaryDirectory() as folder, gunicorn(Path(folder), workers=1) as server:
        for label, filename, make in hostile.CASES:
            content = make()
            start = time.perf_counter()
            answer = _send(f"{server.url}/legacy/", token, "1.0", content, filename)
            seconds = time.perf_counter() - start
            assert 400 <= answer.status_code < 500, answer.reason
            rows.append(report.bar(f"hostile {label}", seconds, MOST_SECONDS, unit=" s"))
    return rows


def _costly() -> list[list[str]]:
    """The CPU that an archive of many small parts takes, whether it is refused or not: one second for each 10 MB."""
    from tests.upload import expensive

    return [_cpu(f"costly {label}", filename, make(PARTS)) for label, filename, make in expensive.CASES]


def _real() -> Iterator[list[str]]:
    """The same of published files, as pip fetches them."""
    for name, version in REAL:
        for kind in ("--only-binary", "--no-binary"):
            with tempfile.TemporaryDirectory() as folder:
                fetch = ["download", "--quiet", "--no-deps", kind, name, "-d", folder]
                subprocess.run([sys.executable, "-m", "pip", *fetch, f"{name}=={version}"], check=True)
                (file,) = Path(folder).iterdir()
                yield _cpu(file.name, file.name, file.read_bytes())


def _cpu(label: str, filename: str, content: bytes) -> list[str]:
    from recoverydesk.projects.archives import distribution, limits

    start, verdict = time.process_time(), "taken"
    try:
        distribution.inspect(io.BytesIO(content), len(content), distribution.parse(filename))
    except limits.InvalidArchive:
        verdict = "refused"
    seconds = time.process_time() - start
    size = f"{len(content) / 10**6:.1f} MB" if len(content) >= 10**6 else f"{len(content) / 10**3:.0f} kB"
    return report.bar(f"{label}, {size}, {verdict}: CPU", seconds, max(1, len(content) / TEN_MB), unit=" s")


if __name__ == "__main__":
    measure()
