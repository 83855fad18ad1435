"""Wrong second factors after the right password: told at ten in a row, and at a hundred the factor is off."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django_otp import device_classes
from django_otp_webauthn.models import WebAuthnCredential

from accounts import recovered, second_factors
from accounts.devices import RecoveryCodeDevice, TotpDevice
from accounts.mail.models import Mail
from accounts.mail.outbox import render
from accounts.models import FactorFailures, User
from audit.models import Event
from audit.tags import Tag
from tests.helpers.authenticator import PASSKEY, STEP_UP, Authenticator, add_key, ask, grow_old
from tests.helpers.factories import add_app, make_user
from tests.helpers.signing_in import CHALLENGE, code_of, type_code, type_password, wrong_code_of

SECURITY = "/account/security/"
WRONG_CODE = "AAAA-AAAA-AAAA-AAAA"


def words(response: Any) -> str:
    return str(response.content.decode())


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@dataclass
class Scene:
    """ada, with two verified addresses, an app, recovery codes and a key; and a browser that typed her password."""

    ada: User
    app: TotpDevice
    codes: list[str]
    key: Authenticator
    browser: Client
    at_home: Client

    def fresh(self) -> Client:
        browser = Client()
        type_password(browser)
        return browser

    def answer(self, key: Authenticator) -> Any:
        return self.browser.post(CHALLENGE, {"credential": key.get(ask(self.browser, "second_factor"))})

    def false_key(self) -> Authenticator:
        """Something that knows the key's id and not its secret."""
        return Authenticator(credential_id=self.key.credential_id, handle=self.key.handle)


@pytest.fixture
def scene(signed_in: Client, ada: User, app: TotpDevice) -> Scene:
    EmailAddress.objects.create(user=ada, email="second@example.org", verified=True)
    key = Authenticator()
    add_key(signed_in, key)
    made = Scene(ada, app, second_factors.make_codes(ada, actor=ada), key, Client(), signed_in)
    made.browser = made.fresh()
    TotpDevice.objects.update(last_step=-1)
    Mail.objects.all().delete()
    return made


@dataclass(frozen=True)
class Kind:
    """One kind of device: how it is answered for wrongly and rightly at sign-in, and how it comes to be."""

    method: str
    wrong: Callable[[Scene], Any]
    right: Callable[[Scene], Any]


KINDS: dict[type, Kind] = {
    TotpDevice: Kind(
        "totp",
        lambda scene: type_code(scene.browser, wrong_code_of(scene.app)),
        lambda scene: type_code(scene.browser, code_of(scene.app)),
    ),
    RecoveryCodeDevice: Kind(
        "recovery_code",
        lambda scene: type_code(scene.browser, WRONG_CODE),
        lambda scene: type_code(scene.browser, scene.codes[0]),
    ),
    WebAuthnCredential: Kind(
        "webauthn", lambda scene: scene.answer(scene.false_key()), lambda scene: scene.answer(scene.key)
    ),
}
every_kind = pytest.mark.parametrize("model", list(device_classes()), ids=lambda model: model.__name__)


def no_lock() -> None:
    """Neither the limiter nor an app's own lock stands in the way."""
    cache.clear()
    TotpDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)


def go_wrong(scene: Scene, model: type, times: int = 1) -> Any:
    for _ in range(times):
        no_lock()
        response = KINDS[model].wrong(scene)
    no_lock()
    return response


def been_wrong(model: type, times: int) -> None:
    """What `times` wrong answers leave behind."""
    assert FactorFailures.objects.filter(device__startswith=model._meta.label_lower).update(failures=times)  # type: ignore[attr-defined]


def told(tag: Tag) -> list[str]:
    return sorted(Mail.objects.filter(context__tag=tag).values_list("recipient", flat=True))


BOTH = ["ada@example.org", "second@example.org"]


@every_kind
def test_ten_in_a_row_are_one_event_and_one_mail_to_every_verified_address(scene: Scene, model: type) -> None:
    go_wrong(scene, model, 9)
    assert told(Tag.ACCOUNT_TWO_FACTOR_WRONG) == []
    go_wrong(scene, model, 3)
    assert told(Tag.ACCOUNT_TWO_FACTOR_WRONG) == BOTH
    event = Event.objects.get(tag=Tag.ACCOUNT_TWO_FACTOR_WRONG)
    assert (event.actor_uid, event.subject_uid, event.data["method"]) == (None, scene.ada.uid, KINDS[model].method)


@every_kind
def test_a_right_answer_begins_the_row_anew(scene: Scene, model: type) -> None:
    go_wrong(scene, model, 9)
    KINDS[model].right(scene)
    assert is_signed_in(scene.browser)
    scene.browser = scene.fresh()
    go_wrong(scene, model, 9)
    assert told(Tag.ACCOUNT_TWO_FACTOR_WRONG) == []


@every_kind
def test_at_a_hundred_the_factor_is_off_and_the_right_answer_is_refused_in_words(scene: Scene, model: type) -> None:
    go_wrong(scene, model)
    been_wrong(model, 98)
    go_wrong(scene, model)
    assert told(Tag.ACCOUNT_TWO_FACTOR_OFF) == []
    go_wrong(scene, model)
    assert told(Tag.ACCOUNT_TWO_FACTOR_OFF) == BOTH
    response = KINDS[model].right(scene)
    page = words(response) + words(scene.browser.get(CHALLENGE))
    assert "switched off after too many wrong" in page
    assert not is_signed_in(scene.browser)
    assert "after a hundred wrong tries in a row" in words(scene.at_home.get(SECURITY))


PAIRS = [
    pytest.param(*pair, id="-".join(model.__name__ for model in pair)) for pair in permutations(device_classes(), 2)
]


@pytest.mark.parametrize(("model", "other"), PAIRS, ids=lambda model: model.__name__)
def test_another_factor_switches_it_on_again(scene: Scene, model: type, other: type) -> None:
    go_wrong(scene, model)
    been_wrong(model, 99)
    go_wrong(scene, model)
    KINDS[other].right(scene)
    assert is_signed_in(scene.browser)
    assert told(Tag.ACCOUNT_TWO_FACTOR_ON) == BOTH
    TotpDevice.objects.update(last_step=-1)
    scene.browser = scene.fresh()
    KINDS[model].right(scene)
    assert is_signed_in(scene.browser)


def test_a_new_kind_of_device_is_counted_too() -> None:
    assert set(device_classes()) == set(KINDS)


def test_tries_while_the_app_is_locked_count_too_though_every_counter_of_the_cache_is_lost(scene: Scene) -> None:
    for _ in range(12):
        cache.clear()
        type_code(scene.browser, wrong_code_of(scene.app))
    assert told(Tag.ACCOUNT_TWO_FACTOR_WRONG) == BOTH
    been_wrong(TotpDevice, 98)
    for _ in range(2):
        cache.clear()
        type_code(scene.browser, wrong_code_of(scene.app))
    assert told(Tag.ACCOUNT_TWO_FACTOR_OFF) == BOTH
    no_lock()
    type_code(scene.browser, code_of(scene.app))
    assert not is_signed_in(scene.browser)


def test_a_factor_that_is_off_is_still_asked_for(scene: Scene) -> None:
    go_wrong(scene, TotpDevice)
    been_wrong(TotpDevice, 99)
    go_wrong(scene, TotpDevice)
    WebAuthnCredential.objects.all().delete()
    assert second_factors.has_primary_factor(scene.ada)
    assert type_password(Client())["Location"] == CHALLENGE


def test_one_row_with_two_apps_is_one_mail_and_a_code_of_either_ends_it(scene: Scene) -> None:
    tablet = add_app(scene.ada, "tablet")
    go_wrong(scene, TotpDevice, 10)
    assert told(Tag.ACCOUNT_TWO_FACTOR_WRONG) == BOTH
    type_code(scene.browser, code_of(tablet))
    assert FactorFailures.objects.count() == 0


def test_of_two_keys_only_the_one_that_answered_is_counted_and_both_if_nobody_knows_which(scene: Scene) -> None:
    spare = Authenticator()
    add_key(scene.at_home, spare)
    go_wrong(scene, WebAuthnCredential)
    assert FactorFailures.objects.count() == 1
    scene.answer(Authenticator())
    assert sorted(FactorFailures.objects.values_list("failures", flat=True)) == [1, 2]


def test_a_page_that_was_open_too_long_says_nothing_of_a_key(scene: Scene) -> None:
    scene.browser.post(CHALLENGE, {"credential": scene.key.get({"challenge": "AAAA"})})
    assert FactorFailures.objects.count() == 0


def test_what_looks_like_no_code_counts_against_the_apps(scene: Scene) -> None:
    type_code(scene.browser, "12345")
    row = FactorFailures.objects.get()
    assert (row.device, row.failures) == (scene.app.persistent_id, 1)


def test_wrong_codes_of_a_session_that_steps_up_count(scene: Scene) -> None:
    grow_old(scene.at_home)
    scene.at_home.post(STEP_UP, {"code": WRONG_CODE})
    scene.at_home.post(STEP_UP, {"code": wrong_code_of(scene.app)})
    scene.at_home.post(STEP_UP, {"credential": scene.false_key().get(ask(scene.at_home, "step_up"))})
    assert list(FactorFailures.objects.values_list("failures", flat=True)) == [1, 1, 1]


def test_stepping_up_with_another_factor_switches_it_on_again(scene: Scene) -> None:
    go_wrong(scene, TotpDevice)
    been_wrong(TotpDevice, 99)
    go_wrong(scene, TotpDevice)
    grow_old(scene.at_home)
    scene.at_home.post(STEP_UP, {"credential": scene.key.get(ask(scene.at_home, "step_up"))})
    assert "after a hundred wrong" not in words(scene.at_home.get(SECURITY))


def test_nobody_counts_anything_without_the_password(scene: Scene) -> None:
    stranger = Client()
    type_password(stranger, password="not the password")
    type_code(stranger, wrong_code_of(scene.app))
    type_code(stranger, WRONG_CODE)
    stranger.post(PASSKEY, {"credential": scene.false_key().get(ask(stranger, "passkey"))})
    assert second_factors.verify_code(scene.ada, wrong_code_of(scene.app), counted=False) is None
    assert FactorFailures.objects.count() == 0


def test_a_key_that_is_off_is_no_passkey_and_no_proof_either(scene: Scene) -> None:
    go_wrong(scene, WebAuthnCredential)
    been_wrong(WebAuthnCredential, 99)
    go_wrong(scene, WebAuthnCredential)
    stranger = Client()
    stranger.post(PASSKEY, {"credential": scene.key.get(ask(stranger, "passkey"))})
    assert not is_signed_in(stranger)


def test_a_factor_that_is_off_is_not_even_looked_at(scene: Scene) -> None:
    """Otherwise whoever guesses would go on learning."""
    go_wrong(scene, TotpDevice)
    been_wrong(TotpDevice, 99)
    go_wrong(scene, TotpDevice)
    type_code(scene.browser, code_of(scene.app))
    scene.app.refresh_from_db()
    assert scene.app.last_step == -1


def remove_the_app(scene: Scene) -> None:
    second_factors.remove_device(scene.ada, scene.app, actor=scene.ada)


def make_new_codes(scene: Scene) -> None:
    second_factors.make_codes(scene.ada, actor=scene.ada)


@transaction.atomic
def reset(scene: Scene) -> None:
    second_factors.reset(scene.ada, actor="system", reason="proof of both repositories")


@pytest.mark.parametrize(
    ("end", "left"), [(remove_the_app, "recoverycode"), (make_new_codes, "totp"), (reset, "nothing")]
)
def test_a_device_that_ends_takes_its_row_along(scene: Scene, end: Callable[[Scene], None], left: str) -> None:
    go_wrong(scene, TotpDevice)
    go_wrong(scene, RecoveryCodeDevice)
    end(scene)
    assert all(left in device for device in FactorFailures.objects.values_list("device", flat=True))
    assert FactorFailures.objects.count() == (left != "nothing")


def test_a_recovery_that_keeps_the_factors_switches_them_on_again(scene: Scene) -> None:
    go_wrong(scene, TotpDevice)
    been_wrong(TotpDevice, 99)
    go_wrong(scene, TotpDevice)
    with transaction.atomic():
        recovered.disable_password(scene.ada, actor="system", reason="a lost address", ticket=7)
    assert FactorFailures.objects.count() == 0
    assert Event.objects.get(tag=Tag.ACCOUNT_TWO_FACTOR_ON).ticket == 7


def test_one_account_is_not_another(scene: Scene) -> None:
    add_app(make_user("kim"))
    go_wrong(scene, TotpDevice)
    assert FactorFailures.objects.get().user == scene.ada


def test_the_mail_says_who_knows_what_and_how_to_lock_the_account(scene: Scene) -> None:
    go_wrong(scene, TotpDevice, 10)
    said = render(Mail.objects.filter(kind="account_wrong_factors").latest("id"))
    assert said.subject == "[RecoveryDesk] Ten wrong codes after the right password"
    assert "Somebody who knows the password of the account ada typed ten wrong codes in a row." in said.text
    for page in ("/account/password/reset/", "/account/freeze/"):
        assert f"http://localhost:8000{page}" in said.text
