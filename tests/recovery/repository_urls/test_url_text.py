"""The text of a URL: what is accepted at its very edge, what is refused and in which words."""

import pytest

from recoverydesk.recovery.repository_urls import known_hosts
from recoverydesk.recovery.repository_urls.parser import HostRule, parse, probe_url, refusal
from recoverydesk.recovery.repository_urls.url_text import (
    MAX_URL,
    Address,
    UrlRefused,
    host_key,
    host_of,
    is_bare,
    split_url,
)

TEXT = "spaces, control characters or a backslash in the URL, or too long"
SCHEME = "a scheme we do not ask over"
MISREAD = "a URL made to be misread"
NO_URL = "not a URL"
PARTS = "empty or dotted parts in the path"
NO_HOST = "no host, or a strange port"
PORT = "a strange port"
NO_NAME = "not a host name"
BARE = "an IP address or a name without a dot; a private code host needs `codehost add`"
ORIGIN = "not an origin: write https://host or https://host:port"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://Git.Example.org/a/b", Address("https", "git.example.org", None, ["a", "b"])),
        ("HTTPS://git.example.org", Address("https", "git.example.org", None, [])),
        ("https://git.example.org./", Address("https", "git.example.org", None, [])),
        ("https://git.example.org:443/a/", Address("https", "git.example.org", None, ["a"])),
        ("https://git.example.org:80/a", Address("https", "git.example.org", 80, ["a"])),
        ("http://git.example.org:80/a", Address("http", "git.example.org", None, ["a"])),
        ("ssh://git@git.example.org:22/a", Address("ssh", "git.example.org", None, ["a"])),
        ("ssh://git@git.example.org:443/a", Address("ssh", "git.example.org", None, ["a"])),
        ("git://git.example.org:9418/a", Address("git", "git.example.org", None, ["a"])),
        ("https://git.example.org:1/a", Address("https", "git.example.org", 1, ["a"])),
        ("https://git.example.org:65535/a", Address("https", "git.example.org", 65535, ["a"])),
        ("https://git.example.org/a?b=c#d/../e", Address("https", "git.example.org", None, ["a"])),
        ("https://git.example.org/a/b@v1", Address("https", "git.example.org", None, ["a", "b@v1"])),
        ("git+https://git.example.org/a/b@v1@x/c", Address("https", "git.example.org", None, ["a", "b"])),
        ("GIT+SSH://git.example.org/a/b@v1", Address("ssh", "git.example.org", None, ["a", "b"])),
        ("https://user:secret@git.example.org/a", Address("https", "git.example.org", None, ["a"])),
        ("git@Git.Example.org:a/b.git", Address("ssh", "git.example.org", None, ["a", "b.git"])),
        ("git@git.example.org:/a/b", Address("ssh", "git.example.org", None, ["a", "b"])),
        ("lp:tool", Address("https", "git.launchpad.net", None, ["tool"])),
        ("lp://~ada/tool", Address("https", "git.launchpad.net", None, ["~ada", "tool"])),
        ("https://[::0001]:9000/a", Address("https", "[::1]", 9000, ["a"])),
        ("https://b\u00fccher.example/a", Address("https", "xn--bcher-kva.example", None, ["a"])),
        ("https://b\u00fccher.example./a", Address("https", "xn--bcher-kva.example", None, ["a"])),
        ("https://my_git.example.org/a", Address("https", "my_git.example.org", None, ["a"])),
    ],
)
def test_a_url_is_taken_apart(url: str, address: Address) -> None:
    assert split_url(url) == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://git.example.org/a b", TEXT), ("https://git.example.org/a\\b", TEXT),
        ("https://git.example.org/a\x7fb", TEXT), ("https://git.example.org/a\xa0b", TEXT),
        ("ftp://git.example.org/a", SCHEME), ("svn+https://git.example.org/a", NO_URL), ("git.example.org/a", NO_URL),
        ("", NO_URL), ("https://a.b@git.example.org/", MISREAD), ("https://a@b@git.example.org/", MISREAD),
        ("https://a%40@git.example.org/", MISREAD), ("https://git.example.org/a%2Fb", MISREAD),
        ("https://git.example.org/%2e%2e/b", MISREAD), ("https://git.example.org/a%0Ab", MISREAD),
        ("https://git.example.org//a", PARTS), ("https://git.example.org/a//", PARTS),
        ("https://git.example.org/a/../b", PARTS), ("https://git.example.org/./b", PARTS),
        ("https://", NO_HOST), ("https://git.example.org:", NO_HOST), ("https://git.example.org:x/", NO_HOST),
        ("https://git.example.org:123456/", NO_HOST), ("https://[::1", NO_HOST),
        ("https://git.example.org:0/", PORT), ("https://git.example.org:65536/", PORT),
        ("https://git..example.org/", NO_NAME), ("https://git.exam!ple.org/", NO_NAME), ("https://[1::2::3]/", NO_NAME),
        ("https://\u2603\u200d.example/", NO_NAME), ("https://" + "a" * 64 + ".example/", NO_NAME),
        ("https://127.0.0.1/a/b.git", BARE), ("https://localhost/a/b.git", BARE), ("https://www.com/a/b.git", BARE),
    ],
)  # fmt: skip
def test_what_is_refused_says_why(url: str, why: str) -> None:
    assert refusal(url) == why


def test_the_longest_url_and_the_longest_host() -> None:
    start = "https://git.example.org/"
    assert refusal(start + "a" * (MAX_URL - len(start))) == ""
    assert refusal(start + "a" * (MAX_URL - len(start) + 1)) == TEXT
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert (len(longest), refusal(f"https://{longest}/x")) == (253, "")
    assert refusal(f"https://{longest}b/x") == NO_NAME


@pytest.mark.parametrize(
    ("origin", "key"),
    [
        ("https://Git.Example.org", ("git.example.org", "https", 443)),
        ("https://git.example.org/", ("git.example.org", "https", 443)),
        ("https://git.example.org:443", ("git.example.org", "https", 443)),
        ("https://git.example.org:8443", ("git.example.org:8443", "https", 8443)),
        ("http://git.example.org", ("git.example.org", "http", 80)),
        ("http://localhost:8001", ("localhost:8001", "http", 8001)),
        ("http://[::1]:9000", ("[::1]:9000", "http", 9000)),
    ],
)
def test_an_origin_has_a_key(origin: str, key: tuple[str, str, int]) -> None:
    assert host_key(origin) == key
    assert host_of(key[0]) == key[0].removesuffix(f":{key[2]}")


@pytest.mark.parametrize(
    "origin",
    ["https://git.example.org/a", "https://git.example.org?a", "https://ada@git.example.org", "ssh://git.example.org",
     "git.example.org", "https://", "https://git.example.org\n", "https://git.exam\\ple.org"],
)  # fmt: skip
def test_anything_longer_is_no_origin(origin: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        host_key(origin)
    assert str(refused.value) == ORIGIN


@pytest.mark.parametrize(
    ("host", "bare"),
    [("localhost", True), ("10.0.0.5", True), ("[::1]", True), ("10.0.0x5", True), ("a.0x5", True), ("a.0x", True),
     ("git.example", False), ("git.example5", False), ("git.5", True), ("5.git", False), ("[::1].example", True)],
)  # fmt: skip
def test_which_hosts_only_a_private_code_host_may_have(host: str, bare: bool) -> None:
    assert is_bare(host) is bare


# Hosts ----------------------------------------------------------------------------------------------------------------


def test_names_and_hosts_that_answer_lead_to_each_other() -> None:
    assert known_hosts.asked_at("git.example.org") == {"git.example.org"}
    assert known_hosts.asked_at("launchpad.net") == {"git.launchpad.net"}
    assert known_hosts.asked_at("sourceforge.net") == {"git.code.sf.net", "hg.code.sf.net", "svn.code.sf.net"}
    assert known_hosts.names_at("git.launchpad.net") == {"git.launchpad.net", "launchpad.net"}
    assert known_hosts.names_at("git.example.org") == {"git.example.org"}
    for host in known_hosts.KNOWN.values():
        assert host.asked_at in known_hosts.asked_at(host.name)
        assert host.name in known_hosts.names_at(host.asked_at)


def test_a_host_nobody_set_a_pace_for_has_the_usual_one() -> None:
    assert known_hosts.pace("git.example.org") == known_hosts.USUAL
    assert known_hosts.pace("github.com").a_day == 50_000


def test_a_public_host_on_a_port_of_its_own_is_another_host() -> None:
    assert parse("https://codeberg.org:8443/ada/tool.git").host == ""
    assert parse("https://git.sr.ht:8443/~ada/tool.git").host == ""
    assert parse("https://example.visualstudio.com:8443/_git/tool.git").host == ""
    assert parse("https://git.example.org:8443/ada/tool.git").host == "git.example.org:8443"


@pytest.mark.parametrize("url", ["https://notgithub.com/a/b.git", "https://github.com.example/a/b.git"])
def test_a_name_that_only_ends_or_begins_like_a_known_one_is_a_stranger(url: str) -> None:
    assert parse(url).namespace == "a"


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("https://g\u0131thub.com/psf/requests", ("xn--gthub-n4a.com", "psf", "requests")),
        ("https://git.sr.ht\u00e4/~ada/tool", ("", "", "")),
        ("https://gitlab.c\u00f6m/a/b/c", ("gitlab.xn--cm-fka", "a/b", "c")),
        ("https://b\u00fccher.example/psf/requests", ("", "", "")),
        ("https://b\u00fccher.example/psf/requests.git", ("xn--bcher-kva.example", "psf", "requests")),
        ("https://xn--a.example/psf/requests.git", ("xn--a.example", "psf", "requests")),
    ],
)
def test_a_look_alike_is_read_like_what_it_imitates_under_its_own_name(url: str, names: tuple[str, str, str]) -> None:
    place = parse(url)
    assert (place.host, place.namespace, place.repository) == names


# Where it is asked ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "asked"),
    [
        (HostRule("owner", "https", 443), "https://git.example.org/ada/tool.git"),
        (HostRule("owner", "https", 8443), "https://git.example.org:8443/ada/tool.git"),
        (HostRule("owner", "http", 80), "http://git.example.org/ada/tool.git"),
        (HostRule("owner", "http", 443), "http://git.example.org:443/ada/tool.git"),
    ],
)
def test_a_described_host_is_asked_at_its_own_port(rule: HostRule, asked: str) -> None:
    hosts = {"git.example.org": rule}
    assert probe_url(parse("https://git.example.org/ada/tool", hosts), hosts) == asked


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("ssh://git@git.example.org:8443/ada/tool.git", "https://git.example.org:8443/ada/tool.git"),
        ("https://git.example.org:8443/ada/tool", ""),
        ("https://git.example.org/ada/tool", "https://git.example.org/ada/tool"),
        ("https://git.example.org/", ""),
        ("https://git.example.org/a/to$ol", ""),
        ("https://codeberg.org/explore", ""),
        ("https://ada.github.io/tool", ""),
        ("https://www.git.example.org/ada/tool.git", "https://git.example.org/ada/tool.git"),
    ],
)
def test_where_a_stranger_is_asked(url: str, asked: str) -> None:
    assert probe_url(parse(url)) == asked


def test_a_refused_url_is_asked_nowhere() -> None:
    assert probe_url(parse("https://localhost/a/b.git")) == ""
    assert not parse("https://localhost/a/b.git").names_repository
