"""One look at one repository, against the real git and against hosts that say anything else."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from recoverydesk.demo import codehost
from recoverydesk.recovery.branch_token import BadBranchName
from recoverydesk.recovery.probing.answers import ADVERTISEMENT, RESULT
from recoverydesk.recovery.probing.git import line
from recoverydesk.recovery.probing.probe import Limits, Result, Verdict, probe
from recoverydesk.recovery.repository_urls.parser import HostRule, parse
from tests.helpers.far_ends import OID, TOKEN, V2, Answer, Asked, Canary, MakeHost, RawHost, Said, drip, http, speaks
from tests.helpers.hosts import git, serve

HEAD = b"refs/heads/" + TOKEN.encode()
SHORT = Limits(step=2, total=2)


@dataclass(frozen=True)
class LocalHost:
    root: Path
    url: str

    @property
    def rule(self) -> HostRule:
        return HostRule("owner", "http", int(self.url.rpartition(":")[2]), private=True, plain_http=True)

    def probe(self, name: str, branch: str = TOKEN) -> Result:
        hosts = {self.url.removeprefix("http://"): self.rule}
        return probe(f"{self.url}/{name}", branch, hosts=hosts)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHost]:
    root = tmp_path_factory.mktemp("code-host")
    with serve(codehost.make_app(root)) as url:
        yield LocalHost(root, url)


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_pushed_branch_is_found_and_only_then(local: LocalHost, tmp_path: Path, object_format: str) -> None:
    name = f"ada/{object_format}"
    codehost.create_repository(local.root, name, object_format=object_format)
    assert local.probe(name).verdict == Verdict.MISSING
    git(tmp_path, "clone", "--quiet", f"{local.url}/{name}.git", "recovery")
    git(tmp_path / "recovery", "push", "--quiet", "origin", f"HEAD:refs/heads/{TOKEN}")
    result = local.probe(name)
    assert result.verdict == Verdict.FOUND
    assert result.object_id == git(tmp_path / "recovery", "rev-parse", "HEAD")
    assert (result.protocol, result.requests, result.peer) == ("v2", 2, "127.0.0.1")
    assert 0 < result.bytes_sent < 1000
    assert 0 < result.bytes_received < 1500


def test_an_empty_repository_lacks_the_branch(local: LocalHost) -> None:
    codehost.create_repository(local.root, "ada/empty", commits=0)
    assert local.probe("ada/empty").verdict == Verdict.MISSING


def test_another_name_is_asked_whole(local: LocalHost) -> None:
    codehost.create_repository(local.root, "ada/named")
    assert local.probe("ada/named", "main").verdict == Verdict.FOUND
    assert local.probe("ada/named", "mai").verdict == Verdict.MISSING


@pytest.mark.parametrize(
    "decoy",
    [
        f"refs/heads/x/refs/heads/{TOKEN}",
        f"refs/tags/{TOKEN}",
        f"refs/heads/{TOKEN}1",
        f"refs/heads/{TOKEN}/x",
        f"refs/heads/{TOKEN[:-1]}",
        f"refs/heads/{TOKEN.upper()}",
        f"refs/heads/{TOKEN[:-1]}X",
        f"refs/remotes/origin/{TOKEN}",
        f"refs/pull/7/{TOKEN}",
    ],
)
def test_a_decoy_is_never_found(local: LocalHost, decoy: str) -> None:
    name = f"ada/decoy-{zlib.crc32(decoy.encode())}"
    codehost.git(codehost.create_repository(local.root, name), "update-ref", decoy, "main")
    assert local.probe(name).verdict == Verdict.MISSING


def test_a_host_that_lists_decoys_unasked_proves_nothing(raw_host: MakeHost) -> None:
    names = [b"refs/heads/x/" + HEAD, b"refs/tags/" + TOKEN.encode(), HEAD + b"1", HEAD.upper(), b"x" + HEAD]
    host = raw_host(speaks(b"".join(line(OID + b" " + name) for name in names) + b"0000"))
    assert probe(host.place(), TOKEN, rule=host.rule).verdict == Verdict.MISSING


def test_an_answer_that_only_looks_whole_where_we_stop_reading_is_no_absence(raw_host: MakeHost) -> None:
    sizes = [900] * 68 + [Limits().body - 4 - 68 * 905 - 5]
    filler = b"".join(line((OID + b" refs/heads/%04d" % n).ljust(size, b"y")) for n, size in enumerate(sizes))
    assert len(filler + b"0000") == Limits().body
    host = raw_host(speaks(filler + b"0000" + FOUND))
    assert probe(host.place(), TOKEN, rule=host.rule).verdict == Verdict.AMBIGUOUS


def test_a_pull_request_with_the_right_commit_is_never_found(local: LocalHost) -> None:
    folder = codehost.create_repository(local.root, "ada/pulled")
    codehost.git(folder, "update-ref", "refs/pull/7/head", "main")
    assert local.probe("ada/pulled").verdict == Verdict.MISSING


def test_no_repository_is_private_or_absent_after_both_spellings(local: LocalHost) -> None:
    result = local.probe("ada/nothing")
    assert (result.verdict, result.requests) == (Verdict.PRIVATE_OR_ABSENT, 3)  # the third asks for Mercurial


def test_a_host_that_repeats_what_it_is_asked_learns_little_and_proves_nothing(raw_host: MakeHost) -> None:
    def echo(asked: Asked) -> bytes:
        if asked.method == "GET":
            return http(200, ADVERTISEMENT, V2)
        prefix = asked.body.partition(b"ref-prefix ")[2].partition(b"\n")[0]
        return http(200, RESULT, line(OID + b" " + prefix) + b"0000")

    host = raw_host(echo)
    assert probe(host.place(), TOKEN, rule=host.rule).verdict == Verdict.MISSING
    heard = b"".join(asked.target.encode() + repr(asked.headers).encode() + asked.body for asked in host.asked)
    assert b"000-recovery-abcde" in heard
    assert b"000-recovery-abcdex" not in heard


def test_the_headers_are_those_bot_walls_let_through(raw_host: MakeHost) -> None:
    host = raw_host(speaks(b"0000"))
    probe(host.place(), TOKEN, rule=host.rule)
    wanted = {
        "accept": "*/*",
        "accept-encoding": "gzip",
        "cache-control": "no-cache",
        "pragma": "no-cache",
        "git-protocol": "version=2",
    }
    assert [asked.method for asked in host.asked] == ["GET", "POST"]
    for asked in host.asked:
        assert wanted.items() <= asked.headers.items()
        assert asked.headers["user-agent"].startswith("git/2.0 (RecoveryDesk")
        assert "cookie" not in asked.headers
        assert "authorization" not in asked.headers


FOUND = line(OID + b" " + HEAD) + b"0000"
BAD_CONTENTS = {
    "empty": b"",
    "truncated": FOUND[:-4],
    "cut in a packet": FOUND[:20],
    "two ends": FOUND + b"0000",
    "no packets": b"hello",
    "error": line(b"ERR no") + b"0000",
    "another object format": line(b"1" * 64 + b" " + HEAD) + b"0000",
    "too long": line(OID + b" refs/heads/000-recovery-abcde" + b"y" * 900) * 80 + b"0000",
}


@pytest.mark.parametrize("refs", BAD_CONTENTS.values(), ids=BAD_CONTENTS)
def test_a_malformed_answer_is_ambiguous(raw_host: MakeHost, refs: bytes) -> None:
    host = raw_host(speaks(refs))
    result = probe(host.place(), TOKEN, rule=host.rule)
    assert (result.verdict, result.object_id) == (Verdict.AMBIGUOUS, "")
    assert result.detail


GET_ONLY = {
    "web page": (http(200, "text/html", b"<h1>Welcome</h1>"), Verdict.NOT_A_REPOSITORY),
    "page with a sign-in form": (
        http(200, "text/html", b"<form><input name=p class='x' type=password></form>"), Verdict.PRIVATE_OR_ABSENT
    ),
    "huge web page": (http(200, "text/html", b"<p>" * 40_000), Verdict.NOT_A_REPOSITORY),
    "bot wall": (http(200, "text/html", b"<title>Just a moment...</title>"), Verdict.AMBIGUOUS),
    "empty": (http(200, ADVERTISEMENT), Verdict.AMBIGUOUS),
    "empty, no type": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Verdict.AMBIGUOUS),
    "wrong type": (http(200, "application/json", V2), Verdict.AMBIGUOUS),
    "no protocol": (http(200, ADVERTISEMENT, line(OID + b" HEAD") + b"0000"), Verdict.AMBIGUOUS),
    "no list": (http(200, "text/plain", b"not found\n"), Verdict.AMBIGUOUS),
    "too long": (http(200, ADVERTISEMENT, line(b"version 2") + line(b"x" * 900) * 80), Verdict.AMBIGUOUS),
    "401": (http(401, WWW_Authenticate='Basic realm="x"'), Verdict.PRIVATE_OR_ABSENT),
    "403 with Basic": (http(403, WWW_Authenticate='Basic realm="x"'), Verdict.PRIVATE_OR_ABSENT),
    "403": (http(403, "text/html", b"<h1>no</h1>"), Verdict.AMBIGUOUS),
    "404": (http(404, "text/html", b"<h1>no</h1>"), Verdict.PRIVATE_OR_ABSENT),
    "405": (http(405), Verdict.NOT_A_REPOSITORY),
    "410": (http(410), Verdict.NOT_A_REPOSITORY),
    "400": (http(400), Verdict.AMBIGUOUS),
    "204": (http(204), Verdict.AMBIGUOUS),
    "429": (http(429, Retry_After="90"), Verdict.UNREACHABLE),
    "500": (http(500, "text/html", b"<h1>oops</h1>"), Verdict.UNREACHABLE),
    "503": (http(503), Verdict.UNREACHABLE),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", Verdict.AMBIGUOUS),
    "hangs up": (b"", Verdict.UNREACHABLE),
    "short body": (http(200, ADVERTISEMENT, V2).replace(b"Content-Length: ", b"Content-Length: 9"), Verdict.AMBIGUOUS),
    "endless headers": (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000, Verdict.AMBIGUOUS),
    "endless 1xx": (b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000, Verdict.AMBIGUOUS),
    "unasked packing": (http(200, ADVERTISEMENT, V2, Content_Encoding="br"), Verdict.AMBIGUOUS),
    "broken packing": (http(200, ADVERTISEMENT, gzip.compress(V2)[:-5], Content_Encoding="gzip"), Verdict.AMBIGUOUS),
    "packed bomb": (http(200, ADVERTISEMENT, gzip.compress(bytes(10**7)), Content_Encoding="gzip"), Verdict.AMBIGUOUS),
    "bad chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: x\r\n\r\nzz\r\n\r\n", Verdict.AMBIGUOUS
    ),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "verdict"), GET_ONLY.values(), ids=GET_ONLY)
def test_each_other_answer_has_its_verdict(raw_host: MakeHost, answer: bytes, verdict: Verdict) -> None:
    host = raw_host(lambda asked: answer)
    result = probe(host.place(), TOKEN, rule=host.rule)
    assert result.verdict == verdict
    assert result.detail
    assert all(asked.method == "GET" for asked in host.asked)


@pytest.mark.parametrize(("answer", "verdict"), GET_ONLY.values(), ids=GET_ONLY)
def test_the_same_answers_to_the_question_itself_are_no_absence_either(
    raw_host: MakeHost, answer: bytes, verdict: Verdict
) -> None:
    host = raw_host(lambda asked: http(200, ADVERTISEMENT, V2) if asked.method == "GET" else answer)
    result = probe(host.place(), TOKEN, rule=host.rule)
    assert result.verdict not in (Verdict.FOUND, Verdict.MISSING)
    assert [asked.method for asked in host.asked] == ["GET", "POST"]


def test_the_hosts_wish_when_to_come_back_is_kept(raw_host: MakeHost) -> None:
    host = raw_host(lambda asked: GET_ONLY["429"][0])
    assert probe(host.place(), TOKEN, rule=host.rule).retry_after == 90


def test_a_packed_answer_is_unpacked(raw_host: MakeHost) -> None:
    packed = http(200, ADVERTISEMENT, gzip.compress(V2), Content_Encoding="gzip")
    host = raw_host(lambda asked: packed if asked.method == "GET" else http(200, RESULT, FOUND))
    assert probe(host.place(), TOKEN, rule=host.rule).verdict == Verdict.FOUND


def test_a_host_may_answer_to_the_other_spelling_only(raw_host: MakeHost) -> None:
    host = raw_host(lambda asked: http(404) if ".git" in asked.target else speaks(FOUND)(asked))
    assert probe(host.place(), TOKEN, rule=host.rule).verdict == Verdict.FOUND


def redirecting(location: str, status: int = 301) -> Answer:
    """A host that sends everything under /ada/tool elsewhere and serves the branch at /ada/renamed."""
    return lambda asked: (
        http(status, Location=location) if asked.target.startswith("/ada/tool") else speaks(FOUND)(asked)
    )


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_inside_the_boundary_is_asked_again_by_us(raw_host: MakeHost, status: int) -> None:
    host = raw_host(redirecting("/ada/renamed.git/info/refs?service=git-upload-pack", status))
    assert probe(host.place(), TOKEN, rule=host.rule).verdict == Verdict.FOUND
    assert [asked.method for asked in host.asked] == ["GET", "GET", "POST"]


@pytest.mark.parametrize(
    "location",
    [
        "/eve/tool.git/info/refs", "https://elsewhere.example/ada/tool.git", "//elsewhere.example/ada/tool.git",
        "https://127.0.0.1/ada/tool.git", "file:///etc/passwd", "/welcome", "", "http://[", "/ada/../eve/tool.git",
        "/ada/tool.wiki.git", "/ada/tool.git/info/refs",
    ],
)  # fmt: skip
def test_any_other_redirect_has_moved_and_is_not_followed(raw_host: MakeHost, location: str) -> None:
    host = raw_host(redirecting(location))
    assert probe(host.place(), TOKEN, rule=host.rule).verdict == Verdict.MOVED
    assert len(host.asked) <= 2
    assert all(asked.target.startswith("/ada/tool") for asked in host.asked)


SIGN_IN_PAGES = [
    "/login?return_to=%2Fada%2Ftool", "/users/sign_in", "/user/login?redirect_to=%2fada%2ftool", "/login/ada/tool",
    "https://code.example/login", "/account/signin/?next=/ada/tool", "/+login", "/auth/start/?next=%2Fada%2Ftool",
    "https://code.example/scm/login.php", "/~login", "/_admin/login?came_from=/ada/tool", "/login;jsessionid=1",
    "/Login",
    "https://login.example/tenant/oauth2/v2.0/authorize?client_id=1", "https://id.example/realms/x/openid-connect/auth",
    "https://idp.example/idp/profile/SAML2/Redirect/SSO?SAMLRequest=1", "https://app.example/_signin?realm=code.example",
]  # fmt: skip


@pytest.mark.parametrize("location", SIGN_IN_PAGES)
def test_a_redirect_to_a_sign_in_page_is_private_or_absent(raw_host: MakeHost, location: str) -> None:
    host = raw_host(redirecting(location, 302))
    result = probe(host.place(), TOKEN, rule=host.rule)
    assert (result.verdict, result.detail) == (
        Verdict.PRIVATE_OR_ABSENT, "it redirects to a sign-in page: private, or not there",
    )  # fmt: skip
    assert all(asked.target.startswith("/ada/tool") for asked in host.asked)


def test_a_sign_in_page_after_a_first_redirect_is_one_too(raw_host: MakeHost) -> None:
    host = raw_host(
        lambda asked: http(302, Location="/login" if asked.target.startswith("/ada/renamed") else "/ada/renamed.git")
    )
    assert probe(host.place(), TOKEN, rule=host.rule).verdict == Verdict.PRIVATE_OR_ABSENT


@pytest.mark.parametrize(
    "location", ["/eve/login.git/info/refs", "/login/tool.git", "/eve/login", "/users/sign_in.git/info/refs"]
)
def test_another_owners_repository_of_such_a_name_has_moved(raw_host: MakeHost, location: str) -> None:
    host = raw_host(redirecting(location))
    assert probe(host.place(), TOKEN, rule=host.rule).verdict == Verdict.MOVED


def test_a_renamed_repository_of_such_a_name_is_asked(raw_host: MakeHost) -> None:
    host = raw_host(lambda asked: (
        http(301, Location="/ada/login.git/info/refs") if "/tool" in asked.target else speaks(FOUND)(asked)
    ))  # fmt: skip
    assert probe(host.place(), TOKEN, rule=host.rule).verdict == Verdict.FOUND


def test_a_redirect_to_our_own_canary_is_not_followed(raw_host: MakeHost, canary: Canary) -> None:
    host = raw_host(lambda asked: http(302, Location=f"http://127.0.0.1:{canary.port}/ada/tool.git/info/refs"))
    assert probe(host.place(), TOKEN, rule=host.rule).verdict == Verdict.MOVED
    assert canary.heard() == 0


def test_a_redirect_of_the_question_is_asked_again_too(raw_host: MakeHost) -> None:
    def answer(asked: Asked) -> Said:
        moved = asked.target.startswith("/ada/tool") and asked.method == "POST"
        return http(307, Location="/ada/renamed.git/git-upload-pack") if moved else speaks(FOUND)(asked)

    host = raw_host(answer)
    assert probe(host.place(), TOKEN, rule=host.rule).verdict == Verdict.FOUND


@pytest.mark.parametrize("page", ["ada/tool.wiki.git", "ada", ""])
def test_a_page_or_wiki_is_never_asked(raw_host: MakeHost, page: str) -> None:
    host = raw_host(speaks(FOUND))
    result = probe(host.url(page), TOKEN, hosts=host.hosts)
    assert (result.verdict, result.requests) == (Verdict.NOT_A_REPOSITORY, 0)
    assert host.asked == []


@pytest.mark.parametrize("url", ["https://gist.github.com/psf/0123.git", "https://github.com/psf/requests.wiki.git"])
def test_gists_and_wikis_prove_nothing(url: str) -> None:
    result = probe(parse(url), TOKEN)
    assert (result.verdict, result.requests) == (Verdict.NOT_A_REPOSITORY, 0)
    assert result.detail == "the URL names no repository that could prove anything"


def test_a_paused_host_is_not_asked(raw_host: MakeHost) -> None:
    host = raw_host(speaks(FOUND))
    paused = HostRule("owner", "http", host.port, private=True, plain_http=True, paused=True)
    assert probe(host.place(), TOKEN, rule=paused).verdict == Verdict.UNREACHABLE
    assert host.asked == []


def test_nobody_at_home_is_unreachable(free_port: int) -> None:
    rule = HostRule("owner", "http", free_port, private=True, plain_http=True)
    result = probe(f"http://localhost:{free_port}/ada/tool", TOKEN, hosts={f"localhost:{free_port}": rule})
    assert (result.verdict, result.requests) == (Verdict.UNREACHABLE, 0)


def test_a_name_git_refuses_is_refused_before_anything_is_sent(raw_host: MakeHost) -> None:
    host = raw_host(speaks(FOUND))
    with pytest.raises(BadBranchName):
        probe(host.place(), "a\n0000", rule=host.rule)
    assert host.asked == []


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"y"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: " + ADVERTISEMENT.encode() + b"\r\n\r\n", b"0"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n0\r\n"),
    ],
    ids=["headers", "100 Continue", "body", "chunks"],
)
def test_a_dripping_host_is_cut_off(raw_host: MakeHost, first: bytes, piece: bytes) -> None:
    box: list[RawHost] = []
    host = raw_host(lambda asked: drip(first, piece, box))
    box.append(host)
    result = probe(host.place(), TOKEN, rule=host.rule, limits=SHORT)
    assert (result.verdict, result.detail, result.requests) == (Verdict.UNREACHABLE, "it took too long", 1)
    assert not host.stopped.is_set()
