"""URL -> (host, namespace, repository), against real URLs and made-up nasty ones."""

import csv
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from recoverydesk.recovery.code_hosts.described import parse_stored, stored_hosts
from recoverydesk.recovery.models import CodeHost
from recoverydesk.recovery.repository_urls.parser import (
    NO_HOSTS,
    HostRule,
    Hosts,
    Why,
    parse,
    probe_url,
    refusal,
    why_none,
)
from tests.helpers.files import ROOT
from tests.tiers import times

TABLE = ROOT / "tests" / "data" / "repo-urls.tsv"
with TABLE.open() as file:
    ROWS = list(csv.DictReader(file, delimiter="\t"))
LOCAL = {
    "localhost:8001": HostRule("owner", "http", 8001, private=True, plain_http=True),
    "[::1]:9000": HostRule("nested", "https", 9000, private=True),
    "10.0.0.5": HostRule("single", "https", 443, private=True),
    "code.example.org:8443": HostRule("single", "https", 8443),
    "git.example.net": HostRule("nested", "https", 443),
}


def named(url: str, hosts: Hosts = NO_HOSTS) -> tuple[str, str, str]:
    place = parse(url, hosts)
    return place.host, place.namespace, place.repository


@pytest.mark.parametrize("row", ROWS, ids=[row["url"] for row in ROWS])
def test_every_row_of_the_table_is_read_right(row: dict[str, str]) -> None:
    expected = tuple("" if row[name] == "-" else row[name] for name in ("host", "owner", "repo"))
    assert named(row["url"]) == expected


def test_a_repository_is_asked_over_https_at_its_own_host() -> None:
    asked = [probe_url(parse(row["url"])) for row in ROWS if row["repo"] != "-"]
    assert all(urlsplit(url).scheme == "https" and "@" not in url and "?" not in url for url in asked)


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("git://GitHub.com/PSF/Requests", "https://github.com/PSF/Requests.git"),
        ("https://gitlab.com/a/b/c/-/tree/main", "https://gitlab.com/a/b/c.git"),
        ("https://sourceforge.net/p/docutils/code/", "https://git.code.sf.net/p/docutils/code"),
        ("lp:launchpadlib", "https://git.launchpad.net/launchpadlib"),
        ("https://code.launchpad.net/~ada/tool/+git/fork", "https://git.launchpad.net/~ada/tool/+git/fork"),
        ("https://contoso.visualstudio.com/_git/W", "https://dev.azure.com/contoso/W/_git/W"),
        ("git@ssh.dev.azure.com:v3/contoso/W/core", "https://dev.azure.com/contoso/W/_git/core"),
        ("https://git.savannah.gnu.org/cgit/emacs/elpa.git/tree", "https://git.savannah.gnu.org/git/emacs/elpa.git"),
        ("https://git.example.org:8443/team/tool.git", "https://git.example.org:8443/team/tool.git"),
        ("git+https://github.com/psf/requests.git@v2.0", "https://github.com/psf/requests.git"),
        ("https://git.example.org/team/tool", "https://git.example.org/team/tool"),
        ("https://github.com/psf", ""),
        ("https://github.com/psf/requests.wiki.git", ""),
        ("https://gist.github.com/psf/0123456789abcdef0123.git", ""),
        ("https://git.example.org/team/tool.wiki.git", ""),
        ("https://example.readthedocs.io/en/latest", ""),
    ],
)
def test_where_a_repository_is_asked(url: str, asked: str) -> None:
    assert probe_url(parse(url)) == asked


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:8001/ada/tool.git", ("localhost:8001", "ada", "tool")),
        ("http://localhost:8001/Ada/Tool/issues", ("localhost:8001", "ada", "tool")),
        ("https://[::1]:9000/a/b/c", ("[::1]:9000", "a/b", "c")),
        ("https://10.0.0.5/team/tool.git/tree", ("10.0.0.5", "*", "team/tool")),
        ("https://code.example.org:8443/deep/down/tool", ("code.example.org:8443", "*", "deep/down/tool")),
        ("https://www.git.example.net/a/b/c", ("git.example.net", "a/b", "c")),
        ("http://localhost/ada/tool.git", ("", "", "")),
        ("http://localhost:8002/ada/tool.git", ("", "", "")),
        ("http://localhost:8001/ada/%2e%2e/tool.git", ("", "", "")),
        ("http://ada.x@localhost:8001/ada/tool.git", ("", "", "")),
    ],
)
def test_a_described_host_is_read_before_the_general_refusals(url: str, expected: tuple[str, str, str]) -> None:
    assert named(url, LOCAL) == expected


def test_a_described_host_is_asked_as_described() -> None:
    assert probe_url(parse("ssh://git@code.example.org:8443/t/x", LOCAL), LOCAL) == "https://code.example.org:8443/t/x"
    url = "http://localhost:8001/Ada/Tool"
    assert probe_url(parse(url, LOCAL), LOCAL) == "http://localhost:8001/Ada/Tool.git"
    assert probe_url(parse(url, LOCAL)) == ""


def test_a_description_never_changes_how_a_known_host_is_read() -> None:
    hosts = {"github.com": HostRule("single")}
    assert named("https://github.com/psf/requests", hosts) == ("github.com", "psf", "requests")


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/a/b.git", "https://127.1/a/b.git", "https://2130706433/a/b.git", "https://0x7f000001/a/b.git",
        "https://0177.0.0.1/a/b.git", "https://0/a/b.git", "https://[::1]/a/b.git", "https://[::ffff:127.0.0.1]/a/b.git",
        "https://[::ffff:7f00:1]/a/b.git", "https://localhost/a/b.git", "https://LOCALHOST/a/b.git",
        "https://example.com@127.0.0.1/a/b.git", "https://example.com\\@127.0.0.1/a/b.git", "https://127.0.0.1./a/b.git",
        "https://１２７.0.0.1/a/b.git", "https://127.0.0.1%00.example.org/a/b.git", "file:///etc/a/b.git",
        "ftp://example.org/a/b.git", "gopher://example.org/a/b.git", "ext::sh -c id",
        "https://github.com/psf /requests",
        "https://user@x@github.com/psf/requests", "https://github.com:0/psf/requests", "https://github.com:99999/a/b",
        "https://github.com:x/a/b", "https:///a/b.git", "https://www.com/a/b.git", "https://ｇｉｔｈｕｂ.com/a/b",
        "https://github.com/psf/requests\n", "https://github.com/" + "a" * 2000,
    ],
)  # fmt: skip
def test_what_could_be_misread_or_leads_inside_is_refused_with_a_reason(url: str) -> None:
    assert named(url) == ("", "", "")
    assert refusal(url)


def test_a_plain_page_is_no_repository_but_no_offence_either() -> None:
    assert refusal("https://docs.example.org/en/latest") == ""


def test_two_repositories_at_the_top_of_an_unknown_host_are_two_boundaries() -> None:
    top, folder = named("https://git.example.org/tool.git"), named("https://git.example.org/tool/tool.git")
    assert top == ("git.example.org", "tool.git", "tool")
    assert folder[:2] != top[:2]


def test_a_look_alike_never_equals_the_host_it_imitates() -> None:
    assert named("https://g\u0131thub.com/psf/requests")[0] == "xn--gthub-n4a.com"


pieces = st.sampled_from(
    [
        "https://", "git@", "github.com", "gitlab.com", "xn--", "[", "]", ":", "/", "//", "..", ".git", "%2e", "@", "~",
        "-", "lp:", "_git", "p", ".visualstudio.com", "\\", "\x00", "ı", "１", " ", "?", "#", "localhost:8001",
        "git.sr.ht",
    ]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(pieces | st.text(max_size=3), max_size=12).map("".join)))
@settings(max_examples=times(400, fast=60), deadline=None)
def test_any_text_gives_a_place(text: str) -> None:
    for hosts in (NO_HOSTS, LOCAL):
        place = parse(text, hosts)
        assert place.url == text
        assert bool(place.host) == bool(place.namespace)
        assert place.host or not place.repository
        assert bool(probe_url(place, hosts)) or not place.names_repository


@pytest.mark.django_db
def test_stored_hosts_are_one_query_however_many_urls_are_read(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    CodeHost.objects.create(
        host="localhost:8001", origin="http://localhost:8001", style="owner", private=True, plain_http=True
    )
    with django_assert_num_queries(1):
        hosts = stored_hosts()
        places = [parse_stored(f"http://localhost:8001/ada/tool{n}", hosts) for n in range(100)]
    assert all(place.names_repository for place in places)
    with django_assert_num_queries(1):
        assert parse_stored("http://localhost:8001/ada/tool").namespace == "ada"


@pytest.mark.parametrize(
    ("url", "known", "why"),
    [
        ("https://git.example.net/a/b", True, None),
        ("https://git.example.net/a/b", False, Why.STRANGER),
        ("https://git.example.net/", True, Why.PAGE),
        ("https://github.com/ada", False, Why.PAGE),
        ("https://ada.github.io/a", False, Why.NO_CODE),
        ("ftp://git.example.net/a/b", True, Why.REFUSED),
    ],
)
def test_why_a_link_names_no_repository(url: str, known: bool, why: Why | None) -> None:
    assert why_none(url, LOCAL if known else NO_HOSTS) == why
