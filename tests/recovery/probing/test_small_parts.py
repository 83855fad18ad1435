"""Guards, sign-in pages, the command that shows the same, whom to ask, and what is said without asking."""

from typing import Any

import pytest

from common.transport.client import Stream, WebOrigin
from common.transport.sockets import Guard, OutOfTime, TooMuch
from recoverydesk.recovery.branch_token import BadBranchName
from recoverydesk.recovery.probing import probe as probing
from recoverydesk.recovery.probing import show_how, sign_in_pages
from recoverydesk.recovery.probing.verdicts import Result, Verdict
from recoverydesk.recovery.repository_urls.parser import HostRule, Place, parse
from tests.helpers.far_ends import TOKEN


class Clock:
    """Stands still until it is turned."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_step_ends_after_its_seconds_and_never_after_the_whole(clock: Clock) -> None:
    guard = Guard(20)
    assert guard.left() == 20
    guard.start_step(5, 10)
    assert guard.left() == 5
    clock.now += 4.5
    assert guard.left() == 0.5
    clock.now += 0.5
    with pytest.raises(OutOfTime):
        guard.left()
    clock.now += 12
    guard.start_step(5, 10)
    assert guard.left() == 3
    guard.restart(7)
    assert (guard.left(), guard.started, guard.ends) == (7, 117.0, 124.0)


def test_a_step_reads_as_many_bytes_as_it_may(clock: Clock) -> None:
    guard = Guard(20)
    assert (guard.allowance, guard.sent, guard.received, guard.heard_in_step) == (0, 0, 0, False)
    guard.start_step(5, 10)
    assert (guard.took(4), guard.took(6), guard.allowance) == (4, 6, 0)
    assert guard.heard_in_step
    with pytest.raises(TooMuch):
        guard.took(1)
    assert guard.received == 11
    guard.start_step(5, 3)
    assert (guard.heard_in_step, guard.took(0), guard.heard_in_step) == (False, 0, False)
    guard.took(2)
    assert (guard.received, guard.allowance, guard.heard_in_step) == (13, 1, True)
    guard.restart(20)
    assert (guard.received, guard.sent, guard.heard_in_step, guard.allowance) == (0, 0, False, 0)


def test_a_listing_gets_its_own_time_from_the_start_and_its_own_bytes_in_this_step(clock: Clock) -> None:
    guard = Guard(20)
    guard.start_step(5, 100)
    guard.took(50)
    guard.start_step(5, 100)
    guard.took(30)
    clock.now += 3
    guard.extend(60, 1000)
    assert guard.left() == 57
    assert guard.allowance == 970
    assert guard.ends == 160.0
    clock.now += 57
    with pytest.raises(OutOfTime):
        guard.left()


# Whether a cut answer would be noticed --------------------------------------------------------------------------------


class Response:
    def __init__(self, **headers: str) -> None:
        self.status = 200
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.mark.parametrize(
    ("headers", "says"),
    [({}, False), ({"Content_Length": "7"}, True), ({"Transfer_Encoding": "gzip, Chunked"}, True),
     ({"Transfer_Encoding": "gzip"}, False)],
)  # fmt: skip
def test_an_answer_says_its_end_by_its_length_or_in_chunks(headers: dict[str, str], says: bool) -> None:
    response: Any = Response(**headers)
    assert Stream(response, lambda: None).says_its_end is says


# Sign-in pages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "alone", "like_a_repository"),
    [
        ("/login", True, True), ("/log-on", True, True), ("/Sign_In/x", True, True), ("/a/signin", True, False),
        ("/a/b/oauth2/authorise", True, False), ("/a/login.php", True, False), ("/users/sign_in", True, True),
        ("/a/users/sign_in/", True, True), ("/a/account/signin", True, True), ("/_admin/login", True, True),
        ("/x/user/login", True, True), ("/+login;jsessionid=1/x", True, True), ("/~login", True, True),
        ("/loginpage", False, False), ("/a/b", False, False), ("/", False, False), ("", False, False),
        ("/login.git", False, False), ("/login/x.git/y", False, False), ("/login/info/refs", False, False),
        ("/login/git-upload-pack", False, False), ("/sso", True, True), ("/a/cas", True, False),
        ("/login.action", True, True), ("/login.verylong", False, False), ("/openid-connect/auth", True, True),
    ],
)  # fmt: skip
def test_which_addresses_are_those_of_sign_in_pages(path: str, alone: bool, like_a_repository: bool) -> None:
    url = f"https://git.example.org{path}?a=b"
    assert sign_in_pages.is_sign_in(url) is alone
    assert sign_in_pages.is_sign_in(url, like_a_repository=True) is like_a_repository


def test_what_is_no_url_is_no_sign_in_page() -> None:
    assert not sign_in_pages.is_sign_in("http://[/login")


@pytest.mark.parametrize(
    ("body", "asks"),
    [(b"<input type=password>", True), (b"<INPUT\n name=x TYPE = 'Password'>", True),
     (b'<input type="password">', True),
     (b"<input type=passwords>", False), (b"<input type=text> password", False), (b"<inputs type=password>", False),
     (b"", False)],
)  # fmt: skip
def test_a_page_with_a_field_for_a_password(body: bytes, asks: bool) -> None:
    assert sign_in_pages.asks_for_password(body) is asks


# The command ----------------------------------------------------------------------------------------------------------

ASKED = "https://git.example.org/ada/tool.git"
AGENT = "git/2.0 (x y)"
CURL = (
    "curl --include --silent --show-error --max-time 20 -A 'git/2.0 (x y)' -H 'Git-Protocol: version=2' "
    "'https://git.example.org/ada/tool.git/info/refs?service=git-upload-pack'"
)


@pytest.mark.parametrize(
    ("verdict", "protocol", "asked", "command"),
    [
        (Verdict.FOUND, "v2", ASKED, f"git ls-remote {ASKED} refs/heads/BRANCH"),
        (Verdict.MISSING, "v0", ASKED, f"git ls-remote {ASKED} refs/heads/BRANCH"),
        (Verdict.FOUND, "hg", ASKED, "hg identify --debug --id --rev BRANCH https://git.example.org/ada/tool"),
        (Verdict.MISSING, "hg", ASKED, "hg identify --debug --id --rev BRANCH https://git.example.org/ada/tool"),
        (Verdict.UNREACHABLE, "", ASKED, CURL), (Verdict.AMBIGUOUS, "hg", ASKED, CURL),
        (Verdict.BLOCKED, "", ASKED, "manage.py check_branch 'https://x/a b' BRANCH"),
        (Verdict.MISSING, "", "", "manage.py check_branch 'https://x/a b' BRANCH"),
    ],
)  # fmt: skip
def test_the_command_that_shows_the_same(verdict: Verdict, protocol: str, asked: str, command: str) -> None:
    assert show_how.command(Result(verdict, protocol=protocol), "https://x/a b", asked, AGENT) == command


@pytest.mark.parametrize("url", ["-rf", "https://x/\n", "https://\u0131x/"])
def test_what_a_shell_could_misread_is_left_out(url: str) -> None:
    assert show_how.command(Result(Verdict.BLOCKED), url, "", AGENT) == ""


def test_the_command_with_the_name_for_who_knows_it() -> None:
    assert show_how.with_name("git ls-remote URL refs/heads/BRANCH", "a b") == "git ls-remote URL refs/heads/'a b'"
    assert show_how.with_name("hg identify --rev BRANCH URL/BRANCH", "x") == "hg identify --rev x URL/BRANCH"
    assert show_how.with_name("manage.py check_branch URL BRANCH", "x") == "manage.py check_branch URL x"
    assert show_how.with_name("git ls-remote URL refs/heads/BRANCHS", "x") == "git ls-remote URL refs/heads/BRANCHS"


# Whom to ask ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "rule", "origin"),
    [
        ("https://codeberg.org/ada/tool", None, WebOrigin("https", "codeberg.org", 443)),
        ("https://git.example.org:8443/ada/tool.git", None, WebOrigin("https", "git.example.org", 8443)),
        ("https://git.example.org/ada/tool", HostRule(), WebOrigin("https", "git.example.org", 443)),
        ("https://git.example.org/ada/tool", HostRule(private=True),
         WebOrigin("https", "git.example.org", 443, private=True)),
        ("https://git.example.org/ada/tool", HostRule(scheme="http", port=80),
         WebOrigin("http", "git.example.org", 80)),
        ("https://git.example.org/ada/tool", HostRule(scheme="http", port=80, private=True, plain_http=True),
         WebOrigin("http", "git.example.org", 80, allows=("http", 80), private=True)),
        ("https://[::1]:9000/ada/tool", HostRule(port=9000, private=True),
         WebOrigin("https", "[::1]", 9000, allows=("https", 9000), private=True)),
        ("https://git.example.org/ada/tool", HostRule(paused=True), None),
        ("https://codeberg.org/explore", None, None),
    ],
)  # fmt: skip
def test_whom_to_ask(url: str, rule: HostRule | None, origin: WebOrigin | None) -> None:
    key = url.split("/")[2]
    hosts = {key: rule} if rule else {}
    assert probing.origin_of(parse(url, hosts), hosts) == origin


@pytest.mark.parametrize(
    ("origin", "allowed", "key"),
    [
        (WebOrigin("https", "a", 443), True, "a"), (WebOrigin("http", "a", 80), False, "a"),
        (WebOrigin("https", "a", 8443), False, "a:8443"), (WebOrigin("http", "a", 443), False, "a:443"),
        (WebOrigin("https", "a", 80), False, "a:80"), (WebOrigin("http", "a", 80, allows=("http", 80)), True, "a"),
        (WebOrigin("https", "a", 443, allows=("http", 80)), True, "a"),
    ],
)  # fmt: skip
def test_which_origins_are_allowed_and_what_they_are_called(origin: WebOrigin, allowed: bool, key: str) -> None:
    assert (origin.is_allowed, origin.key) == (allowed, key)


@pytest.mark.parametrize(
    ("url", "verdict", "words"),
    [
        ("https://localhost/a/b.git", Verdict.BLOCKED,
         "an IP address or a name without a dot; a private code host needs `codehost add`"),
        ("https://codeberg.org/explore", Verdict.NOT_A_REPOSITORY,
         "the URL names no repository that could prove anything"),
        ("https://git.example.org/ada/tool", Verdict.UNREACHABLE, "staff have paused this code host"),
    ],
)  # fmt: skip
def test_what_is_said_without_asking(url: str, verdict: Verdict, words: str) -> None:
    hosts = {"git.example.org": HostRule(paused=True)}
    place = parse(url, hosts)
    assert probing.probe(url, TOKEN, hosts=hosts) == Result(
        verdict, place.host, place.namespace, place.repository, detail=words,
        show_how=f"manage.py check_branch {url} BRANCH",
    )  # fmt: skip
    with pytest.raises(BadBranchName):
        probing.probe(url, "..", hosts=hosts)


def test_a_place_without_a_host_takes_no_rule() -> None:
    assert probing.probe(Place("x"), TOKEN, rule=HostRule()).verdict == Verdict.BLOCKED
    assert probing.paused(Place("x", "h", "n", "r")) == Result(
        Verdict.UNREACHABLE, "h", "n", "r", detail="staff have paused this code host"
    )
