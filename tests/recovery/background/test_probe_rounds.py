"""Rounds of probing: what is learned of hosts, and how patiently they are asked, against real and raw hosts."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.template.loader import render_to_string

from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from common import leases
from common.clock import database_now
from common.transport.client import Client as Conversation
from common.transport.client import Limits
from recoverydesk.demo import codehost as git_host
from recoverydesk.recovery import notices, workflow
from recoverydesk.recovery.background import probe_rounds
from recoverydesk.recovery.code_hosts import described, learned, limits
from recoverydesk.recovery.errors import NotAllowed
from recoverydesk.recovery.models import Boundary, CodeHost, Probe, RecoveryTicket
from recoverydesk.recovery.permissions import SYSTEM
from recoverydesk.recovery.probing import questions
from recoverydesk.recovery.probing.answers import ADVERTISEMENT, RESULT
from recoverydesk.recovery.probing.git import line
from recoverydesk.recovery.probing.patience import FAILURES
from recoverydesk.recovery.probing.probe import look
from recoverydesk.recovery.probing.verdicts import Result, Verdict
from recoverydesk.recovery.repository_urls.known_hosts import USUAL
from recoverydesk.recovery.repository_urls.parser import Place
from tests.helpers import factories
from tests.helpers.far_ends import OID, V2, Answer, Asked, MakeHost, RawHost, Said, drip, http, speaks
from tests.helpers.hosts import Host, serve
from tests.helpers.tickets import add_boundary, as_staff, make_moderator, make_ticket, stay_clear_of_midnight

pytestmark = pytest.mark.django_db(transaction=True)
A_MINUTE = timedelta(seconds=61)
NOTHING = speaks(b"0000")
"""A host that lacks every branch."""


def describe(host: RawHost | Host) -> CodeHost:
    """Let the desk ask there."""
    key = host.key if isinstance(host, Host) else f"localhost:{host.port}"
    return CodeHost.objects.create(host=key, origin=f"http://{key}", private=True, plain_http=True)


def waiting(url: str, *, ticket: RecoveryTicket | None = None, repositories: int = 1, name: str = "ada") -> Boundary:
    """A boundary of a challenged ticket that is due, with so many repositories at the owner's URL."""
    host, _, namespace = url.removeprefix("http://").partition("/")
    urls = [f"{url}/tool{n or ''}" for n in range(repositories)]
    ticket = ticket or make_ticket(factories.make_user(f"user{User.objects.count()}"))
    listed = [{"url": one, "repository": one.rpartition("/")[2]} for one in urls]
    return add_boundary(ticket, namespace, host=host, repositories=listed, next_probe_at=database_now())


def due_again() -> None:
    """More than a minute later."""
    Boundary.objects.update(next_probe_at=Now(), leased_until=None, last_probed_at=F("last_probed_at") - A_MINUTE)


def posts(host: RawHost) -> list[Asked]:
    return [asked for asked in host.asked if asked.method == "POST"]


def test_the_second_round_asks_in_one_request(host: Host) -> None:
    host.create("ada/tool")
    boundary = waiting(f"{host.url}/ada")
    for _ in range(2):
        due_again()
        assert probe_rounds.probe_due() == 1
    first, second = Probe.objects.filter(boundary=boundary).order_by("id")
    assert (first.verdict, first.protocol, first.requests) == (Verdict.MISSING, "v2", 2)
    assert (second.verdict, second.protocol, second.requests) == (Verdict.MISSING, "v2-direct", 1)
    row = CodeHost.objects.get()
    assert (row.protocol, row.failures, row.asked, row.leased_until) == ("v2-direct", 0, 2, None)


def test_what_was_learned_is_forgotten_after_seven_days(raw_host: MakeHost) -> None:
    host = raw_host(NOTHING)
    CodeHost.objects.filter(pk=describe(host).pk).update(protocol="v2-direct", learned_at=Now() - timedelta(days=7))
    waiting(host.url("ada"))
    probe_rounds.probe_due()
    assert [asked.method for asked in host.asked] == ["GET", "POST"]
    assert database_now() - (CodeHost.objects.get().learned_at or datetime.min) < timedelta(minutes=1)


def test_a_host_that_answers_only_after_its_advertisement_is_remembered_so(raw_host: MakeHost) -> None:
    offered: list[Asked] = []

    def answer(asked: Asked) -> bytes:
        if asked.method == "GET":
            offered.append(asked)
            return http(200, ADVERTISEMENT, V2)
        return http(200, RESULT, b"0000") if offered else http(400)

    host = raw_host(answer)
    CodeHost.objects.filter(pk=describe(host).pk).update(protocol="v2-direct", learned_at=Now())
    waiting(host.url("ada"))
    probe_rounds.probe_due()
    assert [asked.method for asked in host.asked] == ["POST", "GET", "POST"]
    assert CodeHost.objects.get().protocol == "v2"
    assert Probe.objects.get().verdict == Verdict.MISSING


def test_one_repository_served_as_files_does_not_undo_what_its_host_speaks(raw_host: MakeHost) -> None:
    host = raw_host(
        lambda asked: http(200, "text/plain", OID + b"\trefs/heads/main\n") if asked.method == "GET" else http(404)
    )
    CodeHost.objects.filter(pk=describe(host).pk).update(protocol="v2-direct", learned_at=Now())
    waiting(host.url("ada"))
    probe_rounds.probe_due()
    assert Probe.objects.get().protocol == "dumb"
    assert CodeHost.objects.get().protocol == "v2-direct"


def test_a_public_host_gets_a_row_that_makes_no_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_a, **_k: [])
    ticket = make_ticket(factories.make_user("ada"))
    urls = ["https://git.example.org/ada/tool.git", "https://git.example.org:8443/ada/tool.git"]
    listed = [{"url": url, "repository": "tool"} for url in urls]
    boundary = add_boundary(ticket, host="git.example.org", repositories=listed, next_probe_at=database_now())
    probe_rounds.probe_due()
    row = CodeHost.objects.exclude(host="*.example.org").get()
    assert (row.host, row.described, row.failures) == ("git.example.org", False, 1)
    assert described.stored_hosts() == {}
    assert {probe.verdict for probe in boundary.probes.all()} == {Verdict.BLOCKED, Verdict.UNREACHABLE}


def test_staff_may_describe_a_host_that_was_learned_and_pause_one_that_was_not_described() -> None:
    CodeHost.objects.create(host="git.example.org", origin="https://git.example.org", described=False)
    described.describe_host("https://git.example.org", style="nested")
    assert list(described.stored_hosts()) == ["git.example.org"]
    assert Event.objects.filter(tag=Tag.CODEHOST_ADD).count() == 1
    CodeHost.objects.create(host="github.com", origin="https://github.com", described=False)
    described.pause("github.com")
    ticket = make_ticket(factories.make_user("ada"))
    listed = [{"url": "https://github.com/ada/tool", "repository": "tool"}]
    boundary = add_boundary(ticket, host="github.com", repositories=listed, next_probe_at=database_now())
    assert probe_rounds.probe_due() == 1
    probe = boundary.probes.get()
    assert (probe.verdict, probe.detail, probe.requests) == ("unreachable", "staff have paused this code host", 0)


def test_several_tickets_on_one_repository_are_one_request(raw_host: MakeHost) -> None:
    host = raw_host(NOTHING)
    describe(host)
    boundaries = [waiting(host.url("ada")) for _ in range(5)]
    Boundary.objects.filter(pk=boundaries[4].pk).update(next_probe_at=Now() + timedelta(seconds=50))
    assert probe_rounds.probe_due() == 5
    (question,) = posts(host)
    tokens = {notices.token_of(boundary.ticket) for boundary in boundaries}
    assert len(tokens) == 5
    assert all(f"ref-prefix refs/heads/{token[:18]}\n".encode() in question.body for token in tokens)
    assert not any(token.encode() in question.body for token in tokens)
    assert Probe.objects.filter(verdict=Verdict.MISSING).count() == 5


def test_each_ticket_of_a_shared_request_gets_its_own_answer(host: Host) -> None:
    folder = git_host.folder_of(host.root, "ada/tool")
    host.create("ada/tool")
    lucky, other = waiting(f"{host.url}/ada"), waiting(f"{host.url}/ada")
    git_host.git(folder, "branch", notices.token_of(lucky.ticket), "main")
    probe_rounds.probe_due()
    lucky.refresh_from_db()
    other.refresh_from_db()
    assert (lucky.last_verdict, other.last_verdict) == ("found", "missing")
    assert other.proved_at is None


def test_the_search_ends_where_the_branch_is_found(raw_host: MakeHost) -> None:
    known: list[str] = []

    def answer(asked: Asked) -> Said:
        there = line(OID + b" refs/heads/" + known[0].encode()) if "tool1" in asked.target else b""
        return speaks(there + b"0000")(asked)

    host = raw_host(answer)
    CodeHost.objects.filter(pk=describe(host).pk).update(protocol="v2-direct", learned_at=Now())
    boundary = waiting(host.url("ada"), repositories=9)
    known.append(notices.token_of(boundary.ticket))
    probe_rounds.probe_due()
    boundary.refresh_from_db()
    assert boundary.proof is not None
    assert boundary.proof.url.endswith("/tool1")
    assert len(posts(host)) < 9


def test_a_proof_keeps_how_it_was_seen_and_how_to_see_it_again_without_the_name(host: Host, tmp_path: Path) -> None:
    boundary = waiting(f"{host.url}/ada")
    token = notices.token_of(boundary.ticket)
    host.create("ada/tool")
    host.push(f"{host.url}/ada/tool", token, tmp_path)
    probe_rounds.probe_due()
    boundary.refresh_from_db()
    proof = boundary.proof
    assert proof is not None
    assert (proof.protocol, proof.peer, len(proof.object_id)) == ("v2", "127.0.0.1", 40)
    assert proof.show_how == f"git ls-remote {host.url}/ada/tool.git refs/heads/BRANCH"
    shown = render_to_string("admin/recovery/_show_how.html", {"probe": proof})
    assert proof.show_how in shown
    assert proof.object_id in shown
    assert token not in shown


def test_at_most_two_at_a_time_and_no_faster_than_the_bucket(raw_host: MakeHost) -> None:
    busy, most = [0], [0]
    changed = threading.Condition()

    def answer(asked: Asked) -> Iterator[bytes]:
        with changed:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
            changed.notify_all()
            changed.wait_for(lambda: most[0] >= 2, timeout=60)
        time.sleep(0.05)
        with changed:
            busy[0] -= 1
        yield http(200, RESULT, b"0000")

    host = raw_host(answer)
    CodeHost.objects.filter(pk=describe(host).pk).update(protocol="v2-direct", learned_at=Now(), tokens=5)
    for number in range(3):
        waiting(host.url(f"owner{number}"), repositories=2)
    began = time.monotonic()
    assert probe_rounds.probe_due() == 3
    assert (len(host.asked), most[0]) == (6, 2)
    seconds = time.monotonic() - began
    assert 0 <= CodeHost.objects.get().tokens <= 5 + seconds - 6  # so the sixth look had to wait for its second


def test_another_workers_visit_is_respected_and_the_others_are_asked_meanwhile(raw_host: MakeHost) -> None:
    visited, free = raw_host(NOTHING), raw_host(NOTHING)
    row = describe(visited)
    describe(free)
    (_lease,) = leases.claim(CodeHost.objects.filter(pk=row.pk), limit=1)
    held = [waiting(visited.url(f"owner{n}")) for n in range(40)]
    asked, began = waiting(free.url("ada")), database_now()
    assert probe_rounds.probe_due() == 1
    asked.refresh_from_db()
    assert (asked.last_verdict, visited.asked) == ("missing", [])
    probe_rounds.probe_ticket(held[0].ticket_id, actor=SYSTEM)
    held[0].refresh_from_db()
    assert visited.asked == []
    assert held[0].next_probe_at is not None
    assert began < held[0].next_probe_at < database_now() + timedelta(seconds=6)


def test_after_two_thousand_looks_the_host_rests_until_tomorrow(raw_host: MakeHost) -> None:
    host = raw_host(NOTHING)
    stay_clear_of_midnight()
    today = database_now().astimezone(UTC).date()
    CodeHost.objects.filter(pk=describe(host).pk).update(
        asked_on=today, asked=USUAL.a_day - 1, protocol="v2-direct", learned_at=Now(), tokens=5
    )
    boundaries = [waiting(host.url(f"owner{n}")) for n in range(3)]
    assert probe_rounds.probe_due() == 1
    due_again()
    assert probe_rounds.probe_due() == 0
    assert len(host.asked) == 1
    midnight = datetime.combine(today + timedelta(days=1), datetime.min.time(), UTC)
    assert {row.next_probe_at for row in Boundary.objects.filter(pk__in=[b.pk for b in boundaries])} == {midnight}
    CodeHost.objects.update(asked_on=today - timedelta(days=1))
    due_again()
    assert probe_rounds.probe_due() == 3


def test_a_host_is_asked_as_often_a_day_as_its_row_says(raw_host: MakeHost) -> None:
    host = raw_host(NOTHING)
    stay_clear_of_midnight()
    today = database_now().astimezone(UTC).date()
    row = CodeHost.objects.filter(pk=describe(host).pk)
    row.update(asked_on=today, asked=USUAL.a_day, protocol="v2-direct", learned_at=Now(), looks_a_day=USUAL.a_day + 1)
    for number in range(2):
        waiting(host.url(f"owner{number}"))
    assert probe_rounds.probe_due() == 1
    row.update(looks_a_day=1, asked=0)
    due_again()
    assert probe_rounds.probe_due() == 1
    assert len(host.asked) == 2


def test_five_failures_in_a_row_open_the_circuit_for_ten_minutes(raw_host: MakeHost) -> None:
    host = raw_host(lambda asked: http(500))
    describe(host)
    boundary = waiting(host.url("ada"))
    for number in range(FAILURES):
        assert CodeHost.objects.get().failures == number
        due_again()
        probe_rounds.probe_due()
    asked = len(host.asked)
    row = CodeHost.objects.get()
    assert row.trouble == "the host is broken (HTTP 500)"
    assert row.circuit_open_until is not None
    assert timedelta(minutes=9) < row.circuit_open_until - database_now() <= timedelta(minutes=10)
    due_again()
    assert probe_rounds.probe_due() == 0
    boundary.refresh_from_db()
    assert (len(host.asked), boundary.next_probe_at) == (asked, row.circuit_open_until)


def test_an_answer_closes_the_circuit(raw_host: MakeHost) -> None:
    host = raw_host(NOTHING)
    CodeHost.objects.filter(pk=describe(host).pk).update(failures=7, circuit_open_until=Now() - timedelta(seconds=1))
    waiting(host.url("ada"))
    assert probe_rounds.probe_due() == 1
    row = CodeHost.objects.get()
    assert (row.failures, row.circuit_open_until, row.trouble) == (0, None, "")


def test_a_failure_ends_the_visit_and_leaves_the_rest_for_later(raw_host: MakeHost) -> None:
    host = raw_host(lambda asked: http(503, Retry_After="600"))
    describe(host)
    boundaries = [waiting(host.url(f"owner{n}")) for n in range(6)]
    probe_rounds.probe_due()
    assert len(host.asked) <= 2
    due = [row.next_probe_at for row in Boundary.objects.filter(pk__in=[b.pk for b in boundaries])]
    assert all(one and one > database_now() + timedelta(seconds=590) for one in due)


def test_retry_after_wins_over_the_schedule(raw_host: MakeHost) -> None:
    host = raw_host(lambda asked: http(429, Retry_After="7200"))
    describe(host)
    boundary = waiting(host.url("ada"))
    probe_rounds.probe_due()
    boundary.refresh_from_db()
    assert boundary.next_probe_at is not None
    assert timedelta(seconds=7190) < boundary.next_probe_at - database_now() < timedelta(seconds=8000)


def test_a_long_list_is_gone_round_twenty_at_a_time(raw_host: MakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recoverydesk.recovery.probing.patience.BURST", 100.0)
    host = raw_host(NOTHING)
    CodeHost.objects.filter(pk=describe(host).pk).update(protocol="v2-direct", learned_at=Now(), tokens=100)
    boundary = waiting(host.url("ada"), repositories=30)
    for _ in range(3):
        due_again()
        probe_rounds.probe_due()
    looked = list(boundary.probes.order_by("id").values_list("url", flat=True))
    expected = [one["url"] for one in boundary.repositories]
    assert len(looked) == 60
    assert sorted(looked[:30]) == sorted(looked[30:]) == sorted(expected)


def test_what_breaks_in_one_look_stops_nobody_else(raw_host: MakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    host = raw_host(NOTHING)
    describe(host)
    broken, healthy = waiting(host.url("eve")), waiting(host.url("ada"))

    def fragile(client: Conversation, place: Place, *args: Any, **keywords: Any) -> list[Result]:
        if place.namespace == "eve":
            raise RuntimeError("ours")
        return look(client, place, *args, **keywords)

    monkeypatch.setattr(questions, "look", fragile)
    assert probe_rounds.probe_due() == 1
    broken.refresh_from_db()
    healthy.refresh_from_db()
    assert (broken.last_verdict, healthy.last_verdict) == ("", "missing")
    assert broken.leased_until is None
    assert broken.next_probe_at is not None
    assert broken.next_probe_at > database_now()


def test_twenty_healthy_probes_end_while_eight_hosts_drip(raw_host: MakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Done-when 3 without its clock: every healthy answer is kept before the first dripping host is given up.

    The patience with those who drip ends when the last healthy answer is kept.
    """
    stopped: list[RawHost] = []
    slow = [raw_host(_dripping(stopped)) for _ in range(8)]
    stopped.append(slow[0])
    fast = [raw_host(NOTHING) for _ in range(4)]
    for host in (*slow, *fast):
        describe(host)
    for host in slow:
        waiting(host.url("eve"))
    for number in range(20):
        waiting(fast[number % 4].url(f"owner{number}"))
    order: list[str] = []
    record = workflow.record_probe

    def recording(ticket_id: int, boundary_id: int, **keywords: Any) -> RecoveryTicket:
        order.extend(result.verdict for _url, result in keywords["results"])
        return record(ticket_id, boundary_id, **keywords)

    def clock() -> float:
        return time.monotonic() + (100 if order.count(Verdict.MISSING) == 20 else 0)

    monkeypatch.setattr(workflow, "record_probe", recording)
    monkeypatch.setattr("common.transport.sockets.time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(probe_rounds, "limits", lambda: Limits(step=90, total=90))
    assert probe_rounds.probe_due() == 28
    assert order == [Verdict.MISSING] * 20 + [Verdict.UNREACHABLE] * 8


def _dripping(box: list[RawHost]) -> Answer:
    return lambda asked: drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"y", box)


def test_unused_rows_of_hosts_nobody_described_are_forgotten() -> None:
    old = Now() - timedelta(days=31)
    for name, fields in {
        "used.example": {"described": False, "tokens_at": Now()},
        "unused.example": {"described": False, "tokens_at": old},
        "described.example": {"described": True, "tokens_at": old},
        "paused.example": {"described": False, "tokens_at": old, "paused_at": old},
    }.items():
        CodeHost.objects.filter(pk=CodeHost.objects.create(host=name, origin=f"https://{name}").pk).update(**fields)
    learned.forget_unused()
    assert not CodeHost.objects.filter(host="unused.example").exists()
    assert CodeHost.objects.count() == 3


def test_probe_now_ends_the_rest_and_makes_every_look_due(raw_host: MakeHost) -> None:
    host = raw_host(NOTHING)
    row = describe(host)
    until = database_now() + timedelta(minutes=10)
    CodeHost.objects.filter(pk=row.pk).update(failures=5, circuit_open_until=until, trouble="x")
    boundary = waiting(host.url("ada"))
    elsewhere = waiting("http://other.example/ada")
    Boundary.objects.update(next_probe_at=until)
    assert learned.probe_now(row, actor=as_staff(make_moderator())) == 1
    assert probe_rounds.probe_due() == 1
    boundary.refresh_from_db()
    elsewhere.refresh_from_db()
    assert (boundary.last_verdict, elsewhere.last_verdict) == ("missing", "")
    event = Event.objects.get(tag=Tag.CODEHOST_PROBE_NOW)
    assert (event.actor_name, event.data["looks"]) == ("mod", 1)
    with pytest.raises(NotAllowed):
        learned.probe_now(row, actor=as_staff(factories.make_user("kim", staff=True)))


def test_a_project_hub_is_probed_where_its_code_lives() -> None:
    ticket = make_ticket(factories.make_user("ada"))
    later = database_now() + timedelta(hours=1)
    boundary = add_boundary(ticket, "docutils", host="sourceforge.net", next_probe_at=later)
    assert list(learned.boundaries_at("hg.code.sf.net")) == [boundary]
    assert list(learned.boundaries_at("github.com")) == []


def test_check_branch_remembers_what_a_host_speaks(tmp_path: Path) -> None:
    from tests.helpers.commands import exit_code

    git_host.create_repository(tmp_path, "ada/tool")
    with serve(git_host.make_app(tmp_path)) as url:
        described.describe_host(url, private=True, plain_http=True)
        answers = [exit_code("check_branch", f"{url}/ada/tool", "main") for _ in range(2)]
    assert [code for code, _out in answers] == [0, 0]
    assert f"git ls-remote {url}/ada/tool.git refs/heads/main" in answers[0][1]
    row = CodeHost.objects.get()
    assert (row.protocol, row.asked, row.leased_until) == ("v2-direct", 2, None)


# Neighbours ----------------------------------------------------------------------------------------------------------


def strangers(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> list[Boundary]:
    """Boundaries at hosts nobody described, whose names lead nowhere."""
    monkeypatch.setattr("socket.getaddrinfo", lambda *_a, **_k: [])
    found = []
    for host in hosts:
        listed = [{"url": f"https://{host}/ada/tool", "repository": "tool"}]
        ticket = make_ticket(factories.make_user(f"user{User.objects.count()}"))
        found.append(add_boundary(ticket, host=host, repositories=listed, next_probe_at=database_now()))
    return found


def test_hosts_below_one_domain_share_a_bucket_that_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    strangers(monkeypatch, "a.evil.co.uk", "b.evil.co.uk", "c.other.co.uk", "github.com")
    assert probe_rounds.probe_due() == 4
    domains = {row.host: row for row in CodeHost.objects.filter(host__startswith="*")}
    assert set(domains) == {"*.evil.co.uk", "*.other.co.uk"}
    assert domains["*.evil.co.uk"].tokens < domains["*.other.co.uk"].tokens < 5
    assert {(row.lease, row.described) for row in domains.values()} == {(None, False)}
    assert described.stored_hosts() == {}


def test_below_a_domain_another_worker_asks_nobody_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    below, elsewhere = strangers(monkeypatch, "new.evil.example", "git.other.example")
    row = CodeHost.objects.create(host="*.evil.example", origin="https://*.evil.example", described=False)
    leases.claim(CodeHost.objects.filter(pk=row.pk), limit=1)
    probe_rounds.probe_due()
    below.refresh_from_db()
    elsewhere.refresh_from_db()
    assert (below.last_verdict, elsewhere.last_verdict) == ("", "unreachable")
    assert below.next_probe_at is not None
    assert database_now() < below.next_probe_at < database_now() + timedelta(seconds=6)
    assert CodeHost.objects.get(host="new.evil.example").leased_until is None


def test_a_host_staff_have_set_a_pace_for_leaves_its_domains_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    strangers(monkeypatch, "own.evil.example", "new.evil.example")
    limits.limit("own.evil.example", a_day=None, a_second=5.0, reason="its owner wrote to us")
    CodeHost.objects.create(host="*.evil.example", origin="https://*.evil.example", described=False)
    leases.claim(CodeHost.objects.filter(host="*.evil.example"), limit=1)
    probe_rounds.probe_due()
    verdicts = dict(Boundary.objects.values_list("host", "last_verdict"))
    assert verdicts == {"own.evil.example": "unreachable", "new.evil.example": ""}


def test_a_domain_may_have_a_pace_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    strangers(monkeypatch, "a.evil.example", "b.evil.example")
    row = CodeHost.objects.create(host="*.evil.example", origin="https://*.evil.example", described=False)
    CodeHost.objects.filter(pk=row.pk).update(tokens=1.5, tokens_at=Now(), looks_a_second=0.01)
    monkeypatch.setattr("recoverydesk.recovery.probing.patience.VISIT_SECONDS", 5.0)
    probe_rounds.probe_due()
    assert sorted(Boundary.objects.values_list("last_verdict", flat=True)) == ["", "unreachable"]


def test_what_was_seen_in_the_last_minute_answers_whoever_asks_again(raw_host: MakeHost) -> None:
    host = raw_host(NOTHING)
    row = describe(host)
    boundary = waiting(host.url("ada"))
    for _ in range(2):  # the desk's own first look, and the claimant's
        Boundary.objects.update(next_probe_at=Now())
        probe_rounds.probe_due()
    asked = len(host.asked)
    Boundary.objects.update(next_probe_at=Now())
    learned.probe_now(row, actor=as_staff(make_moderator()))
    assert (probe_rounds.probe_due(), probe_rounds.probe_ticket(boundary.ticket_id, actor=SYSTEM)) == (0, 0)
    assert (len(host.asked), boundary.probes.count()) == (asked, 2)
    due_again()
    assert probe_rounds.probe_due() == 1
    assert len(host.asked) > asked
