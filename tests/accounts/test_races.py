"""Many at once: a code counts once, a reset and a sign-in do not both win."""

from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django_otp_webauthn.models import WebAuthnCredential

from accounts import second_factors
from accounts.devices import TotpDevice
from accounts.models import FactorFailures, Session, User
from audit.models import Event
from audit.tags import Tag
from tests.helpers.authenticator import Authenticator, add_key, ask
from tests.helpers.factories import add_app, make_user
from tests.helpers.meanwhile import at_once
from tests.helpers.signing_in import code_of, type_code, type_password, wrong_code_of

pytestmark = pytest.mark.django_db(transaction=True)


def verify(user: User, code: str) -> bool:
    with transaction.atomic():
        return second_factors.verify_code(user, code) is not None


def test_one_code_in_eight_threads_counts_once() -> None:
    ada = make_user()
    code = code_of(add_app(ada))
    assert sorted(at_once(lambda _number: verify(ada, code))) == [False] * 7 + [True]


def test_one_recovery_code_in_eight_threads_counts_once() -> None:
    ada = make_user()
    add_app(ada)
    code = second_factors.make_codes(ada, actor=ada)[0]
    assert sorted(at_once(lambda _number: verify(ada, code))) == [False] * 7 + [True]


def test_one_first_code_confirms_an_app_once() -> None:
    ada = make_user()
    device = second_factors.start_totp(ada, "phone")
    code = code_of(device)
    confirmed = at_once(lambda _number: second_factors.confirm_totp(ada, TotpDevice.objects.get(pk=device.pk), code))
    assert confirmed.count(True) == 1


def test_a_sign_in_racing_a_reset_leaves_no_session_that_works() -> None:
    ada = make_user()
    device = add_app(ada)
    client = Client(raise_request_exception=False)
    type_password(client)
    code = code_of(device)

    def work(number: int) -> None:
        if number:
            type_code(client, code)
            return
        with transaction.atomic():
            second_factors.reset(User.objects.get(pk=ada.pk), actor="system", reason="race")

    at_once(work, many=2)
    assert client.get("/account/security/").status_code == 302
    assert not any("_auth_user_id" in row.get_decoded() for row in Session.objects.filter(user=None))


def sign_in_at_once(ada: User, code: str, many: int) -> int:
    """Fifty browsers that typed the right password send the same code together; returns how many got in."""
    clients = [Client(raise_request_exception=False, REMOTE_ADDR=f"198.51.100.{number}") for number in range(many)]
    for client in clients:
        type_password(client)
    cache.clear()
    at_once(lambda number: type_code(clients[number], code), many=many)
    return sum("_auth_user_id" in client.session for client in clients)


@pytest.fixture
def no_limits(settings: Any) -> None:
    """Only the row decides here."""
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "second_factor": "1000/m/key", "login": "1000/m/ip"}


@pytest.mark.postgres
def test_one_code_in_fifty_parallel_sign_ins_lets_one_in(no_limits: None) -> None:
    ada = make_user()
    device = add_app(ada)
    assert sign_in_at_once(ada, code_of(device), 50) == 1


@pytest.mark.postgres
def test_one_recovery_code_in_fifty_parallel_sign_ins_lets_one_in(no_limits: None) -> None:
    ada = make_user()
    add_app(ada)
    code = second_factors.make_codes(ada, actor=ada)[0]
    assert sign_in_at_once(ada, code, 50) == 1
    assert second_factors.summary(ada).codes_left == 7


def test_one_code_in_a_known_browser_counts_once() -> None:
    """There the lock of wrong guesses does not hold; the row lock does."""
    ada = make_user()
    code = code_of(add_app(ada))

    def verify_known(_number: int) -> bool:
        with transaction.atomic():
            return second_factors.verify_code(ada, code, known_browser=True) is not None

    assert sorted(at_once(verify_known)) == [False] * 7 + [True]


def test_twelve_wrong_codes_at_once_are_twelve_and_told_once() -> None:
    ada = make_user()
    code = wrong_code_of(add_app(ada))
    assert at_once(lambda _number: verify(ada, code), many=12) == [False] * 12
    assert FactorFailures.objects.get().failures == 12
    assert Event.objects.filter(tag=Tag.ACCOUNT_TWO_FACTOR_WRONG).count() == 1


def test_one_answer_of_a_key_counts_once() -> None:
    """Two requests with the same answer: the question is gone, and the counter is stale, for the second."""
    ada = make_user()
    browser = Client()
    type_password(browser)
    key = Authenticator()
    add_key(browser, key)
    client = Client()
    answer = key.get(ask(client, "passkey"))
    clients = [Client(raise_request_exception=False) for _ in range(4)]
    for one in clients:
        one.cookies = SimpleCookie(client.cookies.output(header="", sep=";"))
    at_once(lambda number: clients[number].post("/account/login/key/", {"credential": answer}), many=4)
    assert Event.objects.filter(tag=Tag.ACCOUNT_LOGIN_SUCCESS, data__method="webauthn").count() <= 1
    assert WebAuthnCredential.objects.get(user=ada).sign_count <= 1


def test_one_key_answer_posted_six_times_signs_in_once_and_breaks_nothing(client: Client) -> None:
    ada = make_user()
    add_app(ada)
    signed_in = type_code_of(client, ada)
    key = Authenticator()
    add_key(signed_in, key)
    visitor = Client()
    type_password(visitor, ada.username)
    answer = key.get(ask(visitor, "second_factor"))
    before = Event.objects.filter(tag=Tag.ACCOUNT_LOGIN_SUCCESS).count()

    def post(_number: int) -> int:
        browser = Client(raise_request_exception=False)
        browser.cookies = SimpleCookie({name: one.value for name, one in visitor.cookies.items()})
        return int(browser.post("/account/second-factor/", {"credential": answer}).status_code)

    assert set(at_once(post, many=6)) == {302}
    assert Event.objects.filter(tag=Tag.ACCOUNT_LOGIN_SUCCESS).count() == before + 1


@pytest.mark.parametrize("purpose", ["register", "step_up"])
def test_one_key_answer_of_somebody_signed_in_posted_six_times_counts_once(purpose: str, client: Client) -> None:
    ada = make_user()
    add_app(ada)
    browser = type_code_of(client, ada)
    key = Authenticator(counter=-1)  # a passkey that counts nothing: only the question makes it count once
    if purpose == "step_up":
        add_key(browser, key)
    page = "/account/security/key/" if purpose == "register" else "/account/step-up/"
    asked = ask(browser, purpose)
    answer = key.create(asked) if purpose == "register" else key.get(asked)
    tag = Tag.ACCOUNT_TWO_FACTOR_METHOD_ADDED if purpose == "register" else Tag.ACCOUNT_STEP_UP
    before = Event.objects.filter(tag=tag).count()

    def post(_number: int) -> int:
        one = Client(raise_request_exception=False)
        one.cookies = SimpleCookie({name: morsel.value for name, morsel in browser.cookies.items()})
        return int(one.post(page, {"credential": answer}).status_code)

    assert set(at_once(post, many=6)) == {302}
    assert Event.objects.filter(tag=tag).count() == before + 1


def type_code_of(client: Client, user: User) -> Client:
    type_password(client, user.username)
    type_code(client, code_of(TotpDevice.objects.get(user=user)))
    return client
