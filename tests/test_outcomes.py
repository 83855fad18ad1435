"""The secret that a POST leaves for its redirect: once, five minutes, this session only."""

from http import HTTPStatus
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts import outcomes
from accounts.devices import RecoveryCode
from accounts.models import Session
from tests.accounts.conftest import make_user
from tests.accounts.test_admin_gate import enter
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db
CODES, SHOWN = "/account/security/codes/", "/account/security/codes/new/"
TOKEN, MADE = "/account/tokens/new/", "/account/tokens/new/made/"


@pytest.fixture
def ada(client: Client) -> Client:
    return enter(client, make_user("ada"))


def make_codes(ada: Client) -> list[str]:
    answer = ada.post(CODES)
    assert (answer.status_code, answer["Location"]) == (302, SHOWN)
    return list(ada.get(SHOWN).context["codes"])


def test_codes_are_shown_once_and_a_reload_makes_no_others(ada: Client) -> None:
    shown = make_codes(ada)
    assert len(shown) == 8
    rows = set(RecoveryCode.objects.values_list("digest", flat=True))
    for _reload in range(3):
        again = ada.get(SHOWN, follow=True)
        assert not set(shown) & set(again.content.decode().split())
        assert "New codes are shown once" in again.content.decode()
    assert set(RecoveryCode.objects.values_list("digest", flat=True)) == rows


def test_a_token_is_shown_once_and_a_reload_makes_no_other(ada: Client) -> None:
    asked = {"name": "ci", "scope": "", "days": "90"}
    assert ada.post(TOKEN, asked)["Location"] == MADE
    text = ada.get(MADE).context["text"]
    again = ada.get(MADE, follow=True).content.decode()
    assert text not in again
    assert "The token was shown once" in again
    assert ApiToken.objects.count() == 1


def test_a_head_request_does_not_use_it_up(ada: Client) -> None:
    ada.post(CODES)
    ada.head(SHOWN)
    assert len(ada.get(SHOWN).context["codes"]) == 8


def test_after_five_minutes_it_is_gone(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ada.post(CODES)
    monkeypatch.setattr(outcomes, "KEPT_FOR", -1)
    assert ada.get(SHOWN).status_code == HTTPStatus.FOUND


def test_another_session_of_the_same_account_does_not_see_it(ada: Client) -> None:
    ada.post(CODES)
    other = Client()
    other.force_login(make_user("eve"))
    assert other.get(SHOWN).status_code == HTTPStatus.FOUND
    assert len(ada.get(SHOWN).context["codes"]) == 8


def test_no_row_of_the_database_holds_it_in_clear(ada: Client) -> None:
    ada.post(TOKEN, {"name": "ci", "scope": "", "days": "90"})
    waiting: Any = ada.session[outcomes.NAME + "token"]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT session_data FROM {Session._meta.db_table}")  # noqa: S608 - our own table's name
        assert waiting["secret"] not in str(cursor.fetchall())
