"""A name that strangers keep locked: what counts, what the page says, and who gets past it all the same."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import second_factors, services
from accounts.devices import TotpDevice
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from tests.helpers.authenticator import PASSKEY, Authenticator, add_key, ask
from tests.helpers.factories import PASSWORD, add_app, make_user
from tests.helpers.signing_in import LOGIN, code_of, type_password, wrong_code_of

WRONG = "not the password at all"
LOCKED = "Too many wrong passwords were typed for this name"
RESET = "/account/password/reset/"


@pytest.fixture(autouse=True)
def _three_wrong_passwords_lock_a_name(settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login_account": "3/15m/key"}


def stranger(number: int = 0) -> Client:
    return Client(REMOTE_ADDR=f"198.51.100.{number}")


def lock(*names: str) -> None:
    """Strangers of many networks type wrong passwords."""
    for number in range(4):
        type_password(stranger(number), names[number % len(names)], WRONG)


def words(response: Any) -> str:
    """The page without what differs every time: the token of its form, the minute and second of "again"."""
    page = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", response.content.decode())
    return re.sub(r"\d\d:\d\d:\d\d UTC|in \d+ (second|minute)s?", "…", page)


def type_both(name: str, password: str, code: str, client: Client | None = None) -> Any:
    return (client or stranger(250)).post(LOGIN, {"login": name, "password": password, "code": code})


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


SPELLINGS = [
    ("ada", "ADA", " ada "),
    ("ada@example.org", "Ada@Example.ORG", " ada@example.org"),
    ("ada", "ada@example.org", "ada@second.example"),
]


@pytest.mark.parametrize("typed", SPELLINGS)
@pytest.mark.parametrize("then", ["ada", "aDa", "ada@example.org", "ada@second.example"])
def test_the_account_is_counted_whatever_was_typed(ada: User, typed: tuple[str, ...], then: str) -> None:
    ada.emailaddress_set.create(email="ada@second.example", verified=True, primary=False)
    for number, name in enumerate(typed):
        assert LOCKED not in words(type_password(stranger(number), name, WRONG))
    assert LOCKED in words(type_password(stranger(9), then))


@pytest.mark.parametrize("then", ["nobody", "NOBODY", " nobody ", "\uff4eobody"])
def test_a_name_nobody_has_is_locked_alike(db: None, then: str) -> None:
    lock("nobody", "Nobody")
    assert LOCKED in words(type_password(stranger(9), then))


def test_one_network_at_one_account_is_counted_whatever_was_typed(ada: User, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS |= {"login_account": "50/15m/key"}
    for name in ("ada", "ADA", "ada@example.org", " Ada", "Ada@example.org"):
        type_password(stranger(), name, WRONG)
    assert "Too many failed sign-ins. Try again in " in type_password(stranger(), "adA").content.decode()


def test_right_passwords_lock_nothing(ada: User) -> None:
    for number in range(9):
        client = stranger(number)
        type_password(client)
        assert is_signed_in(client)


def test_the_page_says_when_and_asks_for_a_code(ada: User) -> None:
    lock("ada")
    page = type_password(stranger(9)).content.decode()
    assert re.search(r"Until \d\d:\d\d:\d\d UTC you need two things", page)
    assert 'name="code"' in page
    assert 'name="code"' not in Client().get(LOGIN).content.decode()


def test_a_known_browser_and_a_session_get_through(ada: User) -> None:
    mine = Client()
    type_password(mine)
    lock("ada")
    assert mine.post("/account/reauthenticate/", {"password": PASSWORD}).status_code == 302
    mine.post("/account/logout/")
    type_password(mine)
    assert is_signed_in(mine)


def test_a_passkey_gets_through(client: Client, ada: User, signed_in: Client) -> None:
    key = Authenticator()
    add_key(signed_in, key)
    lock("ada")
    fresh = Client()
    fresh.post(PASSKEY, {"credential": key.get(ask(fresh, "passkey"))})
    assert is_signed_in(fresh)


@pytest.mark.parametrize("name", ["ada", "ADA@example.org"])
def test_the_right_password_and_a_code_get_through(ada: User, app: TotpDevice, name: str) -> None:
    lock("ada")
    client = Client()
    assert LOCKED in words(type_password(client, name))
    type_both(name, PASSWORD, code_of(app), client)
    assert is_signed_in(client)


def test_a_recovery_code_gets_through_and_is_used_up(ada: User, app: TotpDevice) -> None:
    code = second_factors.make_codes(ada, actor=ada)[0]
    lock("ada")
    first, second = Client(), Client()
    type_both("ada", PASSWORD, code, first)
    type_both("ada", PASSWORD, code, second)
    assert (is_signed_in(first), is_signed_in(second)) == (True, False)


def test_a_code_is_used_up_once(ada: User, app: TotpDevice) -> None:
    lock("ada")
    code = code_of(app)
    browsers = [Client(), Client()]
    for browser in browsers:
        type_both("ada", PASSWORD, code, browser)
    assert [is_signed_in(browser) for browser in browsers] == [True, False]


def test_whoever_chose_the_password_by_mail_gets_through_in_that_browser(ada: User, mailoutbox: Any) -> None:
    from accounts import sweeping

    lock("ada")
    Client().post(RESET, {"email": ada.email})
    sweeping.sweep()
    link = re.findall(r"http://localhost:8000(/account/password/reset/key/\S+)", str(mailoutbox[-1].body))[0]
    mine, new = Client(), "another long phrase 27"
    page = mine.get(link)["Location"]
    mine.post(page, {"password1": new, "password2": new})
    type_password(mine, password=new)
    assert is_signed_in(mine)
    assert LOCKED in words(type_password(stranger(9), password=new))


def test_a_mark_of_one_account_opens_no_other(ada: User) -> None:
    make_user("kim")
    client = Client()
    session = client.session
    session["password_chosen"] = ada.pk
    session.save()
    client.cookies["session"] = session.session_key or ""
    lock("kim")
    assert LOCKED in words(type_password(client, "kim"))


def attempts(app: TotpDevice) -> dict[str, tuple[str, str, str]]:
    """Everything a guesser may type at a locked name but the right pair."""
    return {
        "wrong password, right code": ("ada", WRONG, code_of(app)),
        "right password, wrong code": ("ada", PASSWORD, wrong_code_of(app)),
        "right password, no code of ours": ("ada", PASSWORD, "zzzz"),
        "both wrong": ("ada", WRONG, wrong_code_of(app)),
        "nobody": ("nobody", PASSWORD, "123456"),
        "no second factor": ("kim", PASSWORD, "123456"),
        "frozen": ("lee", PASSWORD, "123456"),
    }


def test_a_locked_name_says_the_same_whatever_was_wrong(ada: User, app: TotpDevice) -> None:
    make_user("kim")
    frozen = make_user("lee")
    add_app(frozen)
    services.freeze(frozen, by=User.FrozenBy.STAFF, actor="system", reason="a reason long enough")
    for name in ("ada", "nobody", "kim", "lee"):
        lock(name)
    answers = {}
    for number, (what, (name, password, code)) in enumerate(attempts(app).items()):
        response = type_both(name, password, code, stranger(100 + number))
        assert not is_signed_in(response.client)
        page = words(response).replace(f'value="{name}"', "").replace(f'value="{code}"', "")
        answers[what] = (response.status_code, sorted(response.cookies), page)
    assert len({str(answer) for answer in answers.values()}) == 1, answers
    assert "The username, password or code is wrong" in page


def test_a_locked_name_says_the_same_of_the_right_and_a_wrong_password_alone(ada: User, app: TotpDevice) -> None:
    lock("ada")
    lock("nobody")
    tried = [("ada", PASSWORD), ("ada", WRONG), ("nobody", PASSWORD)]
    said = [type_password(stranger(100 + number), *pair) for number, pair in enumerate(tried)]
    pages = {words(one).replace('value="ada"', "").replace('value="nobody"', "") for one in said}
    assert len(pages) == 1
    assert {tuple(one.cookies) for one in said} == {tuple(said[0].cookies)}


@pytest.mark.parametrize("code", ["", "123456"])
def test_a_locked_name_costs_the_same_queries_whether_there_is_an_account_or_not(
    ada: User, app: TotpDevice, code: str
) -> None:
    costs = []
    for name in ("ada", "nobody"):
        lock(name)
        with CaptureQueriesContext(connection) as queries:
            type_both(name, WRONG, code, stranger(77))
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_strangers_use_up_none_of_the_owners_codes_and_lock_no_app(ada: User, app: TotpDevice) -> None:
    lock("ada")
    for number in range(30):
        type_both("ada", WRONG, wrong_code_of(app), stranger(number))
    app.refresh_from_db()
    assert app.throttling_failure_count == 0
    client = Client()
    type_both("ada", PASSWORD, code_of(app), client)
    assert is_signed_in(client)


def test_wrong_codes_after_the_right_password_count_as_on_their_own_page(ada: User, app: TotpDevice) -> None:
    lock("ada")
    pages = [type_both("ada", PASSWORD, wrong_code_of(app), stranger(number)) for number in range(12)]
    assert {page.status_code for page in pages} == {200}
    app.refresh_from_db()
    assert app.throttling_failure_count > 0
    refused = Event.objects.filter(tag=Tag.ACCOUNT_LOGIN_FAILURE, subject_uid=ada.uid, data__why="code")
    assert refused.count() == 10  # then the limit of codes, in the same words


def test_the_account_is_told_of_a_sign_in_past_the_lock_as_of_every_other(ada: User, app: TotpDevice) -> None:
    User.objects.filter(pk=ada.pk).update(last_login="2026-01-01T00:00Z")
    lock("ada")
    client = Client()
    type_both("ada", PASSWORD, code_of(app), client)
    event = Event.objects.get(tag=Tag.ACCOUNT_LOGIN_SUCCESS)
    assert (event.subject_uid, event.data["method"]) == (ada.uid, "totp")
    assert Mail.objects.filter(kind="account_new_browser").count() == 1
