"""Every answer has the security headers, also one that an outer layer gives before any page is asked."""

from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
HEADERS = {
    "Content-Security-Policy",
    "Cross-Origin-Opener-Policy",
    "Referrer-Policy",
    "X-Content-Type-Options",
    "X-Frame-Options",
}


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize("https_only", [True, False])
@pytest.mark.parametrize("path", ["/", "/admin/", "/livez", "/legacy/", "/nowhere/"])
def test_the_answer_to_a_wrong_host_has_every_header(
    path: str, tls: bool, https_only: bool, client: Client, settings: Any
) -> None:
    settings.SECURE_SSL_REDIRECT = https_only
    for host in ("elsewhere.example", "localhost"):
        answer = client.get(path, headers={"host": host}, secure=tls)
        assert HEADERS - set(answer.headers) == set()
        assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/?q=\x00", "/admin/accounts/user/?username=\x00", "/recover/status/%00/"])
def test_bad_requests_and_missing_pages_have_every_header(path: str, client: Client) -> None:
    assert HEADERS - set(client.get(path).headers) == set()


def test_there_is_no_cookie_for_messages(client: Client) -> None:
    """They are in the session: nobody else's, and nothing a browser could be made to send."""
    answer = client.post("/account/login/", {"login": "nobody", "password": "wrong"}, follow=True)
    assert "messages" not in {name.removeprefix("__Host-") for name in answer.cookies}
    assert "messages" not in client.cookies


def test_a_password_change_has_no_second_end(client: Client) -> None:
    assert client.get("/admin/password_change/done/").status_code in (302, 404)
