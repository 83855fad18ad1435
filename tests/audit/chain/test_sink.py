"""AUDIT_SINK: real commands, real hosts. What goes wrong there is told, tried again and holds up nothing."""

import json
import logging
import shlex
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now

from audit import tasks
from audit.chain import checkpoints, outlets, sealing, sink
from audit.chain.verifying import verify
from audit.log import record
from audit.models import Outlet, Seal
from audit.tags import Tag
from tests.helpers import certificates
from tests.helpers.far_ends import Asked, MakeHost, http, running
from tests.helpers.sealed import Somebody, write_and_seal

pytestmark = pytest.mark.django_db
SECRET = "token-in-the-address"


@pytest.fixture(autouse=True)
def log(who: Somebody) -> None:
    write_and_seal(5, [who], batch=2)


@pytest.fixture
def took(tmp_path: Path) -> Path:
    return tmp_path / "took"


@pytest.fixture
def command(settings: Any, took: Path) -> None:
    settings.AUDIT_SINK = shlex.join(["/bin/sh", "-c", f"cat >> {took}"])


def lines(took: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in took.read_text().splitlines()] if took.exists() else []


def due_again() -> None:
    Outlet.objects.update(next_try=Now())


def fails(said: str) -> None:
    """One try fails, says why and changes nothing of what has left."""
    before = outlets.current()
    assert sink.deliver() == 0
    (outlet,) = outlets.current()
    assert said in outlet.error
    assert outlet.failures == (before[0].failures if before else 0) + 1
    assert outlet.left == (before[0].left if before else 0)


def test_a_command_takes_each_checkpoint_once_on_its_standard_input(command: None, took: Path) -> None:
    assert [sink.deliver(), sink.deliver()] == [1, 0]
    record(Tag.ACCOUNT_RECOVERY_STOP, actor="system", ticket=7)
    sealing.seal()
    assert [sink.deliver(), sink.deliver()] == [1, 0]
    head = Seal.objects.latest("number")
    first, second = lines(took)
    assert first["seal"] < second["seal"] == head.number
    assert (second["hash"], second["closed"]) == (sealing.hash_of(head), [7])
    (outlet,) = outlets.current()
    assert (outlet.left, outlet.failures) == (head.number, 0)


def test_what_a_sink_kept_is_a_checkpoint_file(command: None, took: Path) -> None:
    sink.deliver()
    assert verify(files=[took]).checkpoints == 1
    took.write_text(took.read_text().replace('"hash": "', '"hash": "00'))
    assert not verify(files=[took]).intact


def test_beats_task_delivers(command: None, took: Path) -> None:
    tasks.deliver()
    assert len(lines(took)) == 1


def test_without_the_setting_nothing_is_done() -> None:
    assert sink.deliver() == 0
    assert not Outlet.objects.exists()


def test_a_failure_is_told_logged_and_tried_again_with_the_newest(
    settings: Any, took: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AUDIT_SINK = shlex.join(
        ["/bin/sh", "-c", f"test -e {took} && cat >> {took} || (echo no room >&2; exit 7)"]
    )
    with caplog.at_level(logging.WARNING):
        fails("it ended with 7: no room")
    assert "no room" in caplog.text
    assert "has failed 1 times: it ended with 7: no room" in " ".join(verify().notes)
    assert verify().intact
    assert sink.deliver() == 0, "not before its time"
    due_again()
    fails("no room")
    took.touch()
    record(Tag.FILE_ADD, actor="system")
    sealing.seal()
    due_again()
    assert sink.deliver() == 1
    assert [line["seal"] for line in lines(took)] == [Seal.objects.latest("number").number]
    assert [outlet.failures for outlet in outlets.current()] == [0]


def test_a_command_that_does_not_end_is_ended_with_all_it_has_started(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink, "SECONDS", 1.0)
    pipe = tmp_path / "pipe"
    settings.AUDIT_SINK = shlex.join(["/bin/sh", "-c", f"mkfifo {pipe}; (exec sleep 1000 > {pipe}) & cat {pipe}"])
    fails("not done in time")


def test_a_command_that_reads_nothing_is_no_trouble(settings: Any) -> None:
    settings.AUDIT_SINK = "/bin/true"
    assert sink.deliver() == 1


def test_a_program_that_is_gone_is_a_failure(settings: Any) -> None:
    settings.AUDIT_SINK = "/nowhere/program"
    fails("No such file")


def test_a_command_inherits_no_secret(settings: Any, took: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_KEY", "secret")
    settings.AUDIT_SINK = shlex.join(["/bin/sh", "-c", f"/usr/bin/env > {took}"])
    assert sink.deliver() == 1
    assert {line.split("=")[0] for line in took.read_text().splitlines()} <= {
        "PATH", "LANG", "PWD", "SSL_CERT_FILE", "SHLVL", "_",
    }  # fmt: skip


def test_nothing_is_written_by_a_shell_of_ours(settings: Any, took: Path) -> None:
    settings.AUDIT_SINK = f"/bin/echo hello > {took} ; touch {took}"
    assert sink.deliver() == 1
    assert not took.exists()


def test_a_delivery_leases_its_own_outlet_and_no_other(command: None, settings: Any) -> None:
    sink.deliver()
    other = outlets.named("another")
    row = Outlet.objects.filter(pk=outlets.named(outlets.sink_name(settings.AUDIT_SINK)).pk)
    row.update(seal=other.seal)
    due_again()
    before = Outlet.objects.get(pk=other.pk).next_try
    assert sink.deliver() == 1
    assert Outlet.objects.get(pk=other.pk).next_try == before


def test_of_two_workers_one_delivers(command: None, settings: Any, took: Path) -> None:
    outlet = outlets.named(outlets.sink_name(settings.AUDIT_SINK))
    Outlet.objects.filter(pk=outlet.pk).update(next_try=Now() + sink.LEASE)
    assert sink.deliver() == 0
    assert not took.exists()


# Addresses -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """TLS for localhost, trusted as an operator trusts an authority of their own."""
    certificate = certificates.for_localhost(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_an_https_address_takes_one_line_of_json(settings: Any, secure: ssl.SSLContext) -> None:
    with running(lambda asked: http(204), tls=secure) as host:
        settings.AUDIT_SINK = f"https://localhost:{host.port}/in/{SECRET}?a=b"
        assert sink.deliver() == 1
    (asked,) = host.asked
    assert (asked.method, asked.target) == ("POST", f"/in/{SECRET}?a=b")
    assert asked.headers["content-type"] == "application/json"
    assert json.loads(asked.body) == checkpoints.line_of(Seal.objects.latest("number"))
    assert asked.body.count(b"\n") == 1


def test_a_host_nobody_vouches_for_gets_nothing(
    settings: Any, secure: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with running(lambda asked: http(204), tls=secure) as host:
        settings.AUDIT_SINK = f"https://localhost:{host.port}/{SECRET}"
        fails("it ended with 1: SSLError")
    assert host.asked == []


@pytest.mark.parametrize("status", [301, 307, 400, 404, 500])
def test_any_answer_but_a_2xx_is_a_failure_and_no_redirect_is_followed(
    settings: Any, raw_host: MakeHost, status: int
) -> None:
    other = raw_host(lambda asked: http(200))
    host = raw_host(lambda asked: http(status, location=other.url("elsewhere")))
    settings.AUDIT_SINK = host.url(SECRET)
    fails(f"answered {status}")
    assert other.asked == []


def test_a_host_that_answers_drop_by_drop_or_with_nonsense_holds_up_nobody(
    settings: Any, raw_host: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drops(asked: Asked) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nX: "
        while True:
            yield b"x"

    settings.AUDIT_SINK = raw_host(lambda asked: b"\x00\x01nonsense\r\n\r\n").url(SECRET)
    fails("it ended with 1")
    monkeypatch.setattr(sink, "SECONDS", 2.0)
    settings.AUDIT_SINK = raw_host(drops).url(SECRET)
    assert sink.deliver() == 0


def test_the_address_stands_in_no_row_and_no_line_of_the_log(
    settings: Any, free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AUDIT_SINK = f"http://localhost:{free_port}/{SECRET}"
    with caplog.at_level(logging.DEBUG):
        fails("it ended with 1")
    assert SECRET not in caplog.text + str(list(Outlet.objects.values()))
