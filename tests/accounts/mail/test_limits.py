"""Five mails a day of one cause to one mailbox; the sixth is not sent, and nobody can tell."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import notices, sweeping
from accounts.mail import limits, outbox
from accounts.mail.models import Mail, Request
from accounts.models import User
from audit.log import RequestOrigin, record
from audit.models import Event
from audit.tags import Tag
from tests.helpers.factories import PASSWORD, make_user

RESET, SIGN_UP = "/account/password/reset/", "/account/signup/"
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


def answer(page: str, form: dict[str, str], address: str = "192.0.2.1") -> tuple[int, str, int, str]:
    """Status, where to, number of queries and words of a fresh browser's POST."""
    client = Client(REMOTE_ADDR=address)
    with CaptureQueriesContext(connection) as queries:
        response = client.post(page, form)
    return response.status_code, response.headers.get("Location", ""), len(queries), response.content.decode()


def mails(**where: Any) -> int:
    return Mail.objects.filter(**where).count()


def ask_for_reset(times: int, address: str = "ada@example.org") -> set[tuple[int, str, int, str]]:
    """So many requests, each from a network of its own, and the sweep's work; returns the different answers."""
    answers = {answer(RESET, {"email": address}, f"198.51.{n // 250}.{n % 250}") for n in range(times)}
    Request.objects.update(due_at=Now())
    while sweeping.due_requests().exists():
        sweeping.sweep()
    return answers


def test_forgot_password_sends_five_mails_a_day_and_answers_the_same(ada: User) -> None:
    answer(RESET, {"email": "warm@example.org"})
    answers = ask_for_reset(20)
    assert mails(kind="password_reset_key", recipient="ada@example.org") == 5
    assert ask_for_reset(20, "nobody@example.org") == answers
    assert len(answers) == 1


def test_a_flushed_cache_forgets_nothing(ada: User) -> None:
    for _round in range(3):
        ask_for_reset(4)
        cache.clear()
    assert mails(kind="password_reset_key") == 5


def test_the_next_day_there_are_five_more(ada: User) -> None:
    ask_for_reset(6)
    Mail.objects.update(queued_at=Now() - DAY)
    ask_for_reset(6)
    assert mails(kind="password_reset_key") == 10


def test_the_five_are_one_accounts_however_many_addresses_it_has(ada: User) -> None:
    ada.emailaddress_set.create(email="ada@second.example", verified=True, primary=False)
    ask_for_reset(4)
    ask_for_reset(4, "ada@second.example")
    assert mails(kind="password_reset_key") == 5


def test_a_flood_for_one_account_silences_no_other(ada: User) -> None:
    make_user("kim")
    ask_for_reset(9)
    ask_for_reset(1, "kim@example.org")
    assert mails(recipient="kim@example.org") == 1


def test_a_flood_of_requests_is_one_event_an_hour(ada: User) -> None:
    ask_for_reset(9)
    assert Event.objects.filter(tag=Tag.ACCOUNT_PASSWORD_RESET_REQUEST).count() == 1


def test_all_five_links_open_the_page_after_the_silence(ada: User, mailoutbox: Any) -> None:
    ask_for_reset(9)
    texts = "\n".join(str(mail.body) for mail in mailoutbox)
    links = re.findall(r"http://localhost:8000(/account/password/reset/key/\S+)", texts)
    assert len(links) == 5
    assert {Client().get(link).headers.get("Location", "")[-14:] for link in links} == {"-set-password/"}


def sign_up(number: int, address: str) -> tuple[int, str, int, str]:
    form = {"username": f"kim{number}", "email": address, "password1": PASSWORD, "password2": PASSWORD}
    return answer(SIGN_UP, form, f"198.51.100.{number}")


def test_signing_up_again_and_again_mails_a_known_and_a_new_address_five_times_and_answers_the_same(
    ada: User,
) -> None:
    said = {sign_up(number, "ada@example.org")[::3] for number in range(12)}
    said |= {sign_up(number, "new@example.org")[::3] for number in range(20, 32)}
    assert len(said) == 1
    assert mails(kind="account_already_exists", recipient="ada@example.org") == 5
    assert mails(kind="account_already_exists", recipient="new@example.org") == 5
    assert mails(recipient="new@example.org") == 6  # and the one that confirms the first


def test_a_tag_in_an_address_is_no_other_mailbox(db: None) -> None:
    for number in range(12):
        sign_up(number, f"victim+{number}@example.org")
    assert mails(kind="email_confirmation_signup") == 5


def test_a_mail_of_another_kind_still_goes(ada: User) -> None:
    ask_for_reset(9)
    sign_up(1, "ada@example.org")
    assert mails(kind="account_already_exists", recipient="ada@example.org") == 1


def change(user: User, tag: Tag = Tag.ACCOUNT_API_TOKEN_ADDED) -> None:
    notices.changed(tag, user, actor=user, origin=RequestOrigin("203.0.113.7"))


def test_a_stolen_session_bombs_nobody_with_notices_and_hides_no_other_change(ada: User) -> None:
    for _again in range(12):
        change(ada)
    change(ada, Tag.ACCOUNT_TWO_FACTOR_METHOD_REMOVED)
    assert mails(context__tag=Tag.ACCOUNT_API_TOKEN_ADDED) == 5
    assert mails(context__tag=Tag.ACCOUNT_TWO_FACTOR_METHOD_REMOVED) == 1
    assert Event.objects.filter(tag=Tag.ACCOUNT_API_TOKEN_ADDED).count() == 12


def test_the_fifth_notice_says_that_it_is_the_last_of_the_day(ada: User) -> None:
    for _again in range(5):
        change(ada)
    said = ["five mails a day" in outbox.render(mail).text for mail in Mail.objects.order_by("id")]
    assert said == [False] * 4 + [True]


def test_the_same_notice_queued_twice_is_one_mail(ada: User) -> None:
    event = record(Tag.ACCOUNT_API_TOKEN_ADDED, actor=ada, subject=ada)
    for _again in range(2):
        notices.notify_account(ada, event)
    assert mails() == 1


def test_two_who_see_the_same_last_slot_send_one_mail(ada: User) -> None:
    """The second caller's key is the first one's: the database keeps one row."""
    for _sent in range(4):
        outbox.queue_prepared("reset", ada.email, "Subject", "text", user=ada)
    room = limits.slot("reset", ada.email, account=ada)
    assert room is not None
    outbox.queue_prepared("reset", ada.email, "Subject", "text", user=ada)
    late = Mail(kind="reset", recipient=ada.email, dedupe_key=room.dedupe, counted_as=room.counted_as)
    Mail.objects.bulk_create([late], ignore_conflicts=True)
    assert mails(kind="reset") == 5


def test_asking_for_a_slot_is_one_query(ada: User) -> None:
    with CaptureQueriesContext(connection) as queries:
        limits.slot("reset", ada.email, account=ada)
    assert len(queries) == 1
