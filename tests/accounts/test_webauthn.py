"""Security keys: added, used for each purpose, and every refusal of WebAuthn Level 3 sections 7.1 and 7.2."""

import base64
import json
import secrets
from typing import Any

import cbor2
import pytest
from django.conf import settings as live_settings
from django.test import Client
from django_otp_webauthn.models import WebAuthnCredential

from accounts import second_factors, services, webauthn
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from tests.helpers.authenticator import (
    ADD,
    BE,
    BS,
    OPTIONS,
    PASSKEY,
    STEP_UP,
    UP,
    UV,
    Authenticator,
    add_key,
    ask,
    grow_old,
)
from tests.helpers.factories import add_app, make_user
from tests.helpers.signing_in import CHALLENGE, LOGIN, code_of, type_code, type_password


def said(response: Any, client: Client) -> str:
    """The words of the page a refusal leads to."""
    return str(client.get(response["Location"]).content.decode())


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@pytest.fixture
def key(signed_in: Client) -> Authenticator:
    """A key of ada's, added just now."""
    made = Authenticator()
    assert add_key(signed_in, made).status_code == 302
    return made


@pytest.fixture
def stored(key: Authenticator, ada: User) -> WebAuthnCredential:
    device: WebAuthnCredential = WebAuthnCredential.objects.get(user=ada)
    return device


# Adding ---------------------------------------------------------------------------------------------------------------


def test_a_key_is_added_under_its_name_with_an_event_and_a_mail(signed_in: Client, ada: User) -> None:
    response = add_key(signed_in, Authenticator(), "blue key")
    assert response["Location"] == "/account/security/codes/"
    device = WebAuthnCredential.objects.get(user=ada)
    assert (device.name, device.confirmed, device.discoverable) == ("blue key", True, True)
    event = Event.objects.get(tag=Tag.ACCOUNT_TWO_FACTOR_METHOD_ADDED)
    assert event.data == {"method": "webauthn"}
    assert Mail.objects.filter(context__tag=Tag.ACCOUNT_TWO_FACTOR_METHOD_ADDED).count() == 1


def test_any_number_of_keys_and_what_each_can_do_is_shown(signed_in: Client, ada: User) -> None:
    add_key(signed_in, Authenticator(flags=UP | UV | BE | BS), "phone")
    add_key(signed_in, Authenticator(resident=False, flags=UP), "old key")
    page = signed_in.get("/account/security/").content.decode()
    assert "Passkey: it signs you in without a password" in page
    assert "Your device keeps a copy of it in the cloud." in page
    assert "Second factor only" in page
    assert second_factors.summary(ada).webauthn == 2


def test_a_first_factor_may_be_a_key(client: Client, ada: User) -> None:
    type_password(client)
    assert add_key(client, Authenticator())["Location"] == "/account/security/codes/"
    assert client.session["otp_device_id"].startswith("django_otp_webauthn.webauthncredential/")


def test_what_the_browser_is_asked_keeps_u2f_keys_and_names_known_ones(signed_in: Client, key: Authenticator) -> None:
    options = ask(signed_in, "register")
    assert options["authenticatorSelection"]["residentKey"] == "preferred"
    assert options["attestation"] == "none"
    assert {one["alg"] for one in options["pubKeyCredParams"]} == {-8, -7, -257}
    assert len(options["excludeCredentials"]) == 1
    assert len(options["challenge"]) >= 43


def test_renaming_and_removing_a_key(signed_in: Client, ada: User, stored: WebAuthnCredential) -> None:
    signed_in.post(f"/account/security/key/{stored.pk}/rename/", {"name": "red key"})
    stored.refresh_from_db()
    assert stored.name == "red key"
    signed_in.post(f"/account/security/key/{stored.pk}/remove/")
    assert not WebAuthnCredential.objects.filter(pk=stored.pk).exists()
    assert Event.objects.get(tag=Tag.ACCOUNT_TWO_FACTOR_METHOD_REMOVED).data == {"method": "webauthn"}


@pytest.mark.parametrize("what", ["remove", "rename"])
def test_another_accounts_key_is_not_there(client: Client, stored: WebAuthnCredential, what: str) -> None:
    kim, other = make_user("kim"), Client()
    app = add_app(kim)
    type_password(other, "kim")
    type_code(other, code_of(app))
    assert other.post(f"/account/security/key/{stored.pk}/{what}/", {"name": "mine"}).status_code == 404
    stored.refresh_from_db()
    assert stored.name == "blue key"


# Using ----------------------------------------------------------------------------------------------------------------


def test_a_key_is_the_second_factor_at_sign_in(client: Client, ada: User, key: Authenticator) -> None:
    browser = Client()
    assert type_password(browser)["Location"] == CHALLENGE
    before = browser.session.session_key
    options = ask(browser, "second_factor")
    assert len(options["allowCredentials"]) == 1
    response = browser.post(CHALLENGE, {"credential": key.get(options)})
    assert response["Location"] == "/account/security/"
    assert is_signed_in(browser)
    assert browser.session.session_key != before
    assert Event.objects.filter(tag=Tag.ACCOUNT_LOGIN_SUCCESS).latest("id").data == {"method": "webauthn"}


def test_a_passkey_signs_in_alone_and_goes_where_was_asked(ada: User, key: Authenticator) -> None:
    browser = Client()
    options = ask(browser, "passkey")
    assert options["userVerification"] == "required"
    assert not options.get("allowCredentials")
    response = browser.post(PASSKEY, {"credential": key.get(options), "next": "/account/history/"})
    assert response["Location"] == "/account/history/"
    assert is_signed_in(browser)
    assert browser.get("/account/email/").status_code == 200  # the passkey counts as shown now


def test_a_passkey_never_leads_outside(ada: User, key: Authenticator) -> None:
    browser = Client()
    answer = key.get(ask(browser, "passkey"))
    response = browser.post(PASSKEY, {"credential": answer, "next": "https://evil.example/"})
    assert response["Location"] == "/account/security/"


def test_a_key_steps_up_and_the_interrupted_post_goes_on(
    signed_in: Client, ada: User, key: Authenticator, stored: WebAuthnCredential
) -> None:
    grow_old(signed_in)
    before = signed_in.session.session_key
    where = signed_in.post(f"/account/security/key/{stored.pk}/rename/", {"name": "red key"})["Location"]
    signed_in.post(where, {"credential": key.get(ask(signed_in, "step_up"))})
    stored.refresh_from_db()
    assert stored.name == "red key"
    assert signed_in.session.session_key != before
    assert Event.objects.filter(tag=Tag.ACCOUNT_STEP_UP).latest("id").data == {"method": "webauthn"}


def test_a_passkey_of_an_unverified_address_verifies_that_first(ada: User, key: Authenticator) -> None:
    ada.emailaddress_set.update(verified=False)
    browser = Client()
    response = browser.post(PASSKEY, {"credential": key.get(ask(browser, "passkey"))})
    assert response["Location"] == "/account/confirm-email/"
    assert not is_signed_in(browser)


# Refusals -------------------------------------------------------------------------------------------------------------


def snapshot(user: User) -> Any:
    """What a refused ceremony must not change."""
    keys = WebAuthnCredential.objects.filter(user=user).values("pk", "sign_count", "last_used_at", "name")
    return list(keys.order_by("pk")), Mail.objects.count(), User.objects.filter(pk=user.pk).values().get()


FALSE_REGISTRATIONS: dict[str, dict[str, Any]] = {
    "wrong origin": {"origin": "https://evil.example"},
    "origin of another port": {"origin": "http://localhost:9999"},
    "wrong rpIdHash": {"rp_id": "evil.example"},
    "nobody present": {"flags": 0},
    "unknown algorithm": {"algorithm": -999},
    "algorithm not offered": {"algorithm": -65535},
    "framed by another site": {"cross_origin": True},
    "id too long": {"credential_id": bytes(1024)},
    "impossible backup flags": {"flags": UP | UV | BS},
}


@pytest.mark.parametrize("false", FALSE_REGISTRATIONS.values(), ids=FALSE_REGISTRATIONS)
def test_a_false_registration_is_refused_and_is_an_event(signed_in: Client, ada: User, false: dict[str, Any]) -> None:
    before = snapshot(ada)
    response = add_key(signed_in, Authenticator(**false))
    assert response["Location"] == ADD
    assert "not accepted" in said(response, signed_in)
    assert snapshot(ada) == before
    assert Event.objects.get(tag=Tag.ACCOUNT_STEP_UP_FAILURE).subject_uid == ada.uid


def test_an_id_bound_to_another_account_is_refused_and_stays_there(
    ada: User, key: Authenticator, stored: WebAuthnCredential
) -> None:
    kim, browser = make_user("kim"), Client()
    type_password(browser, "kim")
    thief = Authenticator(credential_id=key.credential_id)
    response = add_key(browser, thief)
    assert "already added" in said(response, browser)
    assert WebAuthnCredential.objects.get().user_id == ada.pk
    assert not second_factors.has_primary_factor(kim)


def test_the_same_key_twice_is_already_added(signed_in: Client, key: Authenticator) -> None:
    assert "already added" in said(add_key(signed_in, key), signed_in)


FALSE_ASSERTIONS: dict[str, dict[str, Any]] = {
    "wrong origin": {"origin": "https://evil.example"},
    "wrong rpIdHash": {"rp_id": "evil.example"},
    "nobody present": {"flags": UV},
    "another account's user handle": {"handle": secrets.token_bytes(64)},
    "counter standing still": {"counter": -1},
    "framed by another site": {"cross_origin": True},
    "backup eligibility changed": {"flags": UP | UV | BE},
    "unknown key": {"credential_id": bytes(32)},
    "wrong signature": {"private": Authenticator().private},
}


@pytest.mark.parametrize("false", FALSE_ASSERTIONS.values(), ids=FALSE_ASSERTIONS)
@pytest.mark.parametrize("purpose", ["second_factor", "passkey", "step_up"])
def test_a_false_answer_is_refused_for_every_purpose(
    signed_in: Client, ada: User, key: Authenticator, stored: WebAuthnCredential, purpose: str, false: dict[str, Any]
) -> None:
    WebAuthnCredential.objects.update(sign_count=7)
    key.counter = 7
    for name, value in false.items():
        setattr(key, name, value)
    refused_for(purpose, signed_in, ada, key)


ES384, RS1 = -35, -65535
STORED_ALGORITHMS = [ES384, RS1, -999, 0]


@pytest.mark.parametrize("algorithm", STORED_ALGORITHMS)
@pytest.mark.parametrize("purpose", ["second_factor", "passkey", "step_up"])
def test_a_stored_key_of_an_algorithm_we_do_not_offer_opens_nothing(
    signed_in: Client, ada: User, key: Authenticator, purpose: str, algorithm: int
) -> None:
    public = cbor2.loads(bytes(WebAuthnCredential.objects.get().public_key))
    WebAuthnCredential.objects.update(public_key=cbor2.dumps(public | {3: algorithm}))
    refused_for(purpose, signed_in, ada, key)


@pytest.mark.parametrize("purpose", ["second_factor", "passkey", "step_up"])
def test_a_key_whose_algorithm_is_offered_no_more_opens_nothing(
    signed_in: Client, ada: User, key: Authenticator, settings: Any, purpose: str
) -> None:
    settings.OTP_WEBAUTHN_SUPPORTED_COSE_ALGORITHMS = [-8, -257]  # its signature is right
    refused_for(purpose, signed_in, ada, key)
    assert Event.objects.latest("id").data["why"] == "key: algorithm not offered"


def refused_for(purpose: str, signed_in: Client, ada: User, key: Authenticator) -> None:
    """The key's answer is refused, is an event, and changes nothing."""
    browser, page = signed_in if purpose == "step_up" else Client(), STEP_UP
    if purpose == "second_factor":
        type_password(browser)
        page = CHALLENGE
    elif purpose == "passkey":
        page = PASSKEY
    before = snapshot(ada)
    browser.post(page, {"credential": key.get(ask(browser, purpose))})
    assert snapshot(ada) == before
    assert is_signed_in(browser) == (purpose == "step_up")
    tag = Tag.ACCOUNT_STEP_UP_FAILURE if purpose == "step_up" else Tag.ACCOUNT_LOGIN_FAILURE
    assert Event.objects.filter(tag=tag).latest("id").data["why"].startswith("key: ")


def test_a_counter_going_back_is_refused(ada: User, key: Authenticator) -> None:
    WebAuthnCredential.objects.update(sign_count=9)
    browser = Client()
    key.counter = 3
    browser.post(PASSKEY, {"credential": key.get(ask(browser, "passkey"))})
    assert not is_signed_in(browser)
    assert WebAuthnCredential.objects.get().sign_count == 9


def test_a_passkey_that_did_not_verify_its_holder_does_not_sign_in_alone(ada: User, key: Authenticator) -> None:
    key.flags = UP
    browser = Client()
    browser.post(PASSKEY, {"credential": key.get(ask(browser, "passkey"))})
    assert not is_signed_in(browser)


def test_a_passkey_must_say_whose_it_is(ada: User, key: Authenticator) -> None:
    key.handle = b""
    browser = Client()
    browser.post(PASSKEY, {"credential": key.get(ask(browser, "passkey"))})
    assert not is_signed_in(browser)


def test_a_challenge_counts_once(ada: User, key: Authenticator) -> None:
    browser = Client()
    answer = key.get(ask(browser, "passkey"))
    key.origin, good = "https://evil.example", key.origin
    browser.post(PASSKEY, {"credential": answer[:-1]})
    key.origin = good
    browser.post(PASSKEY, {"credential": answer})
    assert not is_signed_in(browser)


def test_a_challenge_lasts_five_minutes(ada: User, key: Authenticator) -> None:
    browser = Client()
    answer = key.get(ask(browser, "passkey"))
    session = browser.session
    session[webauthn.STATE] = {**session[webauthn.STATE], "at": session[webauthn.STATE]["at"] - 301}
    session.save()
    response = browser.post(PASSKEY, {"credential": answer})
    assert "open too long" in said(response, browser)
    assert not is_signed_in(browser)


def test_an_answer_to_somebody_elses_challenge_is_refused(ada: User, key: Authenticator) -> None:
    stranger, browser = Client(), Client()
    answer = key.get(ask(stranger, "passkey"))
    ask(browser, "passkey")
    browser.post(PASSKEY, {"credential": answer})
    assert not is_signed_in(browser)


def test_a_stolen_key_without_pin_is_no_passkey_through_a_pending_sign_in(key: Authenticator) -> None:
    """Pitfall 1 of the trial: begin as a second factor (no PIN asked), sign out, complete as a passkey."""
    make_user("mallory")
    attacker = Client()
    type_password(attacker, "mallory")
    key.flags = UP
    refused = attacker.post(OPTIONS, {"purpose": "second_factor"})  # mallory has no key: nothing is pending
    assert refused.status_code == 403
    mallory = User.objects.get(username="mallory")
    app = add_app(mallory)
    attacker = Client()
    type_password(attacker, "mallory")
    options = ask(attacker, "second_factor")
    attacker.post("/account/logout/")
    attacker.post(PASSKEY, {"credential": key.get(options)})
    assert not is_signed_in(attacker)
    assert app.confirmed


PURPOSES = ["register", "step_up", "second_factor", "passkey"]


@pytest.mark.parametrize("asked", PURPOSES)
@pytest.mark.parametrize("used", PURPOSES)
def test_state_of_one_purpose_serves_no_other(rf: Any, ada: User, key: Authenticator, asked: str, used: str) -> None:
    request = rf.post("/")
    request.session = Client().session
    owner = None if asked == "passkey" else ada
    webauthn._remember(request, asked, owner, {"challenge": "x", "require_user_verification": False})  # type: ignore[arg-type]
    request.session.save()
    wanted = None if used == "passkey" else ada
    if asked == used:
        assert webauthn._take(request, used, wanted)["challenge"] == "x"  # type: ignore[arg-type]
    else:
        with pytest.raises(webauthn.KeyRefused, match="another question"):
            webauthn._take(request, used, wanted)  # type: ignore[arg-type]
    with pytest.raises(webauthn.KeyRefused, match="no question"):
        webauthn._take(request, used, wanted)  # type: ignore[arg-type]


def test_state_of_another_account_serves_nobody(rf: Any, ada: User) -> None:
    request = rf.post("/")
    request.session = Client().session
    webauthn._remember(request, "step_up", make_user("kim"), {"challenge": "x"})
    request.session.save()
    with pytest.raises(webauthn.KeyRefused, match="another question"):
        webauthn._take(request, "step_up", ada)


NESTED = base64.urlsafe_b64encode(b"[" * 40_000).decode()
MALFORMED = [
    json.dumps({"id": "a", "rawId": "a", "type": "public-key", "response": {"clientDataJSON": NESTED}}),
    "", "{}", "[]", "null", "1", '"x"', "{", "[" * 50_000, "x" * 70_000, '{"id":1}',
    '{"id":"a","rawId":"a","type":"public-key","response":{}}',
    '{"id":"a","rawId":"a","type":"x","response":{"clientDataJSON":"e30"}}',
    '{"id":"a","rawId":"a","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}',
    '{"id":"a","rawId":"a","type":"public-key","response":{"clientDataJSON":"W10","attestationObject":"oA"}}',
    '{"id":"a","rawId":"a","type":"public-key","clientExtensionResults":7,"response":{"clientDataJSON":"e30"}}',
    '{"id":{},"rawId":[],"type":null,"response":[]}',
    '{"id":"é","rawId":"é","type":"public-key","response":{"clientDataJSON":"é"}}',
]  # fmt: skip


@pytest.mark.parametrize("answer", MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_answers_are_refused_without_an_error(signed_in: Client, ada: User, answer: str) -> None:
    before = snapshot(ada)
    for browser, page, purpose in (
        (signed_in, ADD, "register"),
        (signed_in, STEP_UP, "step_up"),
        (Client(), PASSKEY, "passkey"),
    ):
        ask(browser, purpose)
        assert browser.post(page, {"credential": answer}).status_code in (200, 302)
    assert snapshot(ada) == before


def test_nothing_is_asked_for_whom_there_is_nothing_to_ask(client: Client, ada: User, signed_in: Client) -> None:
    stranger = Client()
    for purpose in ("register", "step_up", "second_factor", "nonsense", ""):
        assert stranger.post(OPTIONS, {"purpose": purpose}).status_code == 403
    assert signed_in.post(OPTIONS, {"purpose": "passkey"}).status_code == 403
    assert stranger.get(OPTIONS).status_code == 405
    grow_old(signed_in)
    assert signed_in.post(OPTIONS, {"purpose": "register"}).status_code == 403


@pytest.mark.parametrize("frozen_by", [User.FrozenBy.STAFF, User.FrozenBy.OWNER])
def test_a_passkey_opens_no_frozen_account_while_it_is_young(ada: User, key: Authenticator, frozen_by: str) -> None:
    services.freeze(ada, by=User.FrozenBy(frozen_by), actor="system", reason="a reason long enough")
    browser = Client()
    browser.post(PASSKEY, {"credential": key.get(ask(browser, "passkey"))})
    assert not is_signed_in(browser)
    assert WebAuthnCredential.objects.get().sign_count == 0


def test_a_removed_key_signs_nobody_in(signed_in: Client, key: Authenticator, stored: WebAuthnCredential) -> None:
    browser = Client()
    options = ask(browser, "passkey")
    stored.delete()
    response = browser.post(PASSKEY, {"credential": key.get(options)})
    assert "We do not know this key" in said(response, browser)


def test_a_pending_sign_in_by_key_dies_with_a_reset(ada: User, key: Authenticator) -> None:
    browser = Client()
    type_password(browser)
    answer = key.get(ask(browser, "second_factor"))
    services.choose_password(User.objects.get(pk=ada.pk), "another long password", actor=ada)
    assert browser.post(CHALLENGE, {"credential": answer})["Location"] == LOGIN
    assert not is_signed_in(browser)


def test_no_secret_of_the_ceremony_is_an_event(ada: User, key: Authenticator) -> None:
    browser = Client()
    options = ask(browser, "passkey")
    browser.post(PASSKEY, {"credential": key.get(options)})
    assert options["challenge"] not in json.dumps(list(Event.objects.values_list("data", flat=True)))


def test_the_setting_that_names_our_helper_is_used(rf: Any) -> None:
    assert live_settings.OTP_WEBAUTHN_HELPER_CLASS == "accounts.webauthn.Helper"
    assert isinstance(WebAuthnCredential.get_webauthn_helper(rf.get("/")), webauthn.Helper)
