"""The plan of a round: which repositories are asked, where, in which order, and what is known without asking."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from common.transport.client import Limits, WebOrigin
from recoverydesk.recovery.probing.neighbours import Gate
from recoverydesk.recovery.probing.patience import Knowledge, Visit
from recoverydesk.recovery.probing.plan import REPOSITORIES_A_ROUND, Plan
from recoverydesk.recovery.probing.questions import Ask
from recoverydesk.recovery.probing.verdicts import Verdict
from recoverydesk.recovery.repository_urls.parser import HostRule, Hosts
from tests.helpers.far_ends import TOKEN

NOW = datetime(2026, 3, 1, tzinfo=UTC)
VISIT = Visit(Knowledge(), NOW)
HOSTS: Hosts = {
    "git.example.org": HostRule("owner", "https", 443),
    "code.example.net:8443": HostRule("owner", "https", 8443),
    "resting.example.org": HostRule("owner", paused=True),
}


def plan(*boundaries: Sequence[str], start: int = 0) -> Plan:
    """A plan in which each boundary, numbered from 1, asks in these repositories."""
    made = Plan(HOSTS, Limits())
    for number, urls in enumerate(boundaries, start=1):
        made.add(number, urls, TOKEN, start=start)
    return made


def questions(made: Plan, key: str) -> list[tuple[str, int, list[int]]]:
    """What is asked at a host: the repository, its place in the order, and for whom."""
    stop = made.stop(key, VISIT)
    return [(one.place.repository, one.position, [ask.boundary_id for ask in one.asks]) for one in stop.questions]


def urls(count: int, host: str = "codeberg.org") -> list[str]:
    return [f"https://{host}/ada/tool{number:02d}" for number in range(count)]


def test_twenty_repositories_a_round_are_asked_going_round_from_where_the_last_one_ended() -> None:
    asked = [name for name, _position, _ids in questions(plan(urls(25), start=20), "codeberg.org")]
    assert asked == [f"tool{number % 25:02d}" for number in range(20, 40)]
    assert REPOSITORIES_A_ROUND == 20
    assert [row[:2] for row in questions(plan(urls(3), start=4), "codeberg.org")] == [
        ("tool01", 0), ("tool02", 1), ("tool00", 2),
    ]  # fmt: skip
    assert plan([], start=5).seen == {1: []}


def test_everybodys_newest_comes_first_and_one_repository_is_asked_once() -> None:
    one, two = urls(3), ["https://codeberg.org/ada/tool02.git", "https://codeberg.org/Ada/tool01/issues"]
    made = plan(one, two)
    assert questions(made, "codeberg.org") == [("tool00", 0, [1]), ("tool02", 0, [1, 2]), ("tool01", 1, [1, 2])]
    first = made.stop("codeberg.org", VISIT).questions[0]
    assert first.asks == [Ask(1, one[0], TOKEN, 0)]
    assert made.keys_of(1) == made.keys_of(2) == {"codeberg.org"}


def test_each_host_is_a_stop_of_its_own() -> None:
    made = plan(["https://codeberg.org/ada/a", "https://git.example.org/ada/b", "https://code.example.net:8443/ada/c"])
    assert set(made.origins) == {"codeberg.org", "git.example.org", "code.example.net:8443"}
    assert made.origins["code.example.net:8443"] == WebOrigin("https", "code.example.net", 8443, allows=("https", 8443))
    assert made.keys_of(1) == set(made.origins)
    gate = Gate()
    stop = made.stop("codeberg.org", VISIT, gate)
    assert (stop.origin, stop.visit, stop.domain, stop.threads) == (made.origins["codeberg.org"], VISIT, gate, 0)
    assert made.stop("codeberg.org", VISIT).domain is None


def test_a_boundary_is_asked_for_only_where_its_repositories_are() -> None:
    made = plan(["https://codeberg.org/ada/a"], ["https://git.example.org/kim/b"])
    assert (made.keys_of(1), made.keys_of(2), made.keys_of(3)) == ({"codeberg.org"}, {"git.example.org"}, set())


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        ("https://localhost/ada/tool.git", Verdict.BLOCKED),
        ("https://codeberg.org/explore", Verdict.NOT_A_REPOSITORY),
        ("https://resting.example.org/ada/tool", Verdict.UNREACHABLE),
        ("https://unknown.example.org:8443/ada/tool.git", Verdict.BLOCKED),
    ],
)
def test_where_nothing_may_be_sent_the_answer_is_there_at_once(url: str, verdict: Verdict) -> None:
    made = plan([url])
    ((seen_url, result),) = made.seen[1]
    assert (seen_url, result.verdict, result.requests) == (url, verdict, 0)
    assert made.origins == {}
    assert made.keys_of(1) == set()


def test_a_host_that_is_paused_meanwhile_is_left_and_everybody_is_told() -> None:
    one, two = urls(2), urls(1)
    made = plan(one, two)
    made.leave_paused("codeberg.org")
    assert [url for url, _result in made.seen[1]] == one
    assert [url for url, _result in made.seen[2]] == two
    assert {result.detail for _url, result in [*made.seen[1], *made.seen[2]]} == {"staff have paused this code host"}
    assert {result.repository for _url, result in made.seen[1]} == {"tool00", "tool01"}


# Strangers ------------------------------------------------------------------------------------------------------------

STRANGER = "https://git.somebody.example/ada/tool.git"


@pytest.mark.parametrize(
    ("url", "key", "is_strangers"),
    [
        (STRANGER, "git.somebody.example", True), ("https://codeberg.org/ada/tool", "codeberg.org", False),
        ("https://git.example.org/ada/tool", "git.example.org", False),
        ("https://launchpad.net/tool", "", False), ("lp:tool", "git.launchpad.net", False),
    ],
)  # fmt: skip
def test_who_is_a_stranger(url: str, key: str, is_strangers: bool) -> None:
    made = plan([url])
    assert set(made.origins) == ({key} if key else set())
    if key:
        assert made.stop(key, VISIT).is_strangers is is_strangers


def test_a_stranger_with_a_pace_is_none_any_more() -> None:
    made = plan([STRANGER])
    made.paced.add("git.somebody.example")
    assert not made.stop("git.somebody.example", VISIT).is_strangers
    assert made.domains() == {}


def test_only_strangers_share_their_domain() -> None:
    made = plan([STRANGER, "https://a.b.other.co.uk/x/y.git", "https://codeberg.org/ada/a", "https://co.uk/x/y.git"])
    assert made.domains() == {"git.somebody.example": "*.somebody.example", "a.b.other.co.uk": "*.other.co.uk"}
    assert "co.uk" in made.origins
