"""A backup taken while the site works, put back in a fresh place, verifies: the real tools, the real commands."""

import base64
import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from django.conf import settings as project
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.utils import timezone

from audit import chores
from audit.chain.verifying import verify
from audit.log import RequestOrigin, record
from audit.models import Event, Seal
from audit.tags import Tag
from recoverydesk.backups import backup, dump
from recoverydesk.projects.files import METADATA, stored_name
from recoverydesk.projects.models import File, Project, Release
from tests.cluster import other_database
from tests.helpers.files import ROOT
from tests.helpers.sealed import Somebody, back_to, write, write_and_seal

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = b"a wheel"
NAME = stored_name("tool-1.0-py3-none-any.whl", hashlib.sha256(CONTENT).hexdigest())
THERE = """
import io, json, sys, django
from django.core.management import call_command
django.setup()
for words in json.loads(sys.argv[1]):
    said, code = io.StringIO(), 0
    try:
        call_command(*words, stdout=said, stderr=said)
    except SystemExit as end:
        code = end.code
    print(json.dumps([code, said.getvalue()]))
"""


@pytest.fixture(autouse=True)
def var(tmp_path: Path, settings: Any) -> Path:
    settings.VAR_DIR = tmp_path / "var"
    settings.MEDIA_ROOT = tmp_path / "var" / "files"
    return tmp_path / "var"


@pytest.fixture
def site(var: Path) -> None:
    """A sealed log with checkpoints, and an uploaded wheel with its metadata."""
    write_and_seal(30, [Somebody("ada")], batch=10)
    chores.seal()
    release = Release.objects.create(
        project=Project.objects.create(name="tool", normalized_name="tool"), version="1.0", uploaded_at=timezone.now()
    )
    for name, content in ((NAME, CONTENT), (NAME + METADATA, b"Name: tool")):
        default_storage.save(name, ContentFile(content))
    File.objects.create(
        release=release, filename="tool-1.0-py3-none-any.whl", packagetype="bdist_wheel", size=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(), uploaded_at=timezone.now(), stored_as=NAME,
    )  # fmt: skip


@contextlib.contextmanager
def work_goes_on() -> Iterator[threading.Event]:
    """Somebody writes events, seals them and appends checkpoints until the block ends; the event tells of a seal."""
    stop, sealed, failed = threading.Event(), threading.Event(), []

    def goes_on() -> None:
        try:
            while not stop.is_set():
                record(Tag.ACCOUNT_LOGOUT, actor="system", origin=RequestOrigin(network="203.0.113.7"))
                write(3, [Somebody("kim")])
                chores.seal()
                sealed.set()
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=goes_on)
    thread.start()
    try:
        assert sealed.wait(60)
        yield sealed
    finally:
        stop.set()
        thread.join(60)
    assert failed == []


def url_of(name: str) -> str:
    """The server's other database."""
    return other_database(os.environ["DATABASE_URL"], name)


@pytest.fixture
def fresh() -> Iterator[str]:
    """The address of a fresh database for a backup to be put into."""
    if connection.vendor != "postgresql":
        yield ""
        return
    name = f"{connection.settings_dict['NAME']}_again"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}"'.encode())
        server.execute(f'CREATE DATABASE "{name}"'.encode())
        yield url_of(name)
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def put_back(folder: Path, there: Path, fresh: str) -> str:
    """Restore a backup as docs/audit.md says; returns the database's address."""
    there.mkdir()
    (there / "checkpoints.log").write_bytes((folder / "checkpoints.log").read_bytes())
    if not fresh:
        (there / "db.sqlite3").write_bytes((folder / "database.sqlite3").read_bytes())
        return f"sqlite:///{there / 'db.sqlite3'}"
    restore = [dump.pg_program("pg_restore"), "--exit-on-error", f"--dbname={fresh}"]
    subprocess.run([*restore, str(folder / "database.dump")], check=True)
    return fresh


def run_there(there: Path, url: str, *commands: list[str]) -> list[tuple[int, str]]:
    """These commands of ours in a process of the restored site."""
    shutil.copy(Path(os.environ["VAR_DIR"]) / "secrets.env", there)  # the keys, which were kept elsewhere
    own = {"DATABASE_URL": url, "VAR_DIR": str(there), "DJANGO_SETTINGS_MODULE": "recoverydesk.settings"}
    variables = os.environ | own
    done = subprocess.run(
        [sys.executable, "-c", THERE, json.dumps(commands)], env=variables, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return [cast(tuple[int, str], tuple(json.loads(line))) for line in done.stdout.splitlines()]


def test_a_backup_taken_while_the_site_works_verifies_and_a_restore_is_recorded(
    site: None, var: Path, fresh: str, tmp_path: Path
) -> None:
    before = Seal.objects.latest("number").number
    with work_goes_on():
        made = backup.take_backup(tmp_path / "backup")
    chores.seal()
    assert before < made.seal < Seal.objects.latest("number").number
    assert verify().intact
    there = tmp_path / "there"
    url = put_back(made.folder, there, fresh)
    live = (var / "checkpoints.log").read_text()
    kept = there / "live"
    kept.write_text(live)
    check = ["verify_audit", "--json", "--checkpoint", str(kept)]
    first, red, _said, green = run_there(
        there,
        url,
        ["verify_audit", "--json"],
        check,
        ["restored", "--reason", "the disk of the database broke", "--checkpoint", str(kept)],
        check,
    )
    assert (first[0], json.loads(first[1])["found"]) == (0, 0)
    assert json.loads(first[1])["seals"] == made.seal
    assert red[0] == 3
    assert (green[0], len(json.loads(green[1])["restores"])) == (0, 1)


def test_a_backup_has_the_files_and_says_what_each_must_be(site: None, tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("backup", str(tmp_path / "backup"), stdout=out)
    folder = tmp_path / "backup"
    assert (folder / "files" / NAME).read_bytes() == CONTENT
    assert (folder / "files" / (NAME + METADATA)).read_bytes() == b"Name: tool"
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    named = {line.split("  ", 1)[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert named == there - {"SHA256SUMS"}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["seal"], manifest["missing"]) == (Seal.objects.latest("number").number, [])
    assert f"up to seal {manifest['seal']}" in out.getvalue()


def test_a_backup_is_for_its_owner_alone_and_holds_no_key(site: None, tmp_path: Path) -> None:
    folder = backup.take_backup(tmp_path / "backup").folder
    assert folder.stat().st_mode & 0o777 == 0o700
    secrets = [project.SECRET_KEY, *map(_text, (*project.FIELD_KEYS, project.AUDIT_KEY))]
    for path in folder.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
        if path.is_file():
            content = path.read_bytes()
            assert [secret for secret in secrets if secret.encode() in content] == []


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def test_files_can_be_left_to_another_backup(site: None, tmp_path: Path) -> None:
    call_command("backup", str(tmp_path / "backup"), "--without-files", stdout=io.StringIO())
    assert not (tmp_path / "backup" / "files").exists()


def test_a_file_the_storage_lacks_is_named(site: None, tmp_path: Path) -> None:
    default_storage.delete(NAME)
    err = io.StringIO()
    call_command("backup", str(tmp_path / "backup"), stdout=io.StringIO(), stderr=err)
    assert NAME in err.getvalue()


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(site: None, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "manifest.json").write_text("mine")
    with pytest.raises(CommandError, match="is not empty"):
        call_command("backup", str(tmp_path / "old"))
    assert [path.read_text() for path in (tmp_path / "old").iterdir()] == ["mine"]


def test_a_backup_that_fails_leaves_nothing(site: None, var: Path, tmp_path: Path) -> None:
    (var / "checkpoints.log").rename(var / "kept")
    (var / "checkpoints.log").mkdir()
    with pytest.raises(CommandError, match="checkpoints.log"):
        call_command("backup", str(tmp_path / "backup"))
    assert list((tmp_path / "backup").iterdir()) == []


@pytest.mark.postgres
def test_what_pg_dump_says_is_told(site: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "pg_dump"
    program.write_text("#!/bin/sh\necho 'pg_dump: error: server version mismatch' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    with pytest.raises(CommandError, match="server version mismatch"):
        call_command("backup", str(tmp_path / "backup"))
    assert list((tmp_path / "backup").iterdir()) == []


def test_a_database_that_was_put_back_is_backed_up_only_once_that_is_recorded(
    site: None, var: Path, tmp_path: Path
) -> None:
    lines = (var / "checkpoints.log").read_text().splitlines()
    record(Tag.FILE_ADD, actor="system")
    chores.seal()
    newer = (var / "checkpoints.log").read_text()
    assert len(newer.splitlines()) == len(lines) + 1
    back_to(Seal.objects.latest("number").number - 1)
    with pytest.raises(CommandError, match="First run `manage.py restored`"):
        call_command("backup", str(tmp_path / "backup"))
    assert Event.objects.exists()
