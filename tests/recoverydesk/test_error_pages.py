"""Every refusal has a page in words, of one look; the worst of them needs nothing that can be broken."""

import re
from typing import Any

import pytest
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.template.loader import get_template
from django.test import Client
from django.urls import path

from accounts import throttle
from recoverydesk.database import trouble
from recoverydesk.urls import urlpatterns as every_address
from tests.helpers import factories
from tests.helpers.files import ROOT
from tests.helpers.signing_in import enter

PAGES = sorted(found.name for found in (ROOT / "templates").glob("[45]*.html"))


def often(request: HttpRequest) -> HttpResponse:
    raise throttle.TooOften(90)


def odd(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError


urlpatterns = [path("often/", often), path("odd/", odd), path("broken/", broken), *every_address]
handler500 = "recoverydesk.database.trouble.server_error"
pytestmark = [pytest.mark.urls("tests.recoverydesk.test_error_pages")]


def shown(answer: Any) -> tuple[int, str]:
    """The status, and the heading of the page."""
    found = re.search(r"<h1>(.*?)</h1>", answer.content.decode(), re.DOTALL)
    assert found, answer.content
    return answer.status_code, found[1].strip()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "where", "expected"),
    [
        ("get", "/admin/accounts/user/", (403, "Not allowed")),
        ("get", "/nowhere/", (404, "No such page")),
        ("get", "/account/never-reset/", (405, "This page opens only from its button")),
        ("get", "/often/", (429, "Too many attempts")),
        ("get", "/broken/", (500, "Something broke")),
        ("get", "/odd/", (400, "That did not work")),
    ],
)
def test_every_refusal_says_what_it_is(method: str, where: str, expected: tuple[int, str]) -> None:
    client = Client(raise_request_exception=False)
    enter(client, factories.make_user("mod", staff=True))
    assert shown(getattr(client, method)(where)) == expected


@pytest.mark.django_db
def test_a_form_of_another_site_gets_the_page_of_the_csrf_check() -> None:
    assert shown(Client(enforce_csrf_checks=True).post("/account/login/")) == (403, "Your form was not accepted")


@pytest.mark.django_db
def test_too_often_says_when_again(client: Client) -> None:
    answer = client.get("/often/")
    assert re.search(r"Try again in 90 seconds, at \d\d:\d\d:\d\d UTC\.", answer.content.decode())
    assert answer["Retry-After"] == "90"


@pytest.mark.django_db
def test_a_program_that_wants_no_html_gets_no_page(client: Client) -> None:
    answer = client.post("/livez", headers={"accept": "application/json"})
    assert (answer.status_code, answer.content) == (405, b"")


def test_the_worst_page_needs_no_database_and_no_context(rf: Any) -> None:
    """No `db` mark: a query would fail the test."""
    assert shown(trouble.server_error(rf.get("/"))) == (500, "Something broke")


@pytest.mark.django_db
@pytest.mark.parametrize("name", PAGES)
def test_every_page_of_an_error_stands_in_the_same_frame(name: str) -> None:
    text = get_template(name).render({"sentence": "x"})
    assert 'class="lone"' in text
    assert re.search(rf"Error {name[:3]}\b", text)


def test_every_status_django_has_a_page_for_has_ours() -> None:
    assert {"400.html", "403.html", "404.html", "405.html", "429.html", "500.html", "403_csrf.html"} <= set(PAGES)
