"""Signing in: password, code, recovery code; what a refusal tells and leaves behind."""

from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import second_factors, services, sign_in
from accounts.devices import TotpDevice
from accounts.mail.models import Mail
from accounts.models import Session, User
from accounts.sessions import digest
from audit.models import Event, EventDetail
from audit.tags import Tag
from tests.helpers.factories import PASSWORD, add_app, make_user
from tests.helpers.signing_in import CHALLENGE, LOGIN, code_of, type_code, type_password, wrong_code_of

SECURITY = "/account/security/"
REASON = "seen in a stolen-password list"


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def last_event(tag: Tag) -> Event:
    return Event.objects.filter(tag=tag).latest("id")


def words(response: Any) -> str:
    return str(response.content.decode())


def test_without_a_second_factor_the_password_signs_in(client: Client, ada: User) -> None:
    response = type_password(client)
    assert response.status_code == 302
    assert is_signed_in(client)
    assert last_event(Tag.ACCOUNT_LOGIN_SUCCESS).data == {"method": "password"}


@pytest.mark.parametrize("login", ["ada", "ADA", " ada ", "ada@example.org", "Ada@Example.org"])
def test_a_username_or_a_verified_address_in_any_case_signs_in(client: Client, ada: User, login: str) -> None:
    type_password(client, login)
    assert is_signed_in(client)


def test_with_a_second_factor_the_password_alone_opens_nothing(client: Client, ada: User, app: TotpDevice) -> None:
    response = type_password(client)
    assert response["Location"] == CHALLENGE
    assert not is_signed_in(client)
    assert client.get(SECURITY)["Location"].startswith(LOGIN)
    assert client.get("/admin/").status_code == 302


def test_a_code_completes_the_sign_in_under_a_new_session_key(client: Client, ada: User, app: TotpDevice) -> None:
    type_password(client)
    before = client.session.session_key
    assert type_code(client, code_of(app))["Location"] == SECURITY
    assert is_signed_in(client)
    assert client.session["otp_device_id"] == app.persistent_id
    assert client.session.session_key != before
    assert last_event(Tag.ACCOUNT_LOGIN_SUCCESS).data == {"method": "totp"}


def test_the_next_page_is_inside_the_site_or_ours(client: Client, ada: User) -> None:
    inside = client.post(f"{LOGIN}?next=/account/history/", {"login": "ada", "password": PASSWORD})
    assert inside["Location"] == "/account/history/"
    client.logout()
    outside = client.post(f"{LOGIN}?next=https://evil.example/", {"login": "ada", "password": PASSWORD})
    assert outside["Location"] == SECURITY


def test_a_wrong_code_stays_outside_and_is_an_event(client: Client, ada: User, app: TotpDevice) -> None:
    type_password(client)
    response = type_code(client, wrong_code_of(app))
    assert response.status_code == 200
    assert "not right" in words(response)
    assert not is_signed_in(client)
    event = last_event(Tag.ACCOUNT_LOGIN_FAILURE)
    assert (event.data["why"], event.subject_uid, event.actor_uid) == ("code", ada.uid, None)


def test_a_code_counts_once_even_in_another_spelling(client: Client, ada: User, app: TotpDevice) -> None:
    code = code_of(app)
    type_password(client)
    type_code(client, code)
    second = Client()
    type_password(second)
    type_code(second, f"{code[:3]} {code[3:]}")
    assert not is_signed_in(second)


def test_a_recovery_code_signs_in_once_is_mailed_and_is_typed_as_people_type(
    client: Client, ada: User, app: TotpDevice
) -> None:
    code = second_factors.make_codes(ada, actor=ada)[0]
    type_password(client)
    type_code(client, f" {code.lower().replace('-', ' ')}")
    assert is_signed_in(client)
    assert last_event(Tag.ACCOUNT_LOGIN_SUCCESS).data == {"method": "recovery_code"}
    assert last_event(Tag.ACCOUNT_RECOVERY_CODES_USED).data == {"codes_left": 7}
    assert Mail.objects.filter(context__tag=Tag.ACCOUNT_RECOVERY_CODES_USED, recipient=ada.email).count() == 1
    second = Client()
    type_password(second)
    type_code(second, code)
    assert not is_signed_in(second)


def test_of_two_apps_either_signs_in_and_the_other_is_not_punished(client: Client, ada: User) -> None:
    phone, tablet = add_app(ada, "phone"), add_app(ada, "tablet")
    type_password(client)
    type_code(client, code_of(tablet))
    assert is_signed_in(client)
    phone.refresh_from_db()
    assert phone.throttling_failure_count == 0


def test_another_users_code_and_recovery_code_open_nothing(client: Client, ada: User, app: TotpDevice) -> None:
    kim = make_user("kim")
    theirs = add_app(kim)
    codes = second_factors.make_codes(kim, actor=kim)
    type_password(client)
    type_code(client, code_of(theirs))
    type_code(client, codes[0])
    assert not is_signed_in(client)
    assert second_factors.summary(kim).codes_left == 8


def test_a_code_is_not_spent_by_a_sign_in_that_did_not_complete(
    client: Client, ada: User, app: TotpDevice, settings: Any
) -> None:
    settings.ACCOUNTS_HOOKS = {"signed_in": "tests.accounts.broken_hooks.signed_in"}
    code = second_factors.make_codes(ada, actor=ada)[0]
    type_password(client)
    client.raise_request_exception = False
    assert type_code(client, code).status_code == 500
    assert second_factors.summary(ada).codes_left == 8
    assert not Event.objects.filter(tag=Tag.ACCOUNT_LOGIN_SUCCESS).exists()
    settings.ACCOUNTS_HOOKS = {}
    type_code(client, code)
    assert is_signed_in(client)


def reset(user: User) -> None:
    with transaction.atomic():
        second_factors.reset(user, actor="system", reason="test")


def freeze(user: User) -> None:
    services.freeze(user, by=User.FrozenBy.STAFF, actor="system", reason=REASON)


def close(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def new_password(user: User) -> None:
    services.choose_password(user, "another long password", actor=user)


@pytest.mark.parametrize("change", [reset, freeze, close, new_password])
def test_a_pending_sign_in_dies_when_the_account_changes_under_it(
    client: Client, ada: User, app: TotpDevice, change: Any
) -> None:
    type_password(client)
    code = code_of(app)
    change(User.objects.get(pk=ada.pk))
    assert type_code(client, code)["Location"] == LOGIN
    assert not is_signed_in(client)
    assert client.get(CHALLENGE)["Location"] == LOGIN
    assert last_event(Tag.ACCOUNT_LOGIN_FAILURE).data["why"] == "changed meanwhile"


def test_a_pending_sign_in_dies_when_the_same_password_is_set_again(client: Client, ada: User, app: TotpDevice) -> None:
    type_password(client)
    services.choose_password(User.objects.get(pk=ada.pk), PASSWORD, actor=ada)
    assert type_code(client, code_of(app))["Location"] == LOGIN


def test_a_pending_sign_in_dies_with_the_last_device(client: Client, ada: User, app: TotpDevice) -> None:
    type_password(client)
    second_factors.remove_device(ada, app, actor="system")
    assert client.get(CHALLENGE)["Location"] == LOGIN
    assert not is_signed_in(client)


def test_a_frozen_account_hears_the_words_of_a_wrong_password(client: Client, ada: User) -> None:
    wrong = type_password(client, password="not the password")
    freeze(ada)
    frozen = type_password(client)
    assert (frozen.status_code, not is_signed_in(client)) == (200, True)
    csrf = [line for line in words(wrong).splitlines() if "csrf" not in line]
    assert [line for line in words(frozen).splitlines() if "csrf" not in line] == csrf
    assert last_event(Tag.ACCOUNT_LOGIN_FAILURE).data["why"] == "frozen"


def test_a_freeze_ends_the_sessions_that_are_open(signed_in: Client, ada: User) -> None:
    freeze(ada)
    assert Session.objects.filter(user=ada).count() == 0
    assert signed_in.get(SECURITY).status_code == 302


def test_a_session_written_after_the_freeze_is_nobodys(signed_in: Client, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(frozen_at="2026-01-01T00:00Z")
    assert signed_in.get(SECURITY).status_code == 302


def test_after_five_wrong_passwords_a_right_one_waits_and_a_frozen_account_gives_no_other_answer(
    client: Client, ada: User
) -> None:
    freeze(ada)
    for _ in range(5):
        type_password(client)
    assert "Too many failed" in words(type_password(client))


@pytest.mark.parametrize(("known", "unknown"), [("ada", "bob"), ("ada@example.org", "bob@example.org")])
def test_a_wrong_password_costs_the_same_queries_whether_or_not_the_account_exists(
    client: Client, ada: User, known: str, unknown: str
) -> None:
    client.get(LOGIN)
    answers = []
    for login in (known, unknown):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            response = type_password(client, login, "not the password")
        lines = [line for line in words(response).splitlines() if "csrf" not in line and login not in line]
        answers.append((len(queries), response.status_code, lines))
    assert answers[0] == answers[1]


def test_a_failed_sign_in_says_from_where_but_not_what_was_typed(client: Client, ada: User) -> None:
    client.post(LOGIN, {"login": "my secret password", "password": "ada"}, HTTP_USER_AGENT="Browser/1")
    event = last_event(Tag.ACCOUNT_LOGIN_FAILURE)
    detail = EventDetail.objects.get(event_id=event.id)
    assert (detail.network, detail.device, detail.address) == ("127.0.0.1", "Browser/1", "")
    assert event.data == {"why": "unknown"}


def test_signing_out_is_an_event_and_needs_a_post(signed_in: Client, ada: User) -> None:
    signed_in.get("/account/logout/")
    assert is_signed_in(signed_in)
    signed_in.post("/account/logout/")
    assert not is_signed_in(signed_in)
    assert last_event(Tag.ACCOUNT_LOGOUT).subject_uid == ada.uid


def test_the_first_sign_in_after_a_reset_sets_the_end_of_the_quarantine(
    client: Client, ada: User, settings: Any
) -> None:
    reset(ada)
    services.choose_password(ada, "another long password", actor=ada)
    type_password(client, password="another long password")
    ada.refresh_from_db()
    assert ada.quarantine_until is not None
    first = ada.quarantine_until
    client.post("/account/logout/")
    type_password(client, password="another long password")
    ada.refresh_from_db()
    assert ada.quarantine_until == first


def test_who_must_have_a_second_factor_is_led_to_enrolment(client: Client, db: None) -> None:
    make_user("kim", staff=True)
    assert type_password(client, "kim")["Location"] == "/account/security/app/"


def test_a_session_row_names_its_user_and_all_of_them_end_at_once(signed_in: Client, ada: User) -> None:
    other = Client()
    type_password(other)
    assert Session.objects.get(user=ada).session_key == digest(signed_in.session.session_key or "")
    assert services.end_sessions(ada) == 1
    assert signed_in.get(SECURITY)["Location"].startswith(LOGIN)


@pytest.mark.parametrize("change", [freeze, close, new_password])
def test_an_account_that_changes_between_password_and_session_stays_out(
    client: Client, ada: User, change: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = sign_in.password_is_right

    def check_then_change(user: User | None, password: str) -> bool:
        right = check(user, password)
        change(User.objects.get(pk=ada.pk))
        return right

    monkeypatch.setattr(sign_in, "password_is_right", check_then_change)
    assert type_password(client)["Location"] == LOGIN
    assert not is_signed_in(client)


def test_nobodys_password_is_hashed_as_often_as_somebodys(
    client: Client, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode, hashed = MD5PasswordHasher.encode, []

    def count(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return str(encode(self, password, salt))

    monkeypatch.setattr(MD5PasswordHasher, "encode", count)
    for login in ("ada", "bob"):
        type_password(client, login, "not the password")
    assert hashed == ["not the password", "not the password"]
