"""Second factors as people use them: names, clocks that are off, codes that are saved, what it costs in queries."""

import time
from typing import Any

import pyotp
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from accounts import codes, second_factors
from accounts.devices import RecoveryCodeDevice, TotpDevice
from accounts.models import User
from tests.helpers.authenticator import Authenticator, add_key, ask, grow_old
from tests.helpers.factories import add_app, make_user
from tests.helpers.signing_in import CHALLENGE, code_of, type_code, type_password

SECURITY = "/account/security/"


def words(response: Any) -> str:
    return str(response.content.decode())


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_pyotp_and_we_agree(ada: User, app: TotpDevice) -> None:
    phone, now = pyotp.TOTP(codes.base32(app.raw_secret())), time.time()
    for step in (-1, 0, 1):
        assert codes.accepted_step(app.raw_secret(), phone.at(int(now) + step * codes.STEP), now=now, after=-1)


def test_an_app_is_renamed(signed_in: Client, app: TotpDevice) -> None:
    assert signed_in.post(f"{SECURITY}app/{app.pk}/rename/", {"name": " tablet "})["Location"] == SECURITY
    assert "tablet" in words(signed_in.get(SECURITY))
    assert signed_in.post(f"{SECURITY}app/{app.pk}/rename/", {"name": ""}).status_code == 200


def test_codes_are_proved_saved_by_typing_one_which_stays_unused(signed_in: Client, ada: User) -> None:
    plain = second_factors.make_codes(ada, actor=ada)
    assert "We do not know whether you saved your recovery codes" in words(signed_in.get(SECURITY))
    saved = f"{SECURITY}codes/saved/"
    assert "not one of your unused codes" in words(signed_in.post(saved, {"code": "AAAA-AAAA-AAAA-AAAA"}))
    assert RecoveryCodeDevice.objects.get().proved_at is None
    assert signed_in.post(saved, {"code": plain[0].lower()})["Location"] == SECURITY
    assert RecoveryCodeDevice.objects.get().proved_at is not None
    assert second_factors.summary(ada).codes_left == 8
    assert "not shown yet" not in words(signed_in.get(SECURITY))


def test_another_accounts_code_proves_nothing(signed_in: Client, ada: User) -> None:
    kim = make_user("kim")
    add_app(kim)
    theirs = second_factors.make_codes(kim, actor=kim)
    second_factors.make_codes(ada, actor=ada)
    assert not second_factors.prove_codes(ada, theirs[0])


def test_a_sign_in_by_recovery_code_leads_to_enrolment(client: Client, ada: User, app: TotpDevice) -> None:
    code = second_factors.make_codes(ada, actor=ada)[0]
    type_password(client)
    response = type_code(client, code)
    assert response["Location"] == "/account/security/app/"
    assert "You have 7 left" in words(client.get(response["Location"]))


def test_one_way_in_is_warned_of_and_two_are_not(signed_in: Client, ada: User) -> None:
    assert "You have only one device to sign in with" in words(signed_in.get(SECURITY))
    add_app(ada, "tablet")
    assert "You have only one device to sign in with" not in words(signed_in.get(SECURITY))


def test_the_locked_out_page_offers_every_other_way_first(client: Client, db: None) -> None:
    page = words(client.get("/account/locked-out/"))
    order = [page.index(words) for words in ("A recovery code", "Another security key", "still signed in")]
    assert order == sorted(order)


@pytest.mark.parametrize(("setting", "by_key", "counts"), [
    ("any", False, True), ("any", True, True), ("webauthn", False, False), ("webauthn", True, True),
])  # fmt: skip
def test_a_staff_decision_asks_for_a_key_where_the_site_says_so(
    signed_in: Client, ada: User, rf: RequestFactory, settings: Any, setting: str, by_key: bool, counts: bool
) -> None:
    settings.STAFF_STEP_UP = setting
    if by_key:
        key = Authenticator()
        add_key(signed_in, key)
        grow_old(signed_in)
        signed_in.post("/account/step-up/", {"credential": key.get(ask(signed_in, "step_up"))})
    request = rf.get("/")
    request.session, request.user = signed_in.session, ada
    ada.otp_device = TotpDevice.objects.first()  # type: ignore[attr-defined]
    assert second_factors.recent_second_factor(request)
    assert second_factors.recent_staff_factor(request) is counts


@pytest.mark.parametrize(("seconds", "counts"), [(-299, True), (60, True), (8 * 86400, False), (-301, False)])
def test_a_factor_shown_by_a_clock_that_was_ahead_is_not_recent_for_ever(
    signed_in: Client, ada: User, rf: RequestFactory, seconds: int, counts: bool
) -> None:
    session = signed_in.session
    for record in session["account_authentication_methods"]:
        record["at"] = time.time() + seconds
    request = rf.get("/")
    request.session, request.user = session, ada
    ada.otp_device = TotpDevice.objects.first()  # type: ignore[attr-defined]
    assert second_factors.recent_second_factor(request) is counts


def test_a_key_shown_long_ago_is_no_staff_factor(
    signed_in: Client, ada: User, rf: RequestFactory, settings: Any
) -> None:
    settings.STAFF_STEP_UP = "webauthn"
    add_key(signed_in, Authenticator())
    grow_old(signed_in)
    request = rf.get("/")
    request.session, request.user = signed_in.session, ada
    ada.otp_device = TotpDevice.objects.first()  # type: ignore[attr-defined]
    assert not second_factors.recent_staff_factor(request)


def test_the_step_up_page_tells_staff_that_a_key_is_needed(signed_in: Client, ada: User, settings: Any) -> None:
    settings.STAFF_STEP_UP = "webauthn"
    User.objects.update(is_staff=True)
    assert "You have none yet" in words(signed_in.get("/account/step-up/"))


def test_signing_in_with_an_app_takes_at_most_25_queries(client: Client, ada: User, app: TotpDevice) -> None:
    second_factors.make_codes(ada, actor=ada)
    type_password(client)
    client.get(CHALLENGE)
    cache.clear()
    with CaptureQueriesContext(connection) as queries:
        assert type_code(client, code_of(app)).status_code == 302
    assert len(queries) <= 25, [one["sql"] for one in queries]


def test_the_second_factor_page_takes_at_most_12_queries_however_many_devices(signed_in: Client, ada: User) -> None:
    for number in range(4):
        add_app(ada, f"app {number}")
        add_key(signed_in, Authenticator())
    second_factors.make_codes(ada, actor=ada)
    with CaptureQueriesContext(connection) as queries:
        signed_in.get(SECURITY)
    assert len(queries) <= 12, [one["sql"] for one in queries]
