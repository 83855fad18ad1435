"""What web, worker, beat and commands write: JSON in production, an id on every line, and no secret on any."""

import http.client
import json
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.helpers.lookalikes import BRANCH, KEY, TOKEN
from tests.helpers.ports import free_port
from tests.helpers.production import PRODUCTION
from tests.services import processes, servers

SECRETS = (KEY, BRANCH, TOKEN, "ada@example.org", "pass-word")
TELLING = f"{KEY} {BRANCH} {TOKEN} ada@example.org redis://desk:pass-word@127.0.0.1:6379/0"


def in_production(broker: str) -> dict[str, str]:
    """A production environment where the tests have PostgreSQL, else a local one that writes the same lines."""
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("postgresql"):
        return {"LOG_FORMAT": "json", "LOG_LEVEL": "INFO", "BROKER_URL": broker}
    where = f"{database['HOST']}:{database['PORT'] or 5432}/postgres"
    url = f"postgres://{database['USER']}:{database['PASSWORD']}@{where}"
    return {
        **PRODUCTION,
        "DATABASE_URL": url,
        "BROKER_URL": broker,
        "CACHE_URL": broker.replace("redis:", "rediscache:"),
    }


def read(process: processes.Process, part: str) -> list[dict[str, Any]]:
    """Every line it wrote: each is an object with an id, and holds no secret."""
    lines = [json.loads(line) for line in process.said().splitlines()]
    assert lines
    for line in lines:
        assert {"event", "level", "logger", "timestamp", "id", "part"} <= line.keys()
        assert (line["part"], line["id"].split("-")[0] in ("process", "task", "request")) == (part, True)
    assert not [secret for secret in SECRETS if secret in process.said()]
    return lines


def test_a_workers_lines_bear_their_tasks_and_their_tracebacks(tmp_path: Path, broker: servers.Redis) -> None:
    with processes.worker(tmp_path, broker.url, **in_production(broker.url)) as worker:
        told, failed = processes.send(broker.url, "tell", TELLING), processes.send(broker.url, "fail", TELLING)
        worker.wait_for("raised unexpected")
        worker.wait_for("told ")
        worker.child.send_signal(signal.SIGTERM)
        worker.child.wait(60)
        lines = read(worker, "worker")
    mine = {number: [line for line in lines if line["id"] == f"task-{number}"] for number in (told, failed)}
    assert [line["event"].split()[0] for line in mine[told]][:3] == ["Task", "told", "printed"]
    assert "Traceback" in mine[failed][-1]["exception"]
    assert any(line["event"].startswith("worker: Warm shutdown") for line in lines)  # a task may still end after it


def test_beats_lines(tmp_path: Path, broker: servers.Redis) -> None:
    given = {"VAR_DIR": str(tmp_path / "var"), **in_production(broker.url)}
    with processes.running(processes.beat_command(), given, tmp_path / "beat.log") as beat:
        beat.wait_for("Sending due task seal")
        beat.child.send_signal(signal.SIGTERM)
        beat.child.wait(60)
        read(beat, "beat")


def test_gunicorns_lines_bear_the_number_that_the_answer_tells(tmp_path: Path, broker: servers.Redis) -> None:
    port = free_port()
    given = {"VAR_DIR": str(tmp_path / "var"), **in_production(broker.url)}
    command = processes.web_command("--bind", f"127.0.0.1:{port}", "--access-logfile", "-")
    with processes.running(command, given, tmp_path / "web.log") as web:
        servers.wait_for(lambda: servers.listens(port), "gunicorn")
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as line:
            host = {"Host": given.get("ALLOWED_HOSTS", "localhost")}
            line.request("GET", f"/recover/status/{KEY}/?next=ada@example.org", headers=host)
            number = line.getresponse().headers["X-Request-ID"]
        web.wait_for("GET /recover/status/")
        web.child.send_signal(signal.SIGTERM)
        web.child.wait(60)
        lines = read(web, "web")
    mine = [line for line in lines if line["id"] == f"request-{number}"]
    assert (mine[-1]["logger"], "GET /recover/status/" in mine[-1]["event"]) == ("gunicorn.access", True)


def test_a_command_that_fails_says_so_in_a_line(tmp_path: Path, broker: servers.Redis) -> None:
    given = {"VAR_DIR": str(tmp_path / "var"), **in_production(broker.url)}
    program = f"import django; django.setup(); raise ValueError({TELLING!r})"
    with processes.running([sys.executable, "-c", program], {**given, **processes.DJANGO}, tmp_path / "log") as command:
        assert command.child.wait(60) == 1
        (line,) = read(command, "command")
    assert line["exception"].startswith("Traceback")
