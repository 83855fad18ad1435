"""Hosts of every kind, most of them bad. Each animal is an answer for a RawHost, and the verdicts it may get.

Where WSGI would be too polite the bytes are written here by hand. Nothing large is ever held in memory.
"""

import datetime
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from recoverydesk.recovery.probing.answers import ADVERTISEMENT, RESULT
from recoverydesk.recovery.probing.git import line
from recoverydesk.recovery.probing.mercurial import MEDIA_TYPE
from recoverydesk.recovery.probing.verdicts import Verdict
from tests.helpers.far_ends import OID, TOKEN, V2, Answer, Asked, Said, http

HEAD = b"refs/heads/" + TOKEN.encode()
HERE, GONE = line(OID + b" " + HEAD), b"0000"
SERVICE = line(b"# service=git-upload-pack") + b"0000"
FIVE_GB = 5 * 10**9
Stopped = Callable[[], bool]


@dataclass(frozen=True)
class Animal:
    """How a host answers, given a way to ask whether the test is over; its verdict, and others it may get as well."""

    make: Callable[[Stopped], Answer]
    verdict: Verdict
    slow: bool = False


def always(answer: Said, verdict: Verdict) -> Animal:
    return Animal(lambda _stopped: lambda _asked: answer, verdict)


def on_get(body: bytes, kind: str = ADVERTISEMENT, verdict: Verdict = Verdict.AMBIGUOUS, **headers: str) -> Animal:
    """Says this to every GET that asks for git, and nothing useful to anything else."""

    def answer(asked: Asked) -> Said:
        return http(200, kind, body, **headers) if "info/refs" in asked.target else http(404)

    return Animal(lambda _stopped: answer, verdict)


def on_post(answer: bytes, verdict: Verdict = Verdict.AMBIGUOUS) -> Animal:
    """Offers version 2 and says this to the question."""
    return Animal(lambda _s: lambda asked: http(200, ADVERTISEMENT, V2) if asked.method == "GET" else answer, verdict)


def result(body: bytes) -> bytes:
    return http(200, RESULT, body)


def old(*lines: bytes) -> bytes:
    first, *others = lines
    return SERVICE + line(first + b"\0multi_ack") + b"".join(map(line, others)) + b"0000"


def echo(asked: Asked) -> bytes:
    """Whatever it is asked for, it has."""
    prefix = asked.body.partition(b"ref-prefix ")[2].partition(b"\n")[0]
    return http(200, ADVERTISEMENT, V2) if asked.method == "GET" else result(line(OID + b" " + prefix) + b"0000")


def mercurial(bookmarks: bytes, branches: bytes, **headers: str) -> Animal:
    bodies = {"capabilities": b"branchmap pushkey lookup", "listkeys": bookmarks, "branchmap": branches}

    def answer(asked: Asked) -> bytes:
        command = asked.target.partition("cmd=")[2].partition("&")[0]
        body = bodies.get(command)
        return http(400, "text/html", b"no such method") if body is None else http(200, MEDIA_TYPE, body, **headers)

    return Animal(lambda _stopped: answer, Verdict.MISSING)


def head(kind: str, *more: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Type: {kind}", *more]).encode() + b"\r\n\r\n"


def endless(first: bytes, piece: bytes, stopped: Stopped, size: int = FIVE_GB) -> Iterator[bytes]:
    """Send as fast as the other side takes it."""
    yield first
    for _ in range(size // len(piece)):
        if stopped():
            return
        yield piece


def flood(first: bytes, piece: bytes, verdict: Verdict = Verdict.AMBIGUOUS) -> Animal:
    return Animal(lambda stopped: lambda _asked: endless(first, piece, stopped), verdict)


def dripping(first: bytes, piece: bytes) -> Animal:
    def make(stopped: Stopped) -> Answer:
        def drip(_asked: Asked) -> Iterator[bytes]:
            yield first
            while not stopped():
                yield piece

        return drip

    return Animal(make, Verdict.UNREACHABLE, slow=True)


def slow_close(stopped: Stopped) -> Answer:
    """A whole answer, after which the host forgets to hang up."""

    def answer(asked: Asked) -> Iterator[bytes]:
        whole = http(200, ADVERTISEMENT, V2) if asked.method == "GET" else result(GONE)
        yield whole
        while not stopped():
            time.sleep(0.02)

    return answer


@cache
def bomb(start: bytes) -> bytes:
    """64 MiB of zeros after `start`, in gzip: about 64 KiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    parts = [packer.compress(start), *(packer.compress(bytes(1024 * 1024)) for _ in range(64)), packer.flush()]
    return b"".join(parts)


def million_refs(name: Callable[[int], bytes], before: Iterable[bytes] = ()) -> Animal:
    """An old git with a million refs, sent in pieces of a hundred."""

    def answer(asked: Asked) -> Said:
        return refs() if asked.method == "GET" and "info/refs" in asked.target else http(404)

    def refs() -> Iterator[bytes]:
        yield head(ADVERTISEMENT) + SERVICE + line(OID + b" HEAD\0multi_ack")
        yield b"".join(map(line, before))
        for start in range(0, 1_000_000, 100):
            yield b"".join(line(OID + b" " + name(number)) for number in range(start, start + 100))
        yield b"0000"

    return Animal(lambda _stopped: answer, Verdict.MISSING)


ANIMALS: dict[str, Animal] = {
    "version 2 without the branch": on_post(result(GONE), Verdict.MISSING),
    "version 2 with it": on_post(result(HERE + b"0000"), Verdict.FOUND),
    "version 0 with it": on_get(old(OID + b" HEAD", OID + b" " + HEAD, OID + b" refs/heads/x"), verdict=Verdict.FOUND),
    "version 0 without": on_get(old(OID + b" HEAD", OID + b" refs/heads/x"), verdict=Verdict.MISSING),
    "version 0, empty": on_get(old(b"0" * 40 + b" capabilities^{}"), verdict=Verdict.MISSING),
    "version 0, truncated": on_get(old(OID + b" HEAD", OID + b" refs/heads/x")[:-4]),
    "version 0, cut in a packet": on_get(old(OID + b" HEAD", OID + b" refs/heads/x")[:-9]),
    "version 0, ERR": on_get(old(OID + b" HEAD", b"ERR no")),
    "version 0, decoys": on_get(
        old(OID + b" HEAD", OID + b" refs/heads/x/" + HEAD, OID + b" refs/tags/" + TOKEN.encode()),
        verdict=Verdict.MISSING,
    ),
    "files with it": on_get(OID + b"\t" + HEAD + b"\n", "text/plain", Verdict.FOUND),
    "files without": on_get(OID + b"\trefs/heads/x\n", "text/plain", Verdict.MISSING),
    "files, cut": on_get(OID + b"\trefs/heads/x", "text/plain"),
    "files, no length": always(head("text/plain") + OID + b"\trefs/heads/x\n", Verdict.AMBIGUOUS),
    "files, empty": on_get(b"", "text/plain"),
    "sha256 asked with sha1": on_get(V2.replace(b"sha1", b"md5x")),
    "echo": Animal(lambda _stopped: echo, Verdict.MISSING),
    "moved": always(http(301, Location="https://elsewhere.example/ada/tool.git"), Verdict.MOVED),
    "moved to another owner": always(http(302, Location="/eve/tool.git/info/refs"), Verdict.MOVED),
    "redirect loop": always(http(301, Location="/ada/tool.git/info/refs"), Verdict.MOVED),
    "redirect loop of two": Animal(
        lambda _s: lambda asked: http(301, Location=f"/ada/{'b' if '/a' + '.git' in asked.target else 'a'}.git"),
        Verdict.MOVED,
    ),
    "empty 200": always(http(200), Verdict.AMBIGUOUS),
    "empty advertisement": on_get(b""),
    "empty answer": on_post(result(b"")),
    "HTML 200": always(http(200, "text/html", b"<h1>Welcome</h1>"), Verdict.NOT_A_REPOSITORY),
    "bot wall": always(http(200, "text/html", b"<title>Just a moment...</title>"), Verdict.AMBIGUOUS),
    "401": always(http(401, WWW_Authenticate='Basic realm="x"'), Verdict.PRIVATE_OR_ABSENT),
    "403": always(http(403), Verdict.AMBIGUOUS),
    "403 with Basic": always(http(403, WWW_Authenticate='Basic realm="x"'), Verdict.PRIVATE_OR_ABSENT),
    "404": always(http(404), Verdict.PRIVATE_OR_ABSENT),
    "410": always(http(410), Verdict.NOT_A_REPOSITORY),
    "429": always(http(429, Retry_After="90"), Verdict.UNREACHABLE),
    "500": always(http(500), Verdict.UNREACHABLE),
    "502": always(http(502), Verdict.UNREACHABLE),
    "503": always(http(503), Verdict.UNREACHABLE),
    "ERR packet": on_post(result(line(b"ERR access denied") + b"0000")),
    "ERR advertisement": on_get(SERVICE + line(b"ERR no") + b"0000"),
    "bad packet": on_post(result(b"0003" + HERE + b"0000")),
    "no packets": on_post(result(b"hello")),
    "truncated": on_post(result(HERE)),
    "truncated absence": on_post(result(line(OID + b" refs/heads/000-recovery-abcdef"))),
    "cut in a packet": on_post(result(HERE[:-9])),
    "two ends": on_post(result(HERE + b"00000000")),
    "broken off": on_post(http(200, RESULT, GONE).replace(b"Content-Length: 4", b"Content-Length: 400")),
    "not HTTP": always(b"SSH-2.0-OpenSSH_9.2\r\n", Verdict.AMBIGUOUS),
    "slow close": Animal(slow_close, Verdict.MISSING),
    "hangs up": always(b"", Verdict.UNREACHABLE),
    "Mercurial without it": mercurial(b"", b"default " + OID),
    "header drip": dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"y"),
    "100 drip": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body drip": dripping(head(ADVERTISEMENT), b"0"),
    "chunk drip": dripping(head(ADVERTISEMENT, "Transfer-Encoding: chunked"), b"1\r\n0\r\n"),
    "listing drip": dripping(head(ADVERTISEMENT) + SERVICE + line(OID + b" HEAD\0x"), line(OID + b" refs/heads/x")),
    "silence": dripping(b"", b""),
    "5 GB of zeros": flood(head(ADVERTISEMENT, f"Content-Length: {FIVE_GB}"), bytes(65536)),
    "5 GB of page": flood(head("text/html"), b"<p>" * 20000, Verdict.NOT_A_REPOSITORY),
    "5 GB of headers": flood(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 8000 + b"\r\n"),
    "5 GB in one header": flood(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536),
    "5 GB of 100s": flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "5 GB of one line": flood(head("text/plain"), b"0" * 65536),
    "5 GB in one chunk": flood(head(ADVERTISEMENT, "Transfer-Encoding: chunked") + b"12a05f200\r\n", b"0" * 65536),
    "gzip bomb": on_get(bomb(V2), Content_Encoding="gzip"),
    "gzip bomb of refs": on_get(bomb(SERVICE + line(OID + b" HEAD\0x")), Content_Encoding="gzip"),
    "gzip bomb in the answer": on_post(http(200, RESULT, bomb(b""), Content_Encoding="gzip")),
    "a million refs, sorted": million_refs(lambda n: b"refs/heads/branch-%07d" % n),
}
HUGE_LISTINGS: dict[str, Animal] = {
    "a million refs, not sorted": million_refs(lambda n: b"refs/heads/branch-%07d" % (n * 7919 % 1_000_000)),
    "a million refs that sort before ours": million_refs(lambda n: b"refs/changes/%07d" % n),
}


def write_certificate(path: Path, name: str = "localhost", *, days: tuple[int, int] = (-1, 1)) -> Path:
    """A certificate that signs itself, with its key, in one file, valid from and until so many days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins, ends = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=one) for one in days)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(begins).not_valid_after(ends)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + secret)
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
