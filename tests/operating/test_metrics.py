"""What /metrics says, to whom, and that no label grows with what strangers send."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from accounts.mail.models import Mail
from accounts.models import User
from audit import log
from audit.chain import sealing
from audit.tags import Tag
from common.clock import database_now
from common.leases import LEASE
from recoverydesk import settings_rules
from recoverydesk.environment import WrongSetting
from recoverydesk.operating import front_door, last_runs
from recoverydesk.operating.metrics import database, http, page
from recoverydesk.operating.models import LastRun
from recoverydesk.recovery.background import heartbeat, probe_rounds, sweep
from recoverydesk.recovery.models import Boundary, CodeHost, Probe, RecoveryTicket, Status, Turn
from tests.helpers.ports import free_port
from tests.services import processes, servers

TOKEN = "a-token-of-at-least-thirty-two-characters"  # noqa: S105
LABELS = {"status", "turn", "host", "verdict", "why", "state", "code", "kind", "command", "part", "event", "view", "le"}
Values = dict[tuple[str, ...], float]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


def shown(text: str, name: str) -> Values:
    """The values of a metric by the values of its labels."""
    families = {family.name: family for family in text_string_to_metric_families(text)}
    samples = families[f"recoverydesk_{name}"].samples
    return {tuple(sample.labels.values()): sample.value for sample in samples}


def ask(name: str) -> Values:
    return shown(page.text().decode(), name)


# Who may read it ------------------------------------------------------------------------------------------------------


def get(client: Client, authorization: str = "") -> Any:
    return client.get("/metrics", headers={"Authorization": authorization} if authorization else {})


def test_without_the_setting_there_is_no_page(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert get(client).status_code == 404
    assert get(client, "Bearer ").status_code == 404


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", "Bearer ñ", TOKEN])
def test_who_lacks_the_token_reads_nothing(client: Client, sent: str) -> None:
    answer = get(client, sent)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert b"recoverydesk" not in answer.content


def test_who_has_the_token_reads_all(client: Client) -> None:
    answer = get(client, f"Bearer {TOKEN}")
    assert answer.status_code == 200
    assert "text/plain" in answer.headers["Content-Type"]
    assert "no-cache" in answer.headers["Cache-Control"]
    assert b"recoverydesk_tickets" in answer.content
    assert not answer.cookies


@pytest.mark.parametrize("token", ["short", "x" * 31, "with a space in it and thirty-two characters"])
def test_a_token_that_can_be_guessed_ends_the_start(token: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WrongSetting):
        settings_rules.refuse_short_token("METRICS_TOKEN", token)
    assert token not in capsys.readouterr().err


# What it says ---------------------------------------------------------------------------------------------------------


def test_few_queries(ada: User, django_assert_max_num_queries: Callable[[int], AbstractContextManager[Any]]) -> None:
    busy_day(ada)
    with django_assert_max_num_queries(30):
        page.text()


def busy_day(user: User) -> Boundary:
    """A ticket of ours, looks at fifty hosts, a queued and a lost mail, and events."""
    ticket = RecoveryTicket.objects.create(
        subject=user, claim="email", contact="grace@example.org", source="form", requested_at=Now(),
        turn_since=Now() - timedelta(hours=2), nonce="0" * 32,
    )  # fmt: skip
    for number in range(50):
        host = f"host{number}.example"
        boundary = Boundary.objects.create(ticket=ticket, host=host, namespace="ada", kind="asked")
        for _look in range(number + 1):
            Probe.objects.create(boundary=boundary, url="https://x.example", repository="r", verdict="missing")
        CodeHost.objects.create(host=host, origin=f"https://{host}", asked_on=database_now().date(), asked=number)
    for number, (state, error) in enumerate((("queued", "SMTPDataError: (451, b'later')"), ("failed", "OSError: x"))):
        Mail.objects.create(
            kind="recovery_challenge", recipient=f"linus{number}@example.org", language="en", dedupe_key=str(number),
            message_id=f"<{number}@x>", state=state, attempts=number + 1, error=error, settled_at=Now(),
            queued_at=Now() - timedelta(minutes=10),
        )  # fmt: skip
    log.record(Tag.ACCOUNT_LOGIN_FAILURE, actor=user, subject=user)
    return boundary


def test_tickets_by_status_and_turn_and_the_oldest_of_ours(ada: User) -> None:
    busy_day(ada)
    found = ask("tickets")
    assert found[Status.NEW, Turn.OURS] == 1
    assert sum(found.values()) == 1
    assert ask("ours_oldest_seconds")[()] == pytest.approx(7200, abs=60)


def test_the_busiest_hosts_are_named_and_the_others_are_one(ada: User) -> None:
    busy_day(ada)
    found = ask("probes_day")
    assert len(found) == database.HOSTS + 1
    assert found["host49.example", "missing"] == 50
    assert found[database.OTHERS, "missing"] == sum(range(1, 31))
    looks = ask("looks_today")
    assert len(looks) == database.HOSTS
    assert looks["host49.example",] == 49
    assert ask("looks_limit").keys() == looks.keys()


def test_a_look_of_yesterday_does_not_count(ada: User) -> None:
    busy_day(ada)
    Probe.objects.update(probed_at=Now() - timedelta(hours=25))
    assert ask("probes_day") == {}


def test_hosts_that_are_not_asked(ada: User) -> None:
    busy_day(ada)
    CodeHost.objects.filter(host="host1.example").update(circuit_open_until=Now() + timedelta(minutes=5))
    CodeHost.objects.filter(host="host2.example").update(circuit_open_until=Now() - timedelta(minutes=5))
    CodeHost.objects.filter(host__in=["host3.example", "host4.example"]).update(paused_at=Now())
    assert ask("hosts_stopped") == {("resting",): 1, ("paused",): 2}


def test_the_outbox(ada: User) -> None:
    busy_day(ada)
    assert ask("mails") == {("queued",): 1, ("retried",): 1, ("failed",): 1, ("bounced",): 0}
    assert ask("mails_oldest_seconds")[()] == pytest.approx(600, abs=60)
    assert ask("mails_refused") == {("451",): 1, (database.NO_CODE,): 1}


def test_leases_that_somebody_holds(ada: User) -> None:
    busy_day(ada)
    Mail.objects.filter(state="queued").update(leased_until=Now() + LEASE - timedelta(seconds=30))
    assert ask("leases")["mail",] == 1
    assert ask("leases_oldest_seconds")["mail",] == pytest.approx(30, abs=10)
    assert ask("leases")["ticket",] == 0


def test_events_that_are_not_sealed(ada: User) -> None:
    busy_day(ada)
    assert ask("events_unsealed")[()] == 1
    sealing.seal()
    assert ask("events_unsealed") == {(): 0}
    assert ask("events_unsealed_seconds") == {(): 0}


def test_refusals_by_the_tag_of_their_event(ada: User) -> None:
    busy_day(ada)
    found = ask("refusals_hour")
    assert found[Tag.ACCOUNT_LOGIN_FAILURE,] == 1
    assert {Tag.ACCOUNT_REFUSED, Tag.ACCOUNT_RECOVERY_REFUSED, Tag.DESK_LOOKUP_REFUSED} <= {one for (one,) in found}


def test_a_round_says_how_long_each_part_took(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep.sweep()
    assert {part for (part,) in ask("sweep_seconds")} == set(heartbeat.PARTS)
    assert ask("sweep_age_seconds")[()] == pytest.approx(0, abs=30)


def test_a_part_that_a_later_version_wrote_is_no_label() -> None:
    heartbeat.beat({"requests": 1.5, "of a later version": 2})
    assert ask("sweep_seconds") == {("requests",): 1.5}


def test_a_part_that_fails_fails_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> int:
        raise OperationalError("gone")

    monkeypatch.setattr(probe_rounds, "probe_due", fails)
    with pytest.raises(OperationalError):
        sweep.sweep()
    assert heartbeat.last() is None


@pytest.mark.parametrize("command", last_runs.LASTING)
def test_how_a_command_ended_is_kept(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for code in (0, 3):

        def ends(_words: list[str], code: int = code) -> None:
            if code:
                raise SystemExit(code)

        monkeypatch.setattr(front_door, "execute_from_command_line", ends)
        with pytest.raises(SystemExit) if code else _nothing():
            front_door.manage(["recoverydesk", command])
        assert LastRun.objects.get().code == code
    assert ask("command_exit_code") == {(command,): 3}
    assert ask("command_seconds")[command,] == pytest.approx(0, abs=30)


def _nothing() -> AbstractContextManager[Any]:
    return pytest.MonkeyPatch.context()


def test_other_commands_leave_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_door, "execute_from_command_line", lambda _words: None)
    front_door.manage(["recoverydesk", "sweep"])
    assert not LastRun.objects.exists()


def test_a_database_that_is_away_is_a_number_and_the_page_still_answers(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(connection, "cursor", away)
    answer = get(client, f"Bearer {TOKEN}")
    assert answer.status_code == 200
    assert shown(answer.content.decode(), "part_ready")["database",] == 0
    assert b"recoverydesk_tickets" not in answer.content


# Labels ---------------------------------------------------------------------------------------------------------------


def test_no_label_names_a_person_and_no_other_label_is_there(ada: User, client: Client) -> None:
    busy_day(ada)
    client.post("/account/login/", {"login": "margaret", "password": "x"})
    text = page.text().decode()
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    assert {label for one in samples for label in one.labels} <= LABELS
    assert [name for name in ("ada", "grace", "linus", "margaret", "@") if name in text] == []


def test_what_strangers_send_makes_no_label(client: Client, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {}  # else 429 is one more status

    def labels() -> set[tuple[str, str]]:
        families = text_string_to_metric_families(http.text().decode())
        return {(one.labels["view"], one.labels["status"]) for family in families for one in family.samples}

    client.get("/nowhere/")
    client.get("/projects/one/")
    before = labels()
    for number in range(30):
        client.get(
            f"/nowhere/{number}/", headers={"X-Forwarded-For": f"198.51.100.{number}", "User-Agent": f"a{number}"}
        )
        client.get(f"/projects/p{number}/?q={number}")
    assert labels() == before
    assert (http.NO_VIEW, "404") in before


# The processes of the web ---------------------------------------------------------------------------------------------


@pytest.fixture
def web(tmp_path: Any) -> Iterator[str]:
    port, var = free_port(), str(tmp_path / "var")
    given = {"VAR_DIR": var, "METRICS_TOKEN": TOKEN, "TMPDIR": str(tmp_path), "LOG_LEVEL": "INFO"}
    with processes.running([sys.executable, "manage.py", "migrate"], given, tmp_path / "migrate.log") as migrate:
        assert migrate.child.wait(300) == 0
    command = processes.web_command("--bind", f"127.0.0.1:{port}")
    with processes.running(command, given, tmp_path / "web.log") as process:
        servers.wait_for(lambda: servers.listens(port), "gunicorn")
        yield f"http://localhost:{port}"
        process.child.terminate()
        process.child.wait(60)
    assert list(tmp_path.glob("recoverydesk-*")) == []


@pytest.mark.thorough
def test_every_process_of_the_web_tells_what_all_have_counted(web: str) -> None:
    for _request in range(40):
        requests.get(f"{web}/livez", timeout=10)
    counted = []
    for _request in range(8):
        answer = requests.get(f"{web}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
        found = re.search(r'recoverydesk_http_seconds_count\{.*view="livez".*\} (\d+)', answer.text)
        assert found
        counted.append(int(found[1]))
    assert counted == [40] * 8
