"""Adding, using and removing second factors, and the reset that removes them all."""

from datetime import timedelta
from typing import Any

import django_otp
import pytest
from django.db import transaction
from django.db.transaction import TransactionManagementError
from django.test import Client, RequestFactory
from django.utils import timezone
from django_otp.models import Device
from django_otp_webauthn.models import WebAuthnCredential

from accounts import known_browsers, second_factors
from accounts.devices import MOST_FAILURES, RecoveryCode, RecoveryCodeDevice, TotpDevice
from accounts.mail.models import Mail
from accounts.models import Browser, Session, User
from audit.models import Event
from audit.tags import Tag
from tests.helpers.factories import add_app, make_user
from tests.helpers.signing_in import code_of, type_code, type_password, wrong_code_of


def add_key(user: User) -> WebAuthnCredential:
    """A registered security key, as django-otp-webauthn stores one."""
    key: WebAuthnCredential = WebAuthnCredential.objects.create(
        user=user, name="blue key", confirmed=True, credential_id=b"id", public_key=b"key", transports=[], sign_count=0,
        aaguid="00000000-0000-0000-0000-000000000000", backup_eligible=False, backup_state=False,
    )  # fmt: skip
    return key


def tags() -> list[str]:
    return list(Event.objects.order_by("id").values_list("tag", flat=True))


def reset(user: User, **more: Any) -> second_factors.ResetCounts:
    with transaction.atomic():
        return second_factors.reset(user, actor="system", reason="proof of both repositories", **more)


def test_an_app_counts_only_after_its_first_code_which_is_used_up_by_it(ada: User) -> None:
    device = second_factors.start_totp(ada, "phone")
    assert not second_factors.has_primary_factor(ada)
    code = code_of(device)
    assert second_factors.confirm_totp(ada, device, code)
    assert second_factors.has_primary_factor(ada)
    assert second_factors.verify_code(ada, code) is None
    assert tags() == [Tag.ACCOUNT_TWO_FACTOR_METHOD_ADDED]
    assert Mail.objects.get().context["method"] == "totp"


def test_a_wrong_first_code_confirms_nothing_and_its_failure_is_counted(ada: User) -> None:
    device = second_factors.start_totp(ada, "phone")
    assert not second_factors.confirm_totp(ada, device, wrong_code_of(device))
    device.refresh_from_db()
    assert (device.confirmed, device.throttling_failure_count) == (False, 1)


def test_starting_again_replaces_the_unfinished_app(ada: User) -> None:
    second_factors.start_totp(ada, "phone")
    second = second_factors.start_totp(ada, "tablet")
    assert list(TotpDevice.objects.filter(user=ada)) == [second]


def test_no_app_before_the_primary_address_is_verified(db: None) -> None:
    kim = User.objects.create_user("kim", "kim@example.org")
    with pytest.raises(second_factors.FactorNeedsVerifiedAddress):
        second_factors.start_totp(kim, "phone")


def test_the_secret_is_not_in_the_table(ada: User, app: TotpDevice) -> None:
    assert len(app.raw_secret()) == 20
    assert app.raw_secret() not in bytes(TotpDevice.objects.get(pk=app.pk).secret)


def test_another_users_device_is_refused_everywhere(ada: User, app: TotpDevice) -> None:
    kim = make_user("kim")
    with pytest.raises(second_factors.OtherUsersDevice):
        second_factors.confirm_totp(kim, app, code_of(app))
    with pytest.raises(second_factors.OtherUsersDevice):
        second_factors.remove_device(kim, app, actor=kim)
    with pytest.raises(second_factors.OtherUsersDevice):
        second_factors.rename_device(kim, app, "kim's")
    app.refresh_from_db()
    assert app.name == "phone"
    assert django_otp.verify_token(kim, app.persistent_id, code_of(app)) is None
    assert second_factors.has_primary_factor(ada)


def test_the_lock_after_wrong_codes_never_exceeds_a_quarter_of_an_hour(ada: User, app: TotpDevice) -> None:
    for _ in range(30):
        app.throttle_increment()
    app.refresh_from_db()
    assert app.throttling_failure_count == MOST_FAILURES
    until = second_factors.locked_until(ada)
    assert until is not None
    assert timedelta(minutes=5) < until - timezone.now() <= timedelta(minutes=15)


def test_a_locked_app_refuses_the_right_code_and_takes_it_when_the_lock_is_over(ada: User, app: TotpDevice) -> None:
    for _ in range(8):
        app.throttle_increment()
    assert second_factors.verify_code(ada, code_of(app)) is None
    TotpDevice.objects.update(throttling_failure_timestamp=timezone.now() - timedelta(seconds=2**7 + 1))
    assert second_factors.verify_code(ada, code_of(app)) == app
    app.refresh_from_db()
    assert (app.throttling_failure_count, second_factors.locked_until(ada)) == (0, None)


def test_recovery_codes_are_eight_single_use_and_new_ones_end_the_old(ada: User, app: TotpDevice) -> None:
    old = second_factors.make_codes(ada, actor=ada)
    assert (len(set(old)), second_factors.summary(ada).codes_left) == (8, 8)
    assert second_factors.verify_code(ada, old[0]) is not None
    assert second_factors.verify_code(ada, old[0]) is None
    assert second_factors.summary(ada).codes_left == 7
    new = second_factors.make_codes(ada, actor=ada)
    assert second_factors.verify_code(ada, old[1]) is None
    assert second_factors.verify_code(ada, new[0]) is not None
    assert RecoveryCodeDevice.objects.filter(user=ada).count() == 1


def test_no_recovery_code_is_stored(ada: User, app: TotpDevice) -> None:
    plain = second_factors.make_codes(ada, actor=ada)
    stored = " ".join(RecoveryCode.objects.values_list("digest", flat=True)).upper()
    assert not any(code.replace("-", "") in stored for code in plain)


def test_recovery_codes_only_beside_a_primary_factor_and_gone_with_the_last_one(ada: User) -> None:
    with pytest.raises(second_factors.NoPrimaryFactor):
        second_factors.make_codes(ada, actor=ada)
    phone, tablet = add_app(ada, "phone"), add_app(ada, "tablet")
    second_factors.make_codes(ada, actor=ada)
    second_factors.remove_device(ada, phone, actor=ada)
    assert second_factors.summary(ada).codes_left == 8
    second_factors.remove_device(ada, tablet, actor=ada)
    assert RecoveryCodeDevice.objects.filter(user=ada).count() == 0


def test_saved_codes_are_proved_by_one_that_is_unused_and_ones_own(ada: User, app: TotpDevice) -> None:
    assert not second_factors.prove_codes(ada, "AAAA-AAAA-AAAA-AAAA")  # no codes at all
    mine = second_factors.make_codes(ada, actor=ada)
    kim = make_user("kim")
    add_app(kim)
    theirs = second_factors.make_codes(kim, actor=kim)
    assert second_factors.verify_code(ada, mine[0]) is not None
    for spent_or_foreign in (mine[0], theirs[0], ""):
        assert not second_factors.prove_codes(ada, spent_or_foreign)
    assert not RecoveryCodeDevice.objects.exclude(proved_at=None).exists()
    assert second_factors.prove_codes(ada, mine[1])
    assert RecoveryCodeDevice.objects.get(user=ada).proved_at is not None
    assert RecoveryCodeDevice.objects.get(user=kim).proved_at is None
    assert second_factors.summary(ada).codes_left == 7  # proving uses none up


def test_an_empty_set_of_codes_is_no_factor(ada: User) -> None:
    RecoveryCodeDevice.objects.create(user=ada, name="recovery codes")
    assert django_otp.user_has_device(ada)
    assert not second_factors.has_primary_factor(ada)


def test_staff_keep_one_factor(db: None) -> None:
    kim = make_user("kim", staff=True)
    phone, tablet = add_app(kim, "phone"), add_app(kim, "tablet")
    second_factors.remove_device(kim, phone, actor=kim)
    with pytest.raises(second_factors.LastFactor):
        second_factors.remove_device(kim, tablet, actor=kim)


def test_the_summary_counts_apps_keys_and_codes(ada: User, app: TotpDevice, django_assert_num_queries: Any) -> None:
    key = add_key(ada)
    second_factors.make_codes(ada, actor=ada)
    second_factors.start_totp(ada, "unfinished")
    with django_assert_num_queries(3):
        found = second_factors.summary(ada)
    assert (found.totp, found.webauthn, found.codes_left) == (1, 1, 8)
    assert (found.oldest, found.youngest) == (app.created_at, key.created_at)
    assert [device.name for device in second_factors.primary_devices(ada)] == ["phone", "blue key"]


def test_a_reset_leaves_nothing_that_opens_the_account(client: Client, ada: User, app: TotpDevice) -> None:
    add_key(ada)
    codes = second_factors.make_codes(ada, actor=ada)
    second_factors.start_totp(ada, "unfinished")
    type_password(client)
    type_code(client, code_of(app))
    mails = Mail.objects.count()
    counts = reset(ada, ticket=7)
    assert counts == second_factors.ResetCounts(totp=1, webauthn=1, codes=8, sessions=1)
    for model in (TotpDevice, WebAuthnCredential, RecoveryCodeDevice):
        assert model.objects.filter(user=ada).count() == 0
    assert second_factors.verify_code(ada, codes[0]) is None
    ada.refresh_from_db()
    assert (ada.has_usable_password(), ada.quarantined_at is None, ada.quarantine_until) == (False, False, None)
    assert Session.objects.filter(user=ada).count() == 0
    assert client.get("/account/security/").status_code == 302
    assert Mail.objects.count() == mails
    events = Event.objects.filter(ticket=7).order_by("id")
    assert [event.tag for event in events] == [
        Tag.ACCOUNT_TWO_FACTOR_RESET, Tag.ACCOUNT_PASSWORD_DISABLED, Tag.ACCOUNT_SESSION_END,
        Tag.ACCOUNT_QUARANTINE_ENTER,
    ]  # fmt: skip
    assert events[0].data == {"reason": "proof of both repositories", "totp": 1, "webauthn": 1, "codes": 8}


def test_a_reset_and_an_end_of_the_account_forget_its_browsers_and_nobody_elses(ada: User) -> None:
    kim = make_user("kim")
    for end in (reset, second_factors.empty):
        Browser.objects.bulk_create(Browser(user=user, digest=user.username * 9) for user in (ada, kim))
        end(ada)
        assert list(Browser.objects.values_list("user__username", flat=True)) == ["kim"]
        Browser.objects.all().delete()


def test_after_a_reset_a_browser_of_before_is_a_stranger(ada: User, app: TotpDevice, client: Client) -> None:
    type_password(client)
    type_code(client, code_of(app))
    request = RequestFactory().get("/")
    request.COOKIES = {name: morsel.value for name, morsel in client.cookies.items()}
    assert known_browsers.known(request, ada)
    reset(ada)
    assert not known_browsers.known(request, ada)


def test_a_second_reset_begins_the_quarantine_anew(ada: User) -> None:
    past = timezone.now() - timedelta(days=9)
    User.objects.filter(pk=ada.pk).update(quarantined_at=past, quarantine_until=past)
    ada.refresh_from_db()
    reset(ada)
    assert ada.in_quarantine(timezone.now())


def test_a_reset_leaves_others_alone(ada: User, app: TotpDevice) -> None:
    kim = make_user("kim")
    add_app(kim)
    second_factors.make_codes(kim, actor=kim)
    reset(ada)
    assert second_factors.summary(kim).totp == 1
    assert second_factors.summary(kim).codes_left == 8


@pytest.mark.django_db(transaction=True)
def test_a_reset_outside_a_transaction_is_refused() -> None:
    ada = make_user()
    with pytest.raises(TransactionManagementError):
        second_factors.reset(ada, actor="system", reason="none")


def test_every_device_has_an_integer_id(ada: User, app: TotpDevice) -> None:
    second_factors.make_codes(ada, actor=ada)
    for device in django_otp.devices_for_user(ada):
        assert Device.from_persistent_id(device.persistent_id) == device


def test_codes_left_behind_without_a_primary_factor_open_nothing(ada: User, app: TotpDevice) -> None:
    plain = second_factors.make_codes(ada, actor=ada)
    TotpDevice.objects.filter(user=ada).delete()
    assert second_factors.verify_code(ada, plain[0]) is None
