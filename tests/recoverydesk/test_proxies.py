"""TRUSTED_PROXY_COUNT against the header the proxies really send."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Request

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def two_proxies(settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("path", ["/", "/recover/", "/account/login/", "/admin/", "/legacy/"])
def test_a_header_shorter_than_the_count_is_refused_with_both_numbers(
    method: str, path: str, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    answer = getattr(client, method)(path, headers={"X-Forwarded-For": "203.0.113.7"})
    assert answer.status_code == 400
    sentence = "X-Forwarded-For holds 1 of 2 addresses: TRUSTED_PROXY_COUNT is too high."
    assert answer.content.decode() == f"{sentence}\n"
    assert sentence in caplog.text


def test_what_a_visitor_writes_before_the_proxies_is_not_believed(client: Client) -> None:
    forwarded = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7, 192.0.2.1"}
    asked = {"username": "ada", "claim": "second_factor", "codes": "lost"}
    client.post(reverse("recover"), asked, headers=forwarded)
    assert list(Request.objects.values_list("network", flat=True)) == ["203.0.113.7"]


def test_a_request_that_came_through_no_proxy_is_answered(client: Client) -> None:
    assert client.get("/livez").status_code == 200
