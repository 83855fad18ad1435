"""Where the transport refuses to go, and what it trusts."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.transport import client as transport
from common.transport.addresses import may_dial
from common.transport.client import Client, Limits, WebOrigin
from common.transport.failures import Blocked, Unreachable
from recoverydesk.recovery.probing.probe import Verdict, probe
from tests.helpers import certificates
from tests.helpers.far_ends import TOKEN, Canary, MakeHost, http

LIMITS = Limits(resolve=30, step=30, total=60)
NOWHERE = "3000::1"  # global unicast that nobody has been given
INSIDE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1",
    "169.254.169.254", "198.18.0.1", "192.0.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.88.99.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1",
    "::ffff:8.8.8.8", "::127.0.0.1", "::ffff:0:127.0.0.1", "fe80::1", "fe80::1%lo", "fec0::1", "fc00::1",
    "fd12::1", "ff02::1", "2001:db8::1", "3fff::1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1",
    "2001::1", "2001:20::1", "5f00::1", "100::1",
]  # fmt: skip
ODDLY_WRITTEN = ["0", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "LOCALHOST", "localhost."]


def ask(host: str, port: int) -> None:
    origin = WebOrigin("https", host, port, allows=("https", port))
    with Client(origin, LIMITS) as client:
        client.request("GET", "/", {})


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_but_a_public_one_may_be_dialled(address: str) -> None:
    assert not may_dial(ipaddress.ip_address(address.partition("%")[0]))


@pytest.mark.parametrize("address", ["8.8.8.8", "140.82.112.3", "2606:50c0:8000::153", "2a04:4e42::223"])
def test_public_addresses_may_be_dialled(address: str) -> None:
    assert may_dial(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.1.1", "100.64.0.1", "::1", "fd12::1"])
def test_a_private_code_host_may_live_on_a_private_address(address: str) -> None:
    assert may_dial(ipaddress.ip_address(address), private=True)


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:127.0.0.1", "255.255.255.255"],
)
def test_even_a_private_code_host_may_not_live_there(address: str) -> None:
    assert not may_dial(ipaddress.ip_address(address), private=True)


@pytest.mark.parametrize("host", [*(f"[{one}]" if ":" in one else one for one in INSIDE), *ODDLY_WRITTEN])
def test_no_connection_is_made_to_an_inside_address_however_written(canary: Canary, host: str) -> None:
    with pytest.raises((Blocked, Unreachable)):
        ask(host, canary.port)
    assert canary.heard() == 0


@pytest.mark.parametrize("address", INSIDE)
def test_no_connection_is_made_to_a_name_that_leads_inside(
    canary: Canary, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    resolve_to(monkeypatch, [address])
    with pytest.raises(Blocked):
        ask("git.example.org", canary.port)
    assert canary.heard() == 0


def test_one_inside_address_among_public_ones_is_enough_to_refuse(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, [NOWHERE, "127.0.0.1"])
    with pytest.raises(Blocked):
        ask("git.example.org", canary.port)
    assert canary.heard() == 0


def test_a_rebinding_name_is_asked_once_and_its_second_answer_never_dialled(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolve_to(monkeypatch, [NOWHERE], ["127.0.0.1"], ["::1"])
    origin = WebOrigin("https", "git.example.org", canary.port, allows=("https", canary.port))
    with Client(origin, Limits(resolve=1, step=0.3, total=1)) as client:
        for _ in range(2):
            with pytest.raises(Unreachable):
                client.request("GET", "/", {})
    assert len(asked) == 1
    assert canary.heard() == 0


def resolve_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Replace the resolver alone: one list of addresses after the other, the last one for good."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_args: object, **_kwargs: object) -> list[tuple[object, ...]]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        family = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in found]
        return [
            (kind, socket.SOCK_STREAM, 6, "", (one, port, 0, 0) if kind == socket.AF_INET6 else (one, port))
            for kind, one in zip(family, found, strict=True)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    ("scheme", "port"), [("http", 80), ("https", 22), ("https", 6379), ("http", 443), ("https", 80)]
)
def test_only_https_on_its_port_unless_staff_say_so(monkeypatch: pytest.MonkeyPatch, scheme: str, port: int) -> None:
    asked = resolve_to(monkeypatch, [NOWHERE])
    with pytest.raises(Blocked), Client(WebOrigin(scheme, "git.example.org", port), LIMITS) as client:
        client.request("GET", "/", {})
    assert asked == []


def test_an_odd_port_in_a_url_is_blocked_by_the_probe() -> None:
    result = probe("https://git.example.org:8443/team/tool.git", TOKEN)
    assert (result.verdict, result.requests, result.host) == (Verdict.BLOCKED, 0, "git.example.org:8443")


def test_a_name_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: [released.wait(60)][1:])
    with (
        pytest.raises(Unreachable, match="did not resolve in time"),
        Client(WebOrigin("https", "git.example.org", 443), Limits(resolve=0.1)) as client,
    ):
        client.request("GET", "/", {})
    assert not released.is_set()
    released.set()


def test_proxies_and_certificates_of_the_environment_are_ignored(
    raw_host: MakeHost, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    monkeypatch.setenv("no_proxy", "")
    host = raw_host(lambda asked: http(200, body=b"hello"))
    origin = WebOrigin("http", "localhost", host.port, allows=("http", host.port), private=True)
    with Client(origin, LIMITS) as client:
        assert client.request("GET", "/", {}).body == b"hello"
    assert canary.heard() == 0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.for_localhost(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls_port(certificate: Path) -> Iterator[int]:
    """A TLS host that answers `GET /` well and drips headers for `GET /slow`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve_tls, args=(listener, context, stopped), daemon=True).start()
        yield listener.getsockname()[1]
        stopped.set()
        listener.shutdown(socket.SHUT_RDWR)


def _serve_tls(listener: socket.socket, context: ssl.SSLContext, stopped: threading.Event) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        try:
            with plain, context.wrap_socket(plain, server_side=True) as secure:
                asked = secure.recv(4096)
                secure.sendall(b"HTTP/1.1 200 OK\r\n" if b"/slow" in asked else http(200, body=b"over tls"))
                while b"/slow" in asked and not stopped.wait(0.05):
                    secure.sendall(b"X")
        except OSError:
            continue  # the client refused our certificate, or hung up


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The operator trusts this certificate the way OpenSSL offers: SSL_CERT_FILE."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    transport.tls_context.cache_clear()
    yield
    transport.tls_context.cache_clear()


def secure(port: int, host: str = "localhost", limits: Limits = LIMITS) -> Client:
    return Client(WebOrigin("https", host, port, allows=("https", port), private=True), limits)


@pytest.mark.usefixtures("trusted")
def test_a_trusted_certificate_is_accepted_and_bytes_are_counted_inside_tls(tls_port: int) -> None:
    with secure(tls_port) as client:
        reply = client.request("GET", "/", {})
    assert reply.body == b"over tls"
    assert client.guard.received == len(http(200, body=b"over tls"))


def test_a_certificate_nobody_vouches_for_is_refused(tls_port: int) -> None:
    with secure(tls_port) as client, pytest.raises(Unreachable, match="TLS"):
        client.request("GET", "/", {})


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_is_refused(tls_port: int) -> None:
    with secure(tls_port, "127.0.0.1") as client, pytest.raises(Unreachable, match="TLS"):
        client.request("GET", "/", {})


@pytest.mark.usefixtures("trusted")
def test_a_drip_of_headers_inside_tls_is_cut_off(tls_port: int) -> None:
    with secure(tls_port, limits=Limits(step=2, total=2)) as client, pytest.raises(Unreachable, match="too long"):
        client.request("GET", "/slow", {})
    assert client.guard.received > 0


def test_a_handshake_that_never_ends_is_cut_off(canary: Canary) -> None:
    with secure(canary.port, limits=Limits(step=2, total=2)) as client, pytest.raises(Unreachable):
        client.request("GET", "/", {})
    assert client.requests == 0
    assert canary.heard() > 0


KEPT = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"


def test_one_connection_serves_several_requests_and_is_opened_again_when_the_host_gave_it_up() -> None:
    """The host answers twice, hangs up on the third question unheard, and answers it on a new connection."""
    connections: list[int] = []

    def serve(listener: socket.socket) -> None:
        for answers in ([b"1st.", b"2nd.", None], [b"3rd."]):
            with listener.accept()[0] as connection:
                connections.append(len(answers))
                for answer in answers:
                    connection.recv(4096)
                    if answer:
                        connection.sendall(KEPT + answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        port = int(listener.getsockname()[1])
        with Client(WebOrigin("http", "localhost", port, allows=("http", port), private=True), LIMITS) as client:
            bodies = [client.request("GET", "/", {}).body for _ in range(3)]
    assert bodies == [b"1st.", b"2nd.", b"3rd."]
    assert len(connections) == 2


def test_the_answer_to_one_question_is_never_read_as_the_answer_to_the_next(raw_host: MakeHost) -> None:
    """What was left unread of a long answer goes with its connection."""
    long = http(200, body=b"x" * 200_000).replace(b"Connection: close\r\n", b"")
    host = raw_host(lambda asked: long if asked.target == "/long" else http(200, body=b"short"))
    with Client(WebOrigin("http", "localhost", host.port, allows=("http", host.port), private=True), LIMITS) as client:
        assert not client.request("GET", "/long", {}).complete
        assert client.request("GET", "/short", {}).body == b"short"
