"""Never reset, freeze and unfreeze, delete, the half-yearly question, who must have a second factor."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.exceptions import ValidationError
from django.db.models.functions import Now
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts import checkups, chores, lifecycle, own_freeze, passwords, requirement, second_factors, services
from accounts.devices import RecoveryCode, RecoveryCodeDevice, TotpDevice
from accounts.mail import outbox
from accounts.mail.models import Mail
from accounts.models import FormerAddress, Session, User
from accounts.views import profile
from audit.models import Event
from audit.tags import Tag
from tests.helpers.factories import PASSWORD, add_app, make_user
from tests.helpers.signing_in import code_of, type_code, type_password

REASON = "a reason long enough"
PROFILE = "/account/profile/"


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def tags(user: User) -> list[str]:
    return list(Event.objects.filter(subject_uid=user.uid).order_by("id").values_list("tag", flat=True))


def told(tag: Tag) -> int:
    return Mail.objects.filter(context__tag=tag).count()


# Never reset ----------------------------------------------------------------------------------------------------------


def test_resets_are_ruled_out_at_once_and_possible_again_after_seven_days(signed_in: Client, ada: User) -> None:
    def row() -> User:
        return User.objects.get(pk=ada.pk)

    signed_in.post("/account/never-reset/", {"on": "1"})
    assert row().never_reset
    signed_in.post("/account/never-reset/", {"off": "1"})
    assert row().never_reset
    assert timedelta(days=6, hours=23) < row().never_reset_ends - timezone.now() <= timedelta(days=7)  # type: ignore[operator]
    assert (told(Tag.ACCOUNT_NEVER_RESET_ON), told(Tag.ACCOUNT_NEVER_RESET_ENDING)) == (1, 1)
    chores.run()
    assert row().never_reset
    User.objects.update(never_reset_ends=Now())
    chores.run()
    chores.run()
    assert not row().never_reset
    assert told(Tag.ACCOUNT_NEVER_RESET_OFF) == 1


def test_the_switch_off_can_be_called_off(ada: User) -> None:
    lifecycle.switch_never_reset_on(ada, actor=ada)
    lifecycle.ask_never_reset_off(ada, actor=ada)
    lifecycle.switch_never_reset_on(ada, actor=ada)
    ada.refresh_from_db()
    assert (ada.never_reset, ada.never_reset_ends) == (True, None)


def test_asking_twice_does_not_move_the_day(ada: User) -> None:
    lifecycle.switch_never_reset_on(ada, actor=ada)
    lifecycle.ask_never_reset_off(ada, actor=ada)
    first = ada.never_reset_ends
    lifecycle.ask_never_reset_off(ada, actor=ada)
    ada.refresh_from_db()
    assert ada.never_reset_ends == first
    assert told(Tag.ACCOUNT_NEVER_RESET_ENDING) == 1


@pytest.mark.parametrize("ends", [None, timedelta(hours=1)])
def test_in_quarantine_resets_are_not_ruled_out_nor_is_their_return_called_off(
    signed_in: Client, ada: User, ends: timedelta | None
) -> None:
    if ends:
        lifecycle.switch_never_reset_on(ada, actor=ada)
        lifecycle.ask_never_reset_off(ada, actor=ada)
    before = User.objects.values("never_reset", "never_reset_ends").get(pk=ada.pk)
    User.objects.update(quarantined_at=timezone.now())
    page = signed_in.post("/account/never-reset/", {"on": "1"}, follow=True)
    assert "cannot forbid further resets" in page.content.decode()
    assert User.objects.values("never_reset", "never_reset_ends").get(pk=ada.pk) == before
    refused = Event.objects.get(tag=Tag.ACCOUNT_REFUSED)
    assert (refused.data, refused.actor_uid) == ({"verb": "never_reset", "error": "InQuarantine"}, ada.uid)
    signed_in.post("/account/never-reset/", {"on": "1"})
    assert Event.objects.filter(tag=Tag.ACCOUNT_REFUSED).count() == 1  # once an hour


# Freeze ---------------------------------------------------------------------------------------------------------------


def grow(device: TotpDevice | RecoveryCodeDevice, days: int) -> None:
    type(device).objects.filter(pk=device.pk).update(created_at=timezone.now() - timedelta(days=days))


def test_the_owner_freezes_and_is_signed_out_everywhere(signed_in: Client, ada: User) -> None:
    other = Session.objects.create(session_key="other", expire_date=timezone.now() + timedelta(hours=1), user=ada)
    assert "nobody can use it or upload with it" in signed_in.get("/account/freeze/").content.decode()
    assert signed_in.post("/account/freeze/")["Location"] == "/account/frozen/"
    ada.refresh_from_db()
    assert (ada.frozen_by, ada.may_sign_in) == (User.FrozenBy.OWNER, False)
    assert not is_signed_in(signed_in)
    assert not Session.objects.filter(session_key=other.session_key).exists()
    assert told(Tag.ACCOUNT_FREEZE) == 1
    notice = outbox.render(Mail.objects.latest("id")).text
    assert "/account/security/" not in notice  # nobody can sign in to see it


@pytest.mark.parametrize(("by", "days", "opens"), [("owner", 30, True), ("owner", 29, False), ("staff", 400, False)])
def test_an_owners_freeze_is_lifted_by_a_factor_older_than_thirty_days_and_a_staff_freeze_by_none(
    client: Client, ada: User, app: TotpDevice, by: str, days: int, opens: bool
) -> None:
    grow(app, days)
    services.freeze(ada, by=User.FrozenBy(by), actor="system", reason=REASON)
    type_password(client)
    type_code(client, code_of(app))
    ada.refresh_from_db()
    assert is_signed_in(client) is opens
    assert ada.may_sign_in is opens
    assert told(Tag.ACCOUNT_UNFREEZE) == (1 if opens else 0)


def test_a_young_factor_beside_an_old_one_does_not_open_the_account(client: Client, ada: User, app: TotpDevice) -> None:
    grow(app, 100)
    young = add_app(ada, "new phone")
    services.freeze(ada, by=User.FrozenBy.OWNER, actor=ada, reason=REASON)
    assert type_password(client)["Location"] == "/account/second-factor/"
    assert type_code(client, code_of(young))["Location"] == "/account/login/"
    ada.refresh_from_db()
    assert ada.frozen_at is not None


def test_old_recovery_codes_open_it_too(client: Client, ada: User, app: TotpDevice) -> None:
    code = second_factors.make_codes(ada, actor=ada)[0]
    grow(RecoveryCodeDevice.objects.get(), 31)
    services.freeze(ada, by=User.FrozenBy.OWNER, actor=ada, reason=REASON)
    type_password(client)
    type_code(client, code)
    assert is_signed_in(client)


def test_a_recovery_code_is_not_spent_by_a_sign_in_that_a_freeze_refuses(
    client: Client, ada: User, app: TotpDevice
) -> None:
    grow(app, 100)
    code = second_factors.make_codes(ada, actor=ada)[0]  # younger than the 30 days that open the account
    services.freeze(ada, by=User.FrozenBy.OWNER, actor=ada, reason=REASON)
    type_password(client)
    assert type_code(client, code)["Location"] == "/account/login/"
    assert not is_signed_in(client)
    assert RecoveryCode.objects.filter(used_at=None).count() == 8
    assert not Mail.objects.filter(context__tag=Tag.ACCOUNT_RECOVERY_CODES_USED).exists()
    assert Event.objects.filter(tag=Tag.ACCOUNT_LOGIN_FAILURE).latest("id").data["why"] == "changed meanwhile"


def test_without_a_second_factor_a_frozen_account_reads_like_a_wrong_password(client: Client, ada: User) -> None:
    services.freeze(ada, by=User.FrozenBy.OWNER, actor=ada, reason=REASON)
    assert type_password(client).status_code == 200
    assert not own_freeze.may_begin_sign_in(ada)


def test_a_closed_account_is_not_opened_by_an_old_factor(ada: User, app: TotpDevice) -> None:
    grow(app, 100)
    services.freeze(ada, by=User.FrozenBy.OWNER, actor=ada, reason=REASON)
    ada.is_active = False
    assert not own_freeze.may_begin_sign_in(ada)
    app.refresh_from_db()
    assert not own_freeze.lift(ada, app)


# Delete ---------------------------------------------------------------------------------------------------------------


def test_deleting_empties_renames_and_closes_the_account_and_tells_its_addresses(signed_in: Client, ada: User) -> None:
    FormerAddress.objects.create(user=ada, email="former@example.org")
    second_factors.make_codes(ada, actor=ada)
    wrong = signed_in.post("/account/delete/", {"username": "kim"})
    assert "not the username" in wrong.content.decode()
    assert signed_in.post("/account/delete/", {"username": "ADA"})["Location"] == "/"
    ada.refresh_from_db()
    assert (ada.username, ada.email, ada.is_active) == (f"deleted-{ada.uid}", "", False)
    assert not ada.has_usable_password()
    assert not EmailAddress.objects.filter(user=ada).exists()
    assert not FormerAddress.objects.exists()
    assert not TotpDevice.objects.exists()
    assert not RecoveryCodeDevice.objects.exists()
    assert not is_signed_in(signed_in)
    mails = Mail.objects.filter(context__tag=Tag.ACCOUNT_DELETE).values_list("recipient", flat=True)
    assert set(mails) == {"ada@example.org", "former@example.org"}
    assert Event.objects.get(tag=Tag.ACCOUNT_DELETE).subject_name == "ada"


def test_saving_the_profile_keeps_the_freeze_that_staff_set_meanwhile(rf: RequestFactory, ada: User) -> None:
    request = rf.post(PROFILE, {"language": "en", "time_zone": "Europe/Rome"})
    request.user = User.objects.get(pk=ada.pk)
    request._messages = CookieStorage(request)  # type: ignore[attr-defined]
    services.freeze(ada, by=User.FrozenBy.STAFF, actor="system", reason=REASON)
    profile.profile(request)
    ada.refresh_from_db()
    assert (ada.time_zone, ada.frozen_by) == ("Europe/Rome", User.FrozenBy.STAFF)
    assert ada.frozen_at is not None


def test_deleting_keeps_the_freeze_that_staff_set_meanwhile(ada: User) -> None:
    stale = User.objects.get(pk=ada.pk)
    services.freeze(ada, by=User.FrozenBy.STAFF, actor="system", reason=REASON)
    lifecycle.delete_account(stale, actor=stale)
    ada.refresh_from_db()
    assert (ada.is_active, ada.frozen_by) == (False, User.FrozenBy.STAFF)
    assert ada.frozen_at is not None


def test_the_name_of_a_deleted_account_is_free_again(ada: User) -> None:
    lifecycle.delete_account(ada, actor=ada)
    assert make_user("ada").pk != ada.pk


def test_nothing_is_deleted_in_quarantine(signed_in: Client, ada: User) -> None:
    User.objects.update(quarantined_at=timezone.now())
    page = signed_in.post("/account/delete/", {"username": "ada"}).content.decode()
    assert "You cannot delete it" in page
    ada.refresh_from_db()
    with pytest.raises(lifecycle.DeletionRefused):
        lifecycle.delete_account(ada, actor=ada)
    assert ada.is_active


def test_nothing_is_deleted_when_a_room_above_says_no(ada: User, settings: Any) -> None:
    settings.ACCOUNTS_HOOKS = {"may_delete_account": "tests.accounts.broken_hooks.may_delete_account"}
    with pytest.raises(lifecycle.DeletionRefused, match="because"):
        lifecycle.delete_account(ada, actor=ada)
    assert tags(ada) == []


def test_deleting_twice_is_one_event(ada: User) -> None:
    lifecycle.delete_account(ada, actor=ada)
    lifecycle.delete_account(ada, actor=ada)
    assert tags(ada).count(Tag.ACCOUNT_DELETE) == 1


# Half-yearly ----------------------------------------------------------------------------------------------------------


def test_twice_a_year_we_ask_whether_they_can_still_get_in(ada: User, app: TotpDevice) -> None:
    second_factors.make_codes(ada, actor=ada)
    User.objects.update(checkup_at=timezone.now() - timedelta(days=181))
    assert checkups.send_due() == 0
    User.objects.update(checkup_at=timezone.now() - timedelta(days=183))
    assert checkups.send_due() == 1
    assert checkups.send_due() == 0
    text = outbox.render(Mail.objects.get(kind="account_checkup")).text
    assert "You have 1 authenticator app or security key." in text
    assert "8 recovery codes are left." in text
    assert "Add a second device." in text
    assert "All our mail goes to one address." in text


def test_who_is_well_provided_is_warned_of_nothing(ada: User, app: TotpDevice) -> None:
    add_app(ada, "tablet")
    ada.emailaddress_set.create(email="second@example.org", verified=True)
    User.objects.update(checkup_at=timezone.now() - timedelta(days=183))
    checkups.send_due()
    text = outbox.render(Mail.objects.get(kind="account_checkup")).text
    assert "one address" not in text
    assert "Add a second one" not in text


@pytest.mark.parametrize("change", [{"is_active": False}, {"frozen_at": datetime(2026, 1, 1, tzinfo=UTC)}])
def test_closed_and_frozen_accounts_are_not_asked(ada: User, change: dict[str, Any]) -> None:
    User.objects.update(checkup_at=timezone.now() - timedelta(days=183), **change)
    assert checkups.send_due() == 0


# Who must have one ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "is_staff", "owns", "asked"),
    [
        ("off", False, True, False),
        ("off", True, False, True),
        ("staff", False, True, False),
        ("staff", True, False, True),
        ("project_owners", False, False, False),
        ("project_owners", False, True, True),
        ("everyone", False, False, True),
    ],
)
def test_who_is_asked_for_a_second_factor(
    ada: User, settings: Any, setting: str, is_staff: bool, owns: bool, asked: bool
) -> None:
    settings.SECOND_FACTOR_REQUIRED, ada.is_staff = setting, is_staff
    settings.ACCOUNTS_HOOKS = {"owns_projects": f"tests.accounts.broken_hooks.says_{'yes' if owns else 'no'}"}
    assert requirement.is_due(ada) is asked


def test_before_its_day_a_banner_asks_and_nothing_is_forced(client: Client, ada: User, settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = "everyone"
    settings.SECOND_FACTOR_REQUIRED_FROM = timezone.now().date() + timedelta(days=30)
    assert type_password(client)["Location"] == "/account/security/"
    page = client.get("/account/security/").content.decode()
    assert "on, you need a second factor to sign in." in page
    settings.SECOND_FACTOR_REQUIRED_FROM = timezone.now().date()
    assert "Your account needs a second factor." in client.get("/account/security/").content.decode()
    client.post("/account/logout/")
    assert type_password(client)["Location"] == "/account/security/app/"


def test_who_has_a_factor_sees_no_banner_and_keeps_one_once_it_is_due(
    rf: RequestFactory, ada: User, app: TotpDevice, settings: Any
) -> None:
    settings.SECOND_FACTOR_REQUIRED = "everyone"
    request = rf.get("/")
    request.user = ada
    assert requirement.banners(request) == []
    with pytest.raises(second_factors.LastFactor):
        second_factors.remove_device(ada, app, actor=ada)
    settings.SECOND_FACTOR_REQUIRED_FROM = date(2999, 1, 1)
    second_factors.remove_device(ada, app, actor=ada)


# Profile and passwords ------------------------------------------------------------------------------------------------


def test_pages_speak_the_language_and_the_time_zone_of_the_profile(signed_in: Client, ada: User) -> None:
    signed_in.post(PROFILE, {"language": "es", "time_zone": "Asia/Kathmandu"})
    ada.refresh_from_db()
    assert (ada.language, ada.time_zone) == ("es", "Asia/Kathmandu")
    page = signed_in.get("/account/history/")
    assert '<html lang="es">' in page.content.decode()
    assert "+05:45" in page.content.decode()


@pytest.mark.parametrize("form", [{"language": "xx", "time_zone": "UTC"}, {"language": "en", "time_zone": "../etc"}])
def test_a_language_or_time_zone_nobody_knows_is_refused(signed_in: Client, ada: User, form: dict[str, str]) -> None:
    assert signed_in.post(PROFILE, form).status_code == 200
    ada.refresh_from_db()
    assert (ada.language, ada.time_zone) == ("en", "UTC")


def test_a_broken_time_zone_in_the_row_breaks_no_page(signed_in: Client) -> None:
    User.objects.update(time_zone="Nowhere/Land", language="xx")
    assert signed_in.get("/account/history/").status_code == 200


@pytest.mark.parametrize("password", ["qwertyuiop123", "ada@example.org1", "passwordpassword", "aaaaaaaaaaaaaaaa"])
def test_what_a_guesser_finds_soon_is_refused(ada: User, password: str) -> None:
    with pytest.raises(ValidationError, match="easy to guess"):
        passwords.StrengthValidator().validate(password, ada)


@pytest.mark.parametrize("password", ["violet tractor behind seven", "x8#kQ2!vLp0", "дом у синей реки", "éééézq81wm"])
def test_a_good_password_may_be_anything(ada: User, password: str) -> None:
    passwords.StrengthValidator().validate(password, ada)


def test_4096_bytes_are_a_password_and_one_more_is_not(client: Client, db: None) -> None:
    long = ("violet tractor behind seven " * 200)[: passwords.LONGEST - 2] + "é"
    assert len(long.encode()) == passwords.LONGEST
    form = {"username": "kim", "email": "kim@example.org"}
    longer = {"password1": long + "x", "password2": long + "x"}
    assert client.post("/account/signup/", {**form, **longer}).status_code == 200
    assert client.post("/account/signup/", {**form, "password1": long, "password2": long}).status_code == 302
    EmailAddress.objects.update(verified=True)
    type_password(client, "kim", long)
    assert is_signed_in(client)


def test_the_sample_password_of_these_tests_is_a_good_one(ada: User) -> None:
    passwords.StrengthValidator().validate(PASSWORD, ada)


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("europe/berlin", "Europe/Berlin"),
        (" New York ", "America/New_York"),
        ("kathmandu", "Asia/Kathmandu"),
        ("utc", "UTC"),
        ("America/Argentina/Ushuaia", "America/Argentina/Ushuaia"),
    ],
)
def test_a_time_zone_is_typed_as_people_write_it(signed_in: Client, ada: User, typed: str, zone: str) -> None:
    assert signed_in.post(PROFILE, {"language": "en", "time_zone": typed}).status_code == 302
    ada.refresh_from_db()
    assert ada.time_zone == zone


@pytest.mark.parametrize(
    ("typed", "said"), [("Atlantis", "like Berlin"), ("Louisville", "America/Kentucky/Louisville")]
)
def test_a_time_zone_that_is_none_or_several_says_what_to_type(signed_in: Client, typed: str, said: str) -> None:
    page = signed_in.post(PROFILE, {"language": "en", "time_zone": typed}).content.decode()
    assert said in page
