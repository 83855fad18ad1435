"""Hosts of one domain or one network are asked as patiently as one host."""

import ipaddress
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from common.transport.client import Limits, WebOrigin
from recoverydesk.recovery.probing import neighbours
from recoverydesk.recovery.probing.answers import RESULT
from recoverydesk.recovery.probing.neighbours import Gate, domain_of, gates_of, is_public, network_of
from recoverydesk.recovery.probing.patience import BURST, Knowledge, Visit
from recoverydesk.recovery.probing.questions import Ask, Looked, Question, Round, Stop
from tests.helpers.far_ends import TOKEN, Answer, Asked, MakeHost, RawHost, http, speaks

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_network_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_networks", {})


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("git.example.org", "*.example.org"), ("a.b.c.example.org", "*.example.org"), ("example.org", "*.example.org"),
        ("a.example.co.uk", "*.example.co.uk"), ("b.other.co.uk", "*.other.co.uk"), ("GIT.X.Org.", "*.x.org"),
        ("one.duckdns.org", "*.duckdns.org"), ("two.duckdns.org", "*.duckdns.org"), ("x.github.io", "*.github.io"),
        ("a.xn--55qx5d.cn", "*.a.xn--55qx5d.cn"), ("git.nobody-registers", "*.git.nobody-registers"), ("co.uk", ""),
        ("localhost", ""), ("192.0.2.1", ""), ("[2001:db8::1]", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_hosts_domain_is_what_somebody_registered(host: str, domain: str) -> None:
    assert domain_of(host) == domain


def test_networks_are_as_large_as_one_customers() -> None:
    spelled = ["192.0.2.1", "192.0.2.255", "192.0.3.1", "2001:db8:1::1", "2001:db8:1:ffff::1", "2001:db8:2::1"]
    found = [network_of(ipaddress.ip_address(text)) for text in spelled]
    assert found == ["192.0.2.0/24"] * 2 + ["192.0.3.0/24"] + ["2001:db8:1::/48"] * 2 + ["2001:db8:2::/48"]
    one, same, other = (gates_of([ipaddress.ip_address(text)])[0] for text in spelled[:3])
    assert one is same
    assert one is not other


def test_public_hosts_are_nobodys_neighbours() -> None:
    assert is_public("github.com")
    assert not is_public("github.com.example.org")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_gate_lets_two_in_and_five_through_and_then_one_a_second() -> None:
    clock = Clock()
    gate = Gate(clock=clock)
    assert [gate.enter(0), gate.enter(0), gate.enter(0)] == [True, True, False]
    for _ in range(4):
        gate.leave()
        assert gate.enter(0) == (gate.bucket.tokens >= 0 and gate.inside == 2)
    gate.inside = 0
    assert gate.bucket.tokens < 1
    assert not gate.enter(clock.now + 0.5)
    clock.now += 1
    assert gate.enter(clock.now)
    assert not gate.is_idle()
    gate.leave()
    clock.now += 60
    assert gate.is_idle()


def test_who_passes_one_gate_and_not_the_next_gives_its_place_back() -> None:
    clock = Clock()
    free, full = Gate(clock=clock), Gate(tokens=0, clock=clock)
    with ExitStack() as doors:
        assert not neighbours.enter(doors, [free, full], clock.now)
        assert free.inside == 1
    assert (free.inside, full.inside) == (0, 0)


def test_networks_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MOST_NETWORKS", 3)
    (busy,) = gates_of([ipaddress.ip_address("192.0.2.1")])
    assert busy.enter(0) or busy.enter(float("inf"))
    for number in range(9):
        gates_of([ipaddress.ip_address(f"198.51.{number}.1")])
    assert len(neighbours._networks) <= 5
    assert gates_of([ipaddress.ip_address("192.0.2.7")]) == [busy]


class Counter:
    """An answer that counts how many are being given at once, at all hosts together."""

    def __init__(self, together: int) -> None:
        self.busy = self.most = 0
        self.lock = threading.Lock()
        self.full = threading.Event()
        self.together = together

    def __call__(self, asked: Asked) -> Iterator[bytes]:
        with self.lock:
            self.busy += 1
            self.most = max(self.most, self.busy)
            if self.busy >= self.together:
                self.full.set()
        self.full.wait(0.2)  # time for another to come in, were it let in
        with self.lock:
            self.busy -= 1
        yield http(200, RESULT, b"0000")


def stop_at(host: RawHost, number: int, *, is_strangers: bool = True, domain: Gate | None = None) -> Stop:
    """One boundary of its own at this host, which speaks v2."""
    origin = WebOrigin("http", "localhost", host.port, allows=("http", host.port), private=True)
    known = Knowledge(protocol="v2-direct", learned_at=NOW)
    question = Question(host.place(), asks=[Ask(number, host.url(), TOKEN)])
    return Stop(origin, Visit(known, NOW), deque([question]), is_strangers=is_strangers, domain=domain)


def answered(stops: list[Stop], hosts: list[RawHost]) -> list[str]:
    rules = {key: rule for host in hosts for key, rule in host.hosts.items()}
    news = Round({stop.origin.key: stop for stop in stops}, rules, Limits()).run()
    return [result.verdict for one in news if isinstance(one, Looked) for _url, result in one.seen]


def test_many_hosts_of_one_network_are_asked_two_at_a_time(raw_host: MakeHost) -> None:
    counter = Counter(3)
    hosts = [raw_host(counter) for _ in range(5)]
    assert answered([stop_at(host, number) for number, host in enumerate(hosts)], hosts) == ["missing"] * 5
    assert counter.most <= 2
    (gate,) = gates_of([ipaddress.ip_address("127.0.0.1")])
    assert gate.bucket.tokens < BURST - 1
    assert gate.inside == 0


def test_many_hosts_of_one_domain_are_asked_two_at_a_time(raw_host: MakeHost) -> None:
    counter, gate = Counter(3), Gate()
    hosts = [raw_host(counter) for _ in range(5)]
    stops = [stop_at(host, number, is_strangers=False, domain=gate) for number, host in enumerate(hosts)]
    assert answered(stops, hosts) == ["missing"] * 5
    assert counter.most <= 2


def test_what_staff_described_is_asked_at_its_own_pace(raw_host: MakeHost) -> None:
    counter = Counter(3)
    hosts = [raw_host(counter) for _ in range(3)]
    counter.together = 3
    assert answered([stop_at(host, n, is_strangers=False) for n, host in enumerate(hosts)], hosts) == ["missing"] * 3
    assert not neighbours._networks


def test_whose_turn_does_not_come_in_this_visit_is_left_for_another(raw_host: MakeHost) -> None:
    nothing: Answer = speaks(b"0000")
    host, gate = raw_host(nothing), Gate()
    assert gate.enter(float("inf"))
    assert gate.enter(float("inf"))
    stop = stop_at(host, 1, domain=gate)
    stop.visit.ends = 0.0
    assert answered([stop], [host]) == []
    assert host.asked == []
