"""A whole production site on this machine, and each part of it broken in turn: the doctor names that one.

PostgreSQL, Redis, gunicorn behind a proxy that ends TLS, a worker, beat and an SMTP server, all of the test's own.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.cluster import installed
from tests.helpers import certificates, mail_server
from tests.helpers.files import ROOT
from tests.helpers.ports import free_port
from tests.helpers.production import KEY, PRODUCTION
from tests.operating import far_ends
from tests.services import servers
from tests.services.processes import Process

DOOR = [sys.executable, "-c", "from recoverydesk.operating.front_door import main; main()"]
OF_DNS = {"SPF", "DKIM", "DMARC"}  # what this machine's name server says of localhost; tests/operating/test_doctor.py
PASSWORD = "the-secret-word"  # noqa: S105
TOKEN = "a-token-of-at-least-thirty-two-characters"  # noqa: S105
THIRD_KEY = "QmFy" + KEY[4:]
Broken = Mapping[str, str]


@dataclass
class Site:
    """What runs, and the environment everything is started with."""

    folder: Path
    given: dict[str, str]
    postgres: servers.Postgres
    redis: servers.Redis
    proxy: far_ends.Proxy
    parts: dict[str, Process] = field(default_factory=dict)

    def command(self, *words: str, **other: str) -> "subprocess.CompletedProcess[str]":
        known = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        given = known | self.given | other
        return subprocess.run([*DOOR, *words], cwd=ROOT, env=given, capture_output=True, text=True, check=False)

    def doctor(self, **other: str) -> dict[str, tuple[str, str]]:
        """State and words of each part; the worst where a part has several."""
        done = self.command("doctor", "--json", **other)
        assert PASSWORD not in done.stdout + done.stderr
        assert [name for name in ("SECRET_KEY", "FIELD_KEYS", "AUDIT_KEY") if self.given[name] in done.stdout] == []
        found = json.loads(done.stdout)
        assert done.returncode == (0 if found["ok"] else 1)
        order = ("ok", "not asked", "warning", "wrong")
        parts = sorted(found["parts"], key=lambda one: order.index(one["state"]))
        return {one["part"]: (one["state"], f"{one['found']} → {one['todo']}") for one in parts}

    def start(self, part: str) -> None:
        """Start a part and wait until it works."""
        options = ["--bind", f"127.0.0.1:{self.proxy.upstream}"] if part == "web" else []
        self.parts[part] = Process([*DOOR, "run", part, *options], self.given, self.folder / f"{part}.log")
        if part == "web":
            servers.wait_for(lambda: servers.listens(self.proxy.upstream), "gunicorn")
        else:
            self.parts[part].wait_for({"worker": " ready", "beat": "beat: Starting"}[part])

    def end(self, part: str) -> None:
        """Kill a part."""
        self.parts[part].end()

    def age_the_round(self) -> None:
        """As if the last round of due work had ended an hour ago."""
        self.postgres.execute("UPDATE recovery_heartbeat SET at = at - interval '1 hour'")

    def not_ready(self) -> tuple[set[str], set[str]]:
        """The parts that /readyz and /metrics name, asked through the proxy."""
        address, trust = self.given["BASE_URL"], str(self.folder / certificates.AUTHORITY)
        ready = requests.get(f"{address}/readyz", timeout=30, verify=trust).json()
        token = {"Authorization": f"Bearer {TOKEN}"}
        text = requests.get(f"{address}/metrics", headers=token, timeout=30, verify=trust).text
        shown = set(re.findall(r'^recoverydesk_part_ready\{part="(\w+)"\} 0\.0$', text, re.MULTILINE))
        return {part for part, word in ready.items() if part != "status" and word != "ok"}, shown


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    if installed() is None or shutil.which("redis-server") is None:
        pytest.skip("needs PostgreSQL and redis-server")
    folder = Path(tempfile.mkdtemp(prefix="recoverydesk-site-"))  # which the server's own user may enter
    certificate, port, smtp = certificates.signed_for_localhost(folder), free_port(), free_port()
    with ExitStack() as rest:
        rest.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = servers.Postgres(folder)
        rest.callback(postgres.stop, signal.SIGQUIT)
        redis = servers.Redis(folder)
        rest.callback(redis.stop)
        rest.enter_context(mail_server.running(smtp))
        proxy = rest.enter_context(far_ends.proxy(port, free_port(), certificate))
        given = PRODUCTION | {
            "BASE_URL": f"https://localhost:{port}",
            "ALLOWED_HOSTS": "localhost",
            "TRUSTED_PROXY_COUNT": "1",
            "BEHIND_TLS_PROXY": "true",
            "VAR_DIR": str(folder / "var"),
            "DATABASE_URL": postgres.url().replace("postgres@", f"postgres:{PASSWORD}@"),
            "BROKER_URL": redis.url,
            "CACHE_URL": redis.url.replace("redis:", "rediscache:").replace("/0", "/1"),
            "EMAIL_URL": f"smtp://127.0.0.1:{smtp}",
            "SSL_CERT_FILE": str(folder / certificates.AUTHORITY),
            "SWEEP_EVERY": "1",
            "METRICS_TOKEN": TOKEN,
        }
        (folder / "var").mkdir()
        made = Site(folder, given, postgres, redis, proxy)
        event = "from audit import log, tags; log.record(tags.Tag.ACCOUNT_LOGIN_FAILURE, actor='somebody')"
        for words in (["migrate"], ["collectstatic", "--no-input"], ["shell", "--no-imports", "-c", event]):
            done = made.command(*words)
            assert done.returncode == 0, done.stderr
        for part in ("web", "worker", "beat"):
            made.start(part)
            rest.callback(made.end, part)
        servers.wait_for(
            lambda: bool(postgres.execute("SELECT 1 FROM recovery_heartbeat, audit_seal")), "a round and a seal"
        )
        yield made


@contextmanager
def stopped(site: Site, part: str) -> Iterator[Broken]:
    site.parts[part].end()
    time.sleep(3)  # what beat had sent before is done
    site.age_the_round()
    try:
        yield {}
    finally:
        site.start(part)


@contextmanager
def no_database(site: Site) -> Iterator[Broken]:
    site.postgres.stop()
    try:
        yield {}
    finally:
        site.postgres.start()


@contextmanager
def no_redis(site: Site) -> Iterator[Broken]:
    site.redis.stop()
    try:
        yield {}
    finally:
        site.redis.start()


@contextmanager
def manners(site: Site, kind: str) -> Iterator[Broken]:
    site.proxy.manners = kind
    try:
        yield {}
    finally:
        site.proxy.manners = far_ends.RIGHT


@contextmanager
def no_static(site: Site) -> Iterator[Broken]:
    manifest = site.folder / "var" / "static" / "staticfiles.json"
    aside = manifest.rename(manifest.with_name("aside"))
    try:
        yield {}
    finally:
        aside.rename(manifest)


@contextmanager
def no_table(site: Site) -> Iterator[Broken]:
    site.postgres.execute("DELETE FROM django_migrations WHERE name = '0002_right_to_look'")
    try:
        yield {}
    finally:
        site.postgres.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('statistics', '0002_right_to_look', now())"
        )


@contextmanager
def elsewhere(site: Site) -> Iterator[Broken]:
    folder = site.folder / "other"
    shutil.copytree(site.folder / "var", folder)
    try:
        yield {"VAR_DIR": str(folder)}
    finally:
        shutil.rmtree(folder)


@contextmanager
def told(_site: Site, **other: str) -> Iterator[Broken]:
    yield other


CASES: dict[str, tuple[str, str]] = {  # name → the part at fault, what is said of it
    "no database": ("database", "look at DATABASE_URL"),
    "database at a wrong port": ("database", "look at DATABASE_URL"),
    "a table is missing": ("migrations", "statistics.0002_right_to_look"),
    "no Redis": ("cache", "look at CACHE_URL"),
    "broker at a wrong port": ("broker", "look at BROKER_URL"),
    "another FIELD_KEYS": ("keys", "which FIELD_KEYS lacks"),
    "another AUDIT_KEY": ("keys", "set that key"),
    "another SECRET_KEY": ("web", "the same SECRET_KEY"),
    "nothing collected": ("static", "collectstatic"),
    "another VAR_DIR": ("worker", "the same VAR_DIR"),
    "no VAR_DIR": ("files", "No such file or directory"),
    "no worker": ("worker", "recoverydesk run worker"),
    "no beat": ("beat", "recoverydesk run beat"),
    "no web": ("web", "recoverydesk run web"),
    "another certificate": ("certificate", "it is not trusted"),
    "a proxy that passes X-Forwarded-For": ("proxy", "that anybody can send"),
    "a proxy that is not counted": ("proxy", "set TRUSTED_PROXY_COUNT=2"),
    "a proxy without X-Forwarded-For": ("proxy", "no X-Forwarded-For reaches"),
    "a proxy that passes X-Forwarded-Proto": ("proxy", "let it set X-Forwarded-Proto"),
    "a proxy without X-Forwarded-Proto": ("proxy", "no X-Forwarded-Proto"),
    "no mail server": ("mail", "look at EMAIL_URL"),
}  # fmt: skip


def broken(site: Site, name: str) -> AbstractContextManager[Broken]:
    nowhere = f"127.0.0.1:{free_port()}"
    return {
        "no database": lambda: no_database(site),
        "database at a wrong port": lambda: told(site, DATABASE_URL=f"postgres://desk:{PASSWORD}@{nowhere}/desk"),
        "a table is missing": lambda: no_table(site),
        "no Redis": lambda: no_redis(site),
        "broker at a wrong port": lambda: told(site, BROKER_URL=f"redis://desk:{PASSWORD}@{nowhere}/0"),
        "another FIELD_KEYS": lambda: told(site, FIELD_KEYS=THIRD_KEY),
        "another AUDIT_KEY": lambda: told(site, AUDIT_KEY=THIRD_KEY),
        "another SECRET_KEY": lambda: told(site, SECRET_KEY="another-" + PRODUCTION["SECRET_KEY"]),
        "nothing collected": lambda: no_static(site),
        "another VAR_DIR": lambda: elsewhere(site),
        "no VAR_DIR": lambda: told(site, VAR_DIR=str(site.folder / "not-mounted")),
        "no worker": lambda: stopped(site, "worker"),
        "no beat": lambda: stopped(site, "beat"),
        "no web": lambda: stopped(site, "web"),
        "another certificate": lambda: told(site, SSL_CERT_FILE=""),
        "a proxy that passes X-Forwarded-For": lambda: manners(site, far_ends.UNCHANGED),
        "a proxy that is not counted": lambda: manners(site, far_ends.TWO),
        "a proxy without X-Forwarded-For": lambda: manners(site, far_ends.SILENT),
        "a proxy that passes X-Forwarded-Proto": lambda: manners(site, far_ends.FORWARDS_PROTO),
        "a proxy without X-Forwarded-Proto": lambda: manners(site, far_ends.NO_PROTO),
        "no mail server": lambda: told(site, EMAIL_URL=f"smtp://desk:{PASSWORD}@{nowhere}"),
    }[name]()


@pytest.mark.thorough
def test_a_site_that_works_has_no_fault(site: Site) -> None:
    found = site.doctor()
    assert {part: said for part, said in found.items() if said[0] != "ok" and part not in OF_DNS} == {
        "certificate": found["certificate"],  # the test's own ends tomorrow
        "staff": ("warning", "no superuser → run `recoverydesk createsuperuser`"),
    }
    assert found["certificate"][0] == "warning"
    assert set(found) >= {
        "settings", "database", "migrations", "clock", "keys", "log", "cache", "static", "files", "broker", "worker",
        "beat", "web", "proxy", "mail",
    }  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("name", list(CASES))
def test_each_part_that_is_broken_names_itself(site: Site, name: str) -> None:
    part, said = CASES[name]
    with broken(site, name) as other:
        found = site.doctor(**other)
    assert found[part][0] == "wrong", found
    assert said in found[part][1]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "part"),
    [("no database", "database"), ("no Redis", "broker"), ("no worker", "worker"), ("no beat", "worker")],
)
def test_readyz_and_metrics_name_it_too_and_it_comes_back(site: Site, name: str, part: str) -> None:
    with broken(site, name):
        time.sleep(2.5)  # READYZ_KEEPS
        ready, shown = site.not_ready()
        assert part in ready
        assert part in shown
    servers.wait_for(lambda: site.not_ready() == (set(), set()), f"{name} and everything back", within=60)


@pytest.mark.thorough
@pytest.mark.parametrize("name", list(far_ends.KITS))
def test_the_proxy_of_our_kit_is_right_and_takes_what_is_uploaded(site: Site, name: str, tmp_path: Path) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"needs {name}")
    certificate = certificates.signed_for_localhost(site.folder)
    with far_ends.kit(name, site.proxy.upstream, certificate, tmp_path) as port:
        found = site.doctor(BASE_URL=f"https://localhost:{port}")
        assert {part: found[part][0] for part in ("web", "proxy")} == {"web": "ok", "proxy": "ok"}, found
        trust = str(site.folder / certificates.AUTHORITY)
        sizes = {"account/login/": 3 * 2**20, "legacy/": 100 * 2**20 + 2**16}  # UPLOAD_MAX_MIB, and a form
        answers = {
            path: requests.post(
                f"https://localhost:{port}/{path}", data=bytes(size), verify=trust, timeout=60
            ).status_code
            for path, size in sizes.items()
        }
    assert answers["account/login/"] in (413, 502)  # Caddy before 2.7 says 502
    assert answers["legacy/"] in (400, 401, 403)


@pytest.mark.thorough
def test_the_settings_themselves_are_one_sentence(site: Site) -> None:
    done = site.command("doctor", SWEEP_EVERY="never", BROKER_URL=f"http://desk:{PASSWORD}@x")
    assert done.returncode == 3
    assert "BROKER_URL: give an address that begins with redis://" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
