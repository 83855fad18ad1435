"""The secret that a POST leaves for its redirect: once, five minutes, this session only."""

from http import HTTPStatus
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts import outcomes
from accounts.devices import RecoveryCode
from accounts.models import Session, User
from tests.helpers.factories import make_user
from tests.helpers.signing_in import enter
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db
CODES, SHOWN = "/account/security/codes/", "/account/security/codes/new/"
TOKEN, MADE = "/account/tokens/new/", "/account/tokens/new/made/"


@pytest.fixture
def browser(client: Client, ada: User) -> Client:
    """A browser of ada's, who showed a code."""
    return enter(client, ada)


def make_codes(browser: Client) -> list[str]:
    answer = browser.post(CODES)
    assert (answer.status_code, answer["Location"]) == (302, SHOWN)
    return list(browser.get(SHOWN).context["codes"])


def test_codes_are_shown_once_and_a_reload_makes_no_others(browser: Client) -> None:
    shown = make_codes(browser)
    assert len(shown) == 8
    rows = set(RecoveryCode.objects.values_list("digest", flat=True))
    for _reload in range(3):
        again = browser.get(SHOWN, follow=True)
        assert not set(shown) & set(again.content.decode().split())
        assert "New codes are shown once" in again.content.decode()
    assert set(RecoveryCode.objects.values_list("digest", flat=True)) == rows


def test_a_token_is_shown_once_and_a_reload_makes_no_other(browser: Client) -> None:
    asked = {"name": "ci", "scope": "account", "days": "90"}
    assert browser.post(TOKEN, asked)["Location"] == MADE
    text = browser.get(MADE).context["text"]
    again = browser.get(MADE, follow=True).content.decode()
    assert text not in again
    assert "The token was shown once" in again
    assert ApiToken.objects.count() == 1


def test_a_head_request_does_not_use_it_up(browser: Client) -> None:
    browser.post(CODES)
    browser.head(SHOWN)
    assert len(browser.get(SHOWN).context["codes"]) == 8


def test_after_five_minutes_it_is_gone(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.post(CODES)
    monkeypatch.setattr(outcomes, "KEPT_FOR", -1)
    assert browser.get(SHOWN).status_code == HTTPStatus.FOUND


def test_another_session_of_the_same_account_does_not_see_it(browser: Client) -> None:
    browser.post(CODES)
    other = Client()
    other.force_login(make_user("eve"))
    assert other.get(SHOWN).status_code == HTTPStatus.FOUND
    assert len(browser.get(SHOWN).context["codes"]) == 8


def test_no_row_of_the_database_holds_it_in_clear(browser: Client) -> None:
    browser.post(TOKEN, {"name": "ci", "scope": "account", "days": "90"})
    waiting: Any = browser.session[outcomes.NAME + "token"]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT session_data FROM {Session._meta.db_table}")  # noqa: S608 - our own table's name
        assert waiting["secret"] not in str(cursor.fetchall())
