"""No page for everybody can be asked for without end: the whole URL list, walked, and what a refusal says."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from allauth.core.internal.ratelimit import parse_rates
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts import too_often
from accounts.models import User
from recoverydesk.rate_limits import RATE_LIMITS
from recoverydesk.recovery.models import Status
from tests.helpers import factories
from tests.helpers.files import ROOT
from tests.helpers.links import path
from tests.helpers.tickets import make_ticket, status_link, stop_link
from tests.helpers.tokens import basic, mint
from tests.helpers.walk import routes, sample
from tests.tiers import spread

pytestmark = pytest.mark.django_db

FEW = 3
AGAIN = re.compile(r"Try again in \d+ (?:seconds?|minutes?), at \d\d:\d\d:\d\d UTC\.")
NAMES_OF_THINGS = {"name", "filename", "uidb36", "kind", "number", "version"}  # parts of an address that are no key
OURS = {"page", "dead_link"} | {  # counted by a page's own code
    "login_account", "login_failed", "second_factor", "step_up", "decide", "recover_proof", "recover_request",
    "api_token", "api_token_key", "upload", "upload_account", "correct_address",
    "publisher_token", "staged", "leak_report", "index_refused",
}  # fmt: skip
ALLAUTHS = {name for name, rate in RATE_LIMITS.items() if rate is None} - {
    "legacy",
    "leak_reports",
    "oidc_burn",
    "oidc_mint",
}


def patterns(resolver: URLResolver, inside: str = "") -> Iterator[tuple[str, URLPattern]]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from patterns(one, one.namespace or inside)
        elif inside != "admin":
            yield inside, one


def public() -> list[str]:
    return [route for route in dict.fromkeys(routes(get_resolver())) if not route.startswith("admin/")]


@pytest.fixture
def few(settings: Any) -> None:
    """Three instead of twenty or sixty, everywhere."""
    settings.ACCOUNT_RATE_LIMITS = {
        name: rate and re.sub(r"(^|,)\d+/", rf"\g<1>{FEW}/", rate) for name, rate in RATE_LIMITS.items()
    }


@pytest.fixture
def member(few: None) -> User:
    user = factories.make_user("member")
    factories.add_totp(user)
    return user


def says_when(response: Any) -> bool:
    if response.status_code != too_often.STATUS:
        return False
    assert 0 < int(response.headers["Retry-After"]) <= 3600, response.request["PATH_INFO"]
    assert AGAIN.search(response.content.decode()), response.content
    return True


def test_every_address_that_takes_a_post_has_a_limit_that_says_when(member: User) -> None:
    visitor, signed_in = Client(raise_request_exception=False), Client(raise_request_exception=False)
    signed_in.force_login(member)
    session = signed_in.cookies["session"].value
    for route in spread(public(), 15):
        signed_in.cookies["session"] = session
        for client in (visitor, signed_in):
            answers = [client.post(sample(route)) for _ in range(FEW + 1)]
            if route.startswith(("simple/", "pypi/")) and answers[-1].status_code == HTTPStatus.METHOD_NOT_ALLOWED:
                continue  # the index takes no POST, and answers before anything is counted
            assert says_when(answers[-1]), f"{route} has no limit"


def test_every_address_with_a_mailed_key_has_one_for_reading_too(member: User) -> None:
    client = Client()
    with_key = [route for route in public() if "key>" in route]
    assert len(with_key) >= 6
    for route in with_key:
        answers = [client.get(sample(route)) for _ in range(FEW + 1)]
        assert says_when(answers[-1]), f"{route} has no limit"


def test_whoever_tries_many_keys_meets_the_limit_of_their_network(few: None) -> None:
    client, neighbour = Client(), Client(REMOTE_ADDR="198.51.100.7")
    for place in ("status", "stop", "password"):
        answers = [client.get(f"/recover/{place}/{number}.{'x' * 43}/") for number in range(1, FEW + 2)]
        assert says_when(answers[-1])
        assert neighbour.get(f"/recover/{place}/1.{'x' * 43}/").status_code == 404


def test_whoever_tries_many_keys_keeps_no_neighbour_from_their_genuine_link(member: User) -> None:
    client = Client()
    for number in range(1, FEW + 2):
        dead = client.post(f"/recover/stop/{number}.{'x' * 43}/")
    assert says_when(dead)
    ticket = make_ticket(member)
    assert client.get(path(status_link(ticket))).status_code == 200
    client.post(path(stop_link(ticket)), {"stop": "1"})
    ticket.refresh_from_db()
    assert ticket.status == Status.STOPPED


def test_a_scanner_that_opens_a_link_all_day_uses_up_no_click_of_its_button(member: User) -> None:
    ticket = make_ticket(member)
    page = path(stop_link(ticket))
    scanner = Client(REMOTE_ADDR="198.51.100.7")
    assert says_when([scanner.get(page) for _ in range(FEW + 1)][-1])
    Client().post(page, {"stop": "1"})
    ticket.refresh_from_db()
    assert ticket.status == Status.STOPPED


def test_parts_of_addresses_that_are_keys_are_called_key() -> None:
    """Under another name `page_limits` would not count reading. A new name here is a decision."""
    found = {
        name
        for _space, one in patterns(get_resolver())
        for name in [*getattr(one.pattern, "converters", {}), *getattr(one.pattern, "regex", re.compile("")).groupindex]
        if type(getattr(one.pattern, "converters", {}).get(name)).__name__ not in ("IntConverter", "UUIDConverter")
    }
    assert found - NAMES_OF_THINGS - {"device_id"} == {"key"}


@pytest.mark.parametrize("name", RATE_LIMITS)
def test_every_line_of_the_table_is_a_page_or_is_counted_somewhere(name: str) -> None:
    """A typing error would be no limit."""
    pages = {one.name for _space, one in patterns(get_resolver())}
    rate = RATE_LIMITS[name]
    assert name in pages | OURS | ALLAUTHS
    if name in OURS - {"page"}:
        rooms = [
            file.read_text() for room in ("accounts", "tokens", "recoverydesk") for file in (ROOT / room).rglob("*.py")
        ]
        assert sum(f'"{name}"' in text for text in rooms) >= 2
    for one in parse_rates(rate):
        assert one.amount > 0
        assert one.duration <= 3600
        assert one.per in {"ip", "user", "key"}


def test_no_limit_that_anybody_can_use_up_for_somebody_else_lasts_longer_than_a_quarter_of_an_hour() -> None:
    of_keys = [one for rate in RATE_LIMITS.values() for one in parse_rates(rate) if one.per == "key"]
    assert max(one.duration for one in of_keys) <= 900


@pytest.mark.parametrize("kind", ["application/json", "application/problem+json"])
def test_a_program_is_answered_in_its_own_form(few: None, kind: str) -> None:
    client = Client(headers={"Accept": kind})
    answer = [client.post("/account/login/") for _ in range(FEW + 1)][-1]
    assert answer.headers["Content-Type"] == kind
    assert says_when(answer)
    assert answer.json()["status"] == too_often.STATUS


def test_uploading_too_often_is_said_in_the_status_line_as_every_refusal(member: User) -> None:
    text = mint(member).text
    networks = [Client(REMOTE_ADDR=f"198.51.100.{number}") for number in range(FEW + 1)]
    for clients in (networks, [networks[0]] * (FEW + 1)):  # one account from everywhere, one network
        answers = [
            client.post("/legacy/", {":action": "submit"}, headers={"Authorization": basic(text)}) for client in clients
        ]
        assert answers[0].status_code in (410, 429)
        assert says_when(answers[-1])
        assert AGAIN.search(answers[-1].reason_phrase)


def test_a_token_that_asks_too_often_is_told_when(member: User) -> None:
    answers = [
        Client(REMOTE_ADDR=f"198.51.100.{number}").get("/api/token", headers={"Authorization": basic(mint_once)})
        for number, mint_once in enumerate([mint(member).text] * (FEW + 1))
    ]
    assert [answer.status_code for answer in answers] == [200] * FEW + [429]
    assert says_when(answers[-1])
