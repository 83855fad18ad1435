"""The owner's history: sentences, their own clock, filter, CSV, "this wasn't me"."""

import csv
import io
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from audit.log import RequestOrigin, record
from audit.models import Event
from audit.tags import Tag
from common import csv_safe
from tests.helpers.factories import make_user

HISTORY = "/account/history/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def words(response: Any) -> str:
    return str(response.content.decode())


def note(user: User, tag: Tag = Tag.ACCOUNT_LOGIN_FAILURE, **more: Any) -> Event:
    return record(tag, actor="visitor", subject=user, **more)


def test_a_line_says_what_when_and_from_where_in_words(signed_in: Client, ada: User) -> None:
    User.objects.update(time_zone="America/Caracas")
    event = note(ada, origin=RequestOrigin("198.51.100.9", FIREFOX))
    page = words(signed_in.get(HISTORY))
    assert "A sign-in failed." in page
    assert "198.51.100.9" in page
    assert "Firefox, Linux" in page
    assert FIREFOX not in page
    assert "Times are in America/Caracas." in page
    event.refresh_from_db()
    assert "-04:00" in page
    assert "127.0.0.1, the network you use now" in page


def test_the_filter_keeps_one_kind_and_ignores_nonsense(signed_in: Client, ada: User) -> None:
    note(ada, Tag.ACCOUNT_EMAIL_ADD, address="new@example.org")
    page = words(signed_in.get(f"{HISTORY}?kind=addresses"))
    assert "new@example.org" in page
    assert "Somebody signed in." not in page
    assert "Somebody signed in." in words(signed_in.get(f"{HISTORY}?kind=<script>&before=-1"))


def test_older_lines_are_on_further_pages(signed_in: Client, ada: User) -> None:
    for number in range(60):
        note(ada, ticket=number + 1)
    first = words(signed_in.get(HISTORY))
    assert first.count("(request ") == 50
    before = first.split("before=")[1].split('"')[0]
    second = words(signed_in.get(f"{HISTORY}?before={before}"))
    assert second.count("(request ") == 10
    assert "before=" not in second


def test_the_history_of_another_account_stays_there(signed_in: Client, ada: User) -> None:
    theirs = note(make_user("kim"), address="kim-secret@example.org")
    assert "kim-secret" not in words(signed_in.get(HISTORY))
    assert "kim-secret" not in words(signed_in.get(f"{HISTORY}csv/"))
    assert signed_in.get(f"{HISTORY}not-me/?event={theirs.pk}").status_code == 404


def test_the_csv_holds_the_same_lines_and_is_harmless_in_a_spreadsheet(signed_in: Client, ada: User) -> None:
    note(ada, Tag.ACCOUNT_ROLE_ADD, address="=HYPERLINK(1)@example.org")
    response = signed_in.get(f"{HISTORY}csv/")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="security-history.csv"' in response["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(words(response).removeprefix("\ufeff"))))
    assert rows[0] == ["Time", "What", "Who", "Network", "Browser"]
    assert len(rows) == 1 + Event.objects.filter(subject_uid=ada.uid).count()
    assert all(not cell.startswith(csv_safe.STARTERS) for row in rows for cell in row)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "＝1"])
def test_a_formula_is_shown_and_not_worked_out(cell: str) -> None:
    assert csv_safe.cell(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "a=1", "2026-01-01T00:00:00+00:00", "you"])
def test_plain_words_stay_as_they_are(cell: str) -> None:
    assert csv_safe.cell(cell) == cell


def test_this_was_not_me_says_what_to_do_and_changes_nothing(signed_in: Client, ada: User) -> None:
    event = note(ada, origin=RequestOrigin("198.51.100.9", FIREFOX))
    before = Event.objects.count()
    page = words(signed_in.get(f"{HISTORY}not-me/?event={event.pk}"))
    for what in ("End all other sessions", "Change your password", "Freeze your account", "198.51.100.9"):
        assert what in page
    assert Event.objects.count() == before
    assert f"not-me/?event={event.pk}" in words(signed_in.get(HISTORY))


@pytest.mark.parametrize("event", ["", "x", "-1", "0", "9" * 18, "9" * 30, "²"])
def test_a_line_that_is_not_there_is_not_found(signed_in: Client, event: str) -> None:
    assert signed_in.get(f"{HISTORY}not-me/", {"event": event}).status_code == 404


def test_staff_have_no_names_there(signed_in: Client, ada: User) -> None:
    record(Tag.ACCOUNT_FREEZE, actor=make_user("moderator"), subject=ada, origin=RequestOrigin("203.0.113.50", ""))
    page = words(signed_in.get(HISTORY)) + words(signed_in.get(f"{HISTORY}csv/"))
    assert "moderator" not in page
    assert "203.0.113.50" not in page


def test_mails_that_follow_one_another_are_one_line_to_open(signed_in: Client, ada: User) -> None:
    for tag in (Tag.ACCOUNT_EMAIL_SENT, Tag.ACCOUNT_FREEZE, *[Tag.ACCOUNT_EMAIL_SENT] * 3):
        note(ada, tag, address="ada@example.org")
    page = words(signed_in.get(HISTORY))
    assert "We sent 3 mails." in page
    assert page.count("<details>") == 1
    assert page.count("We sent a mail.") == 4
    assert page.index("We sent 3 mails.") < page.index("The account was frozen") < page.rindex("We sent a mail.")
