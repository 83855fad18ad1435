"""Every host of the zoo, met for the first time or thought to be known: no false `found`, no false `missing`."""

import hashlib
import ssl
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.transport import client as transport
from recoverydesk.demo import codehost
from recoverydesk.recovery.probing.probe import Limits, Result, Verdict, probe
from recoverydesk.recovery.probing.verdicts import PROTOCOLS
from recoverydesk.recovery.repository_urls.parser import HostRule
from tests.helpers.far_ends import TOKEN, RawHost, running
from tests.helpers.hosts import git, serve
from tests.recovery.probing.zoo import ANIMALS, HUGE_LISTINGS, Animal, server_context, write_certificate
from tests.tiers import spread

MIB = 1024 * 1024
SHORT = Limits(step=0.25, total=0.25, listing_total=0.25)


@contextmanager
def kept(animal: Animal) -> Iterator[RawHost]:
    """A host of this kind, whose drips are slow and which ends with the test."""
    box: list[RawHost] = []

    def stopped() -> bool:
        return box[0].stopped.wait(0.05 if animal.slow else 0)

    with running(animal.make(stopped)) as host:
        box.append(host)
        yield host


def look(host: RawHost, spoken: str, animal: Animal) -> Result:
    limits = SHORT if animal.slow else Limits()
    return probe(host.place(), TOKEN, rule=host.rule, limits=limits, spoken=spoken)


@pytest.mark.parametrize("spoken", ["", *PROTOCOLS])
@pytest.mark.parametrize("name", spread(ANIMALS, 12))
def test_each_animal_has_its_verdict_whatever_it_is_thought_to_be(name: str, spoken: str) -> None:
    animal = ANIMALS[name]
    with kept(animal) as host:
        tracemalloc.start()
        try:
            result = look(host, spoken, animal)
            grown = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        still_there = not host.stopped.is_set()
        heard = b"".join(asked.target.encode() + repr(asked.headers).encode() + asked.body for asked in host.asked)
    assert result.verdict == animal.verdict
    assert bool(result.object_id) == (animal.verdict == Verdict.FOUND)
    assert TOKEN.encode() not in heard
    assert TOKEN[:19].encode() not in heard
    assert grown <= 8 * MIB
    if animal.slow:
        assert (result.detail, still_there) == ("it took too long", True)


@pytest.mark.parametrize("animal", HUGE_LISTINGS.values(), ids=HUGE_LISTINGS)
def test_a_listing_too_long_to_read_says_nothing(animal: Animal) -> None:
    limits = Limits(listing=4 * MIB)
    with kept(animal) as host:
        result = probe(host.place(), TOKEN, rule=host.rule, limits=limits)
    assert (result.verdict, result.detail) == (Verdict.AMBIGUOUS, "a longer answer than we read")


def test_a_sorted_listing_of_a_million_refs_is_read_a_little() -> None:
    with kept(ANIMALS["a million refs, sorted"]) as host:
        result = look(host, "v0", ANIMALS["a million refs, sorted"])
    assert result.bytes_received < 100_000


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("repositories")


def rule_for(url: str) -> dict[str, HostRule]:
    port = int(url.rpartition(":")[2])
    return {url.removeprefix("http://"): HostRule("owner", "http", port, private=True, plain_http=True)}


@contextmanager
def old_host(root: Path) -> Iterator[str]:
    """The real git of today, which is not told that anybody speaks version 2."""
    app = codehost.make_app(root)

    def deaf(environ: dict[str, object], start: object) -> object:
        environ.pop("HTTP_GIT_PROTOCOL", None)
        return app(environ, start)  # type: ignore[arg-type]

    with serve(deaf) as url:  # type: ignore[arg-type]
        yield url


@contextmanager
def file_host(root: Path) -> Iterator[str]:
    """A host that only serves files."""

    def files(environ: dict[str, object], start: object) -> list[bytes]:
        path = root / str(environ["PATH_INFO"]).lstrip("/")
        body = path.read_bytes() if path.is_file() else b""
        status = "200 OK" if path.is_file() else "404 Not Found"
        start(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])  # type: ignore[operator]
        return [body]

    with serve(files) as url:
        yield url


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@pytest.mark.parametrize(("kind", "protocol"), [(old_host, "v0"), (file_host, "dumb")])
def test_a_real_older_host_is_read(root: Path, kind: object, protocol: str, object_format: str) -> None:
    name = f"ada/{protocol}-{object_format}"
    folder = codehost.create_repository(root, name, object_format=object_format)
    with kind(root) as url:  # type: ignore[operator]
        verdicts = []
        for action in (["update-server-info"], ["branch", TOKEN, "main"], ["update-server-info"]):
            codehost.git(folder, *action)
            result = probe(f"{url}/{name}", TOKEN, hosts=rule_for(url))
            verdicts.append(result.verdict)
    assert verdicts[0] == Verdict.MISSING
    assert (result.verdict, result.protocol, result.learned) == (Verdict.FOUND, protocol, protocol)
    assert result.object_id == codehost.git(folder, "rev-parse", "main")


@pytest.mark.parametrize("protocol", ["v0", "v2"])
def test_the_command_shown_shows_the_same(root: Path, tmp_path: Path, protocol: str) -> None:
    name = f"ada/shown-{protocol}"
    folder = codehost.create_repository(root, name)
    codehost.git(folder, "branch", TOKEN, "main")
    with old_host(root) if protocol == "v0" else serve(codehost.make_app(root)) as url:
        result = probe(f"{url}/{name}", TOKEN, hosts=rule_for(url))
        assert TOKEN not in result.show_how
        program, *arguments = result.show_how.replace("BRANCH", TOKEN).split()
        assert program == "git"
        assert git(tmp_path, *arguments) == f"{result.object_id}\trefs/heads/{TOKEN}"


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    transport.tls_context.cache_clear()
    yield monkeypatch
    transport.tls_context.cache_clear()


@pytest.mark.parametrize(
    ("name", "days", "verdict", "detail"),
    [
        ("localhost", (-1, 1), Verdict.FOUND, ""),
        ("localhost", (-9, -1), Verdict.UNREACHABLE, "no trusted TLS connection"),
        ("localhost", (1, 9), Verdict.UNREACHABLE, "no trusted TLS connection"),
        ("other.example", (-1, 1), Verdict.UNREACHABLE, "no trusted TLS connection"),
    ],
    ids=["right", "expired", "not valid yet", "wrong name"],
)
def test_a_certificate_must_be_right_and_its_fingerprint_is_kept(
    tmp_path: Path, trust: pytest.MonkeyPatch, name: str, days: tuple[int, int], verdict: Verdict, detail: str
) -> None:
    path = write_certificate(tmp_path / "host.pem", name, days=days)
    trust.setenv("SSL_CERT_FILE", str(path))
    with running(ANIMALS["version 2 with it"].make(lambda: False), tls=server_context(path)) as host:
        rule = HostRule("owner", "https", host.port, private=True)
        result = probe(f"https://localhost:{host.port}/ada/tool", TOKEN, hosts={f"localhost:{host.port}": rule})
    assert (result.verdict, result.detail) == (verdict, detail)
    der = ssl.PEM_cert_to_DER_cert(path.read_text().partition("-----BEGIN PRIVATE")[0])
    assert result.fingerprint == (hashlib.sha256(der).hexdigest() if verdict == Verdict.FOUND else "")
