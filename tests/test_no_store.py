"""What a signed-in visitor was shown is kept nowhere. Every address is asked in test_url_matrix.py."""

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from recoverydesk.urls import urlpatterns as every_address
from tests.helpers import factories
from tests.helpers.desk import browser


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError


urlpatterns = [path("broken/", broken), *every_address]
handler500 = "recoverydesk.database.trouble.server_error"
pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.test_no_store")]


@pytest.fixture
def signed_in() -> Client:
    client = browser(factories.make_user("ada"))
    client.raise_request_exception = False
    return client


def may_be_kept(client: Client, where: str, method: str = "get") -> bool:
    answer = getattr(client, method)(where)
    b"".join(answer)  # a file is closed when it was read
    return "no-store" not in answer.headers.get("Cache-Control", "")


@pytest.mark.parametrize(
    ("where", "status"),
    [
        ("/", 200),
        ("/account/profile/", 200),
        ("/account/security", 301),  # the slash that lacks
        ("/account/login/", 302),
        ("/admin/", 302),
        ("/nowhere/", 404),
        ("/account/never-reset/", 405),
        ("/broken/", 500),
    ],
)
def test_no_answer_to_a_signed_in_visitor_is_kept(signed_in: Client, where: str, status: int) -> None:
    assert signed_in.get(where).status_code == status
    assert not may_be_kept(signed_in, where)


def test_a_refused_form_is_not_kept(signed_in: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in.cookies
    answer = strict.post("/account/freeze/")
    assert (answer.status_code, "no-store" in answer["Cache-Control"]) == (403, True)


def test_signing_in_and_out_is_not_kept(signed_in: Client) -> None:
    assert not may_be_kept(signed_in, "/account/logout/", "post")
    new = Client()
    answer = new.post("/account/login/", {"login": "ada", "password": factories.PASSWORD})
    assert (answer.status_code, "no-store" in answer["Cache-Control"]) == (302, True)


def test_a_visitor_without_a_session_may_keep_the_public_pages(client: Client) -> None:
    assert may_be_kept(client, "/")
    assert settings.SESSION_COOKIE_NAME not in client.cookies


def test_what_knows_no_session_may_be_kept_by_everybody(signed_in: Client) -> None:
    assert may_be_kept(signed_in, "/static/recovery/desk.css")
    assert may_be_kept(signed_in, "/simple/")
    assert "Cookie" not in signed_in.get("/simple/").headers["Vary"]
