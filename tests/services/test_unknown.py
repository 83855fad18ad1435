"""On a database error a page says that nobody knows, never that it was done and never that it was not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client

from accounts.mail.models import Request
from recoverydesk.settings import DATABASE_CACHE
from tests.helpers.forms import FORM, UNKNOWN

pytestmark = pytest.mark.django_db


@contextmanager
def cut_off(before: Callable[[str], bool]) -> Iterator[None]:
    """The server goes away before the first such statement."""

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if before(sql):
            raise OperationalError("terminating connection due to administrator command")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield


@pytest.fixture
def visitor(db: None) -> Client:
    return Client(raise_request_exception=False)


def test_a_post_cut_off_says_that_nobody_knows_and_leads_back(visitor: Client) -> None:
    with cut_off(lambda sql: sql.startswith("INSERT")):
        answer = visitor.post("/recover/", FORM, headers={"Referer": "http://testserver/recover/"})
    page = answer.content.decode()
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (503, "5", "no-store")
    assert UNKNOWN in page
    assert 'href="http://testserver/recover/"' in page
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_the_page_needs_no_database_at_all(visitor: Client) -> None:
    visitor.cookies["session"] = "k" * 32
    with cut_off(lambda sql: True):
        answer = visitor.get("/account/security/")
    assert answer.status_code == 503
    assert "The database does not answer" in answer.content.decode()
    assert UNKNOWN not in answer.content.decode()


def test_nobody_is_led_to_another_site(visitor: Client) -> None:
    with cut_off(lambda sql: sql.startswith("INSERT")):
        answer = visitor.post("/recover/", FORM, headers={"Referer": "https://evil.example/recover/"})
    assert "evil.example" not in answer.content.decode()
    assert 'href="/recover/"' in answer.content.decode()


def test_another_mistake_is_the_plain_page(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recoverydesk.recovery.background.intake.note_request", lambda **_given: 1 / 0)
    answer = visitor.post("/recover/", FORM)
    assert answer.status_code == 500
    assert "Something broke" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_submitting_again_after_not_knowing_gives_the_usual_page(visitor: Client) -> None:
    with cut_off(lambda sql: sql.startswith("INSERT")):
        visitor.post("/recover/", FORM)
    answer = visitor.post("/recover/", FORM)
    assert (answer.status_code, answer["Location"]) == (302, "/recover/received/")
    assert Request.objects.count() == 1


@contextmanager
def read_only() -> Iterator[None]:
    """The database takes nothing, as one does that stands in for another."""
    sql = "SET default_transaction_read_only = {}" if connection.vendor == "postgresql" else "PRAGMA query_only = {}"
    with connection.cursor() as cursor:
        cursor.execute(sql.format("on"))
        yield
        cursor.execute(sql.format("off"))


@pytest.fixture
def database_cache(visitor: Client, settings: Any) -> Iterator[None]:
    """The cache as a site has it, not the one of the tests."""
    settings.CACHES = {"default": {"BACKEND": "recoverydesk.database.cache.Cache", "LOCATION": "cache"}}
    call_command("createcachetable", verbosity=0)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE cache")


@pytest.mark.django_db(transaction=True)
def test_a_limit_that_cannot_be_counted_is_not_said_to_be_reached(visitor: Client, database_cache: None) -> None:
    with read_only():
        answer = visitor.post("/recover/", FORM)
    assert answer.status_code == 503
    assert UNKNOWN in answer.content.decode()
    assert visitor.post("/recover/", FORM).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_the_cache_still_adds_once(database_cache: None) -> None:
    assert [cache.add("key", "first", 60), cache.add("key", "second", 60), cache.get("key")] == [True, False, "first"]
    cache.set("key", "third", 60)
    assert (cache.get("key"), cache.touch("none", 60)) == ("third", False)


@pytest.mark.django_db(transaction=True)
def test_a_crowd_of_visitors_pushes_no_attackers_count_out(database_cache: None, settings: Any) -> None:
    """Django keeps 300 entries of any kind, and which of them go is no matter of age."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "OPTIONS": DATABASE_CACHE}}
    for name in ("a-first", "zz-first"):
        cache.set(name, [1.0], 900)
    for number in range(400):
        cache.set(f"m-{number}", [1.0], 900)
    assert [cache.get("a-first"), cache.get("zz-first")] == [[1.0], [1.0]]
