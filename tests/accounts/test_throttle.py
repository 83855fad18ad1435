"""Limits that stop a guesser and do not keep the owner out."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts import networks
from accounts.devices import TotpDevice
from accounts.factors import locked_until
from accounts.models import User
from tests.helpers.signing_in import code_of, type_code, type_password, wrong_code_of

OWNER, THIEF = "203.0.113.7", "198.51.100.9"


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@pytest.fixture
def owner(ada: User, app: TotpDevice) -> Client:
    """A browser ada has signed in with before; signed out now."""
    client = Client(REMOTE_ADDR=OWNER)
    type_password(client)
    type_code(client, code_of(app))
    client.post("/account/logout/")
    TotpDevice.objects.update(last_step=-1)
    cache.clear()
    return client


def test_wrong_passwords_from_elsewhere_do_not_keep_the_owner_out(owner: Client) -> None:
    thief = Client(REMOTE_ADDR=THIEF)
    for _ in range(10):
        type_password(thief, password="not the password")
    assert "Too many failed" in type_password(thief).content.decode()
    assert type_password(owner)["Location"] == "/account/second-factor/"


def test_wrong_passwords_from_many_networks_stop_unknown_browsers_and_not_the_known_one(owner: Client) -> None:
    for number in range(51):
        type_password(Client(REMOTE_ADDR=f"198.51.100.{number}"), password="not the password")
    late = type_password(Client(REMOTE_ADDR="198.51.100.200"))
    assert "Too many wrong passwords" in late.content.decode()
    assert type_password(owner)["Location"] == "/account/second-factor/"


def test_wrong_codes_of_who_knows_the_password_do_not_keep_the_owner_out(
    owner: Client, ada: User, app: TotpDevice
) -> None:
    for number in range(11):
        thief = Client(REMOTE_ADDR=f"198.51.100.{number}")
        type_password(thief)
        last = type_code(thief, wrong_code_of(app))
    assert last.status_code == 429
    for _ in range(8):
        app.throttle_increment()
    assert locked_until(ada) is not None
    type_password(owner)
    type_code(owner, code_of(app))
    assert is_signed_in(owner)


def test_an_unknown_browser_waits_until_the_lock_is_over_and_never_longer_than_fifteen_minutes(
    ada: User, app: TotpDevice
) -> None:
    for _ in range(40):
        app.throttle_increment()
    stranger = Client(REMOTE_ADDR=THIEF)
    type_password(stranger)
    answer = type_code(stranger, code_of(app))
    assert not is_signed_in(stranger)
    assert "accepted again in 9 minutes, at" in answer.content.decode()
    TotpDevice.objects.update(throttling_failure_timestamp="2026-01-01T00:00Z")
    assert app.get_throttle_factor() * 2 ** (app.throttling_failure_count - 1) <= 15 * 60
    type_code(stranger, code_of(app))
    assert is_signed_in(stranger)


def test_even_a_known_browser_has_a_limit(owner: Client, app: TotpDevice) -> None:
    type_password(owner)
    answers = [type_code(owner, wrong_code_of(app)).status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]


def test_a_try_counts_though_its_transaction_was_rolled_back(
    client: Client, ada: User, app: TotpDevice, settings: Any
) -> None:
    settings.ACCOUNTS_HOOKS = {"signed_in": "tests.accounts.broken_hooks.signed_in"}
    client.raise_request_exception = False
    type_password(client)
    answers = [type_code(client, code_of(app)).status_code for _ in range(11)]
    assert answers == [500] * 10 + [429]


def test_options_for_keys_are_limited(client: Client, db: None) -> None:
    answers = [client.post("/account/security/key/options/", {"purpose": "passkey"}).status_code for _ in range(61)]
    assert answers == [200] * 60 + [429]


V6 = "2001:db8:1:2:{:x}:{:x}:0:1"


@pytest.mark.django_db
def test_one_ipv6_network_is_one_visitor_however_many_addresses_it_has() -> None:
    for number in range(6):
        last = type_password(Client(REMOTE_ADDR=V6.format(number, number)), "nobody", "wrong")
    assert "Too many failed" in last.content.decode()
    neighbour = type_password(Client(REMOTE_ADDR="2001:db8:1:3::1"), "nobody", "wrong")
    assert "Too many failed" not in neighbour.content.decode()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_attempts_are_counted_by_ipv4_address_and_ipv6_network(address: str, network: str) -> None:
    assert networks.network_of(address) == network
