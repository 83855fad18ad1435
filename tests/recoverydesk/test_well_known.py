"""Addresses that programs know by heart."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db


def test_a_password_manager_is_led_to_the_page_that_changes_the_password(client: Client) -> None:
    answer = client.get("/.well-known/change-password")
    assert (answer.status_code, answer["Location"]) == (302, "/account/password/change/")


def test_without_a_contact_there_is_no_security_txt(client: Client) -> None:
    assert client.get("/.well-known/security.txt").status_code == 404


def test_security_txt_names_the_contact_and_a_day_less_than_a_year_away(client: Client, settings: Settings) -> None:
    settings.SECURITY_CONTACT = "mailto:security@example.org"
    answer = client.get("/.well-known/security.txt")
    fields = dict(line.split(": ", 1) for line in answer.content.decode().splitlines())
    until = datetime.strptime(fields.pop("Expires"), "%Y-%m-%dT%H:%M:%S%z")
    assert timedelta(days=30) < until - datetime.now(UTC) < timedelta(days=365)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert fields == {
        "Contact": "mailto:security@example.org",
        "Preferred-Languages": "en, es",
        "Canonical": "http://localhost:8000/.well-known/security.txt",
    }


@pytest.mark.parametrize(
    ("path", "kind", "begin"),
    [("/robots.txt", "text/plain", b"User-agent: *"), ("/favicon.ico", "image/", b"\0\0\1\0")],
)
def test_files_every_browser_asks_for_are_there(client: Client, path: str, kind: str, begin: bytes) -> None:
    answer = client.get(path)
    assert (answer.status_code, b"".join(answer)[: len(begin)]) == (200, begin)
    assert answer["Content-Type"].startswith(kind)
    assert "default-src 'none'" in answer["Content-Security-Policy"]
