import secrets
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from accounts.mail import links
from accounts.mail.models import Link
from common.clock import database_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("link_pages")]
HOUR = timedelta(hours=1)


@pytest.fixture
def link() -> Link:
    return make()


def make(purpose: str = "stop", recipient: str = "ada@example.org", **options: Any) -> Link:
    given: dict[str, Any] = {"lifetime": HOUR, "reference": "ticket:7"} | options
    return links.make_link(purpose, recipient, **given)


def test_a_link_opens_its_purpose_again_and_again(link: Link) -> None:
    assert links.resolve(links.key(link), "stop") == link
    assert links.resolve(links.key(Link.objects.get()), "stop") == link


def test_a_link_lives_as_long_as_asked_by_the_databases_clock(link: Link) -> None:
    assert abs(link.expires_at - database_now() - HOUR) < timedelta(minutes=1)


def test_the_address_is_below_base_url(link: Link, settings: Any) -> None:
    settings.BASE_URL = "https://desk.example.org"
    assert links.url(link) == f"https://desk.example.org/recover/stop/{links.key(link)}/"


@pytest.mark.parametrize("purpose", sorted(links.LINK_PATHS))
def test_every_purpose_has_an_address(purpose: str) -> None:
    made = make(purpose)
    assert links.key(made) in links.url(made)


def test_the_row_does_not_hold_the_key(link: Link) -> None:
    mac = links.key(link).partition(".")[2]
    assert all(mac not in str(value) for value in Link.objects.values_list()[0])


def test_another_purpose_refuses_it(link: Link) -> None:
    with pytest.raises(links.BadLink):
        links.resolve(links.key(link), "choose_password")


def test_a_row_whose_purpose_was_changed_refuses_it(link: Link) -> None:
    key = links.key(link)
    Link.objects.update(purpose="choose_password")
    with pytest.raises(links.BadLink):
        links.resolve(key, "choose_password")


@pytest.mark.parametrize("column", ["recipient", "nonce", "key_id"])
def test_a_row_changed_in_any_part_refuses_it(link: Link, column: str) -> None:
    key = links.key(link)
    Link.objects.update(**{column: "kim@example.org"})
    with pytest.raises(links.BadLink):
        links.resolve(key, "stop")


def test_the_mac_of_another_recipients_link_opens_nothing(link: Link) -> None:
    other = make(recipient="kim@example.org")
    with pytest.raises(links.BadLink):
        links.resolve(f"{link.pk}.{links.key(other).partition('.')[2]}", "stop")


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key[:-1],
        lambda key: key + "A",
        lambda key: key + "=",
        lambda key: key + "\n",
        lambda key: " " + key,
        lambda key: "0" + key,
        lambda key: key.partition(".")[0] + "." + "A" * 43,
        lambda key: key.replace(".", ".."),
        lambda key: key.partition(".")[0],
        lambda key: "",
        lambda key: "é" + key,
        lambda key: "9" * 30 + "." + "A" * 43,
        lambda key: "\uff11." + "A" * 43,
        lambda key: f"{10**17}." + "A" * 43,
    ],
)
def test_a_changed_key_is_refused(link: Link, change: Callable[[str], str]) -> None:
    with pytest.raises(links.BadLink) as refusal:
        links.resolve(change(links.key(link)), "stop")
    assert type(refusal.value) is links.BadLink
    assert refusal.value.args == ()


def test_an_expired_link_says_whose_it_was(link: Link) -> None:
    Link.objects.update(expires_at=Now() - timedelta(seconds=1))
    with pytest.raises(links.ExpiredLink) as expired:
        links.resolve(links.key(link), "stop")
    assert expired.value.link == link
    assert not links.use(link)


def test_a_forged_key_of_an_expired_link_learns_nothing(link: Link) -> None:
    Link.objects.update(expires_at=Now() - timedelta(seconds=1))
    with pytest.raises(links.BadLink) as refusal:
        links.resolve(f"{link.pk}.{'A' * 43}", "stop")
    assert type(refusal.value) is links.BadLink


@pytest.mark.parametrize("also_expired", [False, True])
@pytest.mark.parametrize("column", ["used_at", "dead_at"])
def test_a_used_or_dead_link_is_refused_even_when_expired(link: Link, column: str, also_expired: bool) -> None:
    Link.objects.update(**{column: Now()}, expires_at=Now() + (-HOUR if also_expired else HOUR))
    with pytest.raises(links.SpentLink) as refusal:
        links.resolve(links.key(link), "stop")
    assert refusal.value.link == link
    assert not links.use(link)


def test_a_forged_key_of_a_used_link_learns_nothing(link: Link) -> None:
    assert links.use(link)
    with pytest.raises(links.BadLink) as refusal:
        links.resolve(f"{link.pk}.{'A' * 43}", "stop")
    assert type(refusal.value) is links.BadLink


def test_resolving_is_one_query_whether_or_not_the_row_exists(
    link: Link, django_assert_num_queries: Callable[[int], Any]
) -> None:
    with django_assert_num_queries(1):
        links.resolve(links.key(link), "stop")
    with django_assert_num_queries(1), pytest.raises(links.BadLink):
        links.resolve(f"{link.pk + 1}.{'A' * 43}", "stop")


def test_old_links_outlive_a_key_rotation_until_their_key_leaves(link: Link, settings: Any) -> None:
    old_key, old, new = links.key(link), settings.FIELD_KEYS[0], secrets.token_bytes(32)
    settings.FIELD_KEYS = [new, old]
    assert links.resolve(old_key, "stop") == link
    assert links.key(link) == old_key
    assert make().key_id != link.key_id
    settings.FIELD_KEYS = [new]
    with pytest.raises(links.BadLink):
        links.resolve(old_key, "stop")


def test_killing_takes_the_reference_and_the_purposes_named() -> None:
    stop, status, elsewhere = make(), make("status"), make(reference="ticket:8")
    assert links.kill(reference="ticket:7", purposes=["stop"]) == 1
    with pytest.raises(links.BadLink):
        links.resolve(links.key(stop), "stop")
    assert links.kill(reference="ticket:7") == 1
    with pytest.raises(links.BadLink):
        links.resolve(links.key(status), "status")
    assert links.resolve(links.key(elsewhere), "stop") == elsewhere


def test_killing_nothing_in_particular_is_refused(link: Link) -> None:
    with pytest.raises(ValueError, match="which links"):
        links.kill(reference="")
    assert links.resolve(links.key(link), "stop") == link


@pytest.mark.django_db(transaction=True)
def test_of_eight_users_at_once_one_spends_the_link() -> None:
    link, start, answers = make("choose_password"), threading.Barrier(8), []

    def spend() -> None:
        try:
            start.wait()
            answers.append(links.use(link))
        finally:
            connection.close()

    workers = [threading.Thread(target=spend) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(answers) == [False] * 7 + [True]
