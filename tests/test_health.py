"""What a load balancer is told."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import RequestFactory
from pytest_django import DjangoAssertNumQueries

from recoverydesk import health

NO_CACHE = "no-cache"


def test_livez_asks_nobody(rf: RequestFactory) -> None:
    """pytest-django refuses any query here."""
    answer = health.livez(rf.get("/livez"))
    assert answer.status_code == 200
    assert NO_CACHE in answer.headers["Cache-Control"]


@pytest.mark.django_db
def test_readyz_asks_the_database_once(rf: RequestFactory, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        assert health.readyz(rf.get("/readyz")).status_code == 200


@pytest.mark.django_db
def test_readyz_says_when_the_database_is_gone(rf: RequestFactory) -> None:
    def gone(execute: Callable[..., Any], *arguments: Any) -> Any:
        raise OperationalError("the connection is closed")

    with connection.execute_wrapper(gone):
        assert health.readyz(rf.get("/readyz")).status_code == 503


@pytest.mark.parametrize("view", [health.livez, health.readyz])
def test_health_is_only_read(rf: RequestFactory, view: Callable[..., Any]) -> None:
    assert view(rf.post("/livez")).status_code == 405
