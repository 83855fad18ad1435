"""Who gets into the admin, and what staff can do to accounts there."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.checks import run_checks
from django.test import Client

from accounts import codes, second_factors, services
from accounts.devices import RecoveryCodeDevice, TotpDevice
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from audit.tags import Tag
from recoverydesk import site
from tests.helpers.decided import set_staff
from tests.helpers.desk import asks_for_factor, decide, fresh_code
from tests.helpers.factories import PASSWORD, add_app, make_user
from tests.helpers.signing_in import PEOPLE, code_of, enter

ADMIN = "/admin/"
ENROL = "/account/security/app/"
STEP_UP = "/account/step-up/"


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_visitor_is_sent_to_sign_in_and_back(client: Client, db: None, method: str) -> None:
    response = getattr(client, method)("/admin/accounts/user/", follow=True)
    assert response.redirect_chain[-1][0] == "/account/login/?next=/admin/accounts/user/"


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("who", PEOPLE)
def test_nobody_enters_without_a_second_factor(client: Client, db: None, who: str, method: str) -> None:
    user = make_user(who, **PEOPLE[who])
    client.force_login(user)
    response = getattr(client, method)(ADMIN, follow=True)
    if who == "member":
        assert response.status_code == 403
    else:
        assert response.redirect_chain[-1][0].startswith((ENROL, "/account/reauthenticate/"))


@pytest.mark.parametrize("who", PEOPLE)
def test_a_session_that_showed_no_factor_is_sent_to_show_one(client: Client, db: None, who: str) -> None:
    user = make_user(who, **PEOPLE[who])
    add_app(user)
    client.force_login(user)
    response = client.get(ADMIN, follow=True)
    if who == "member":
        assert response.status_code == 403
    else:
        assert response.redirect_chain[-1][0] == f"{STEP_UP}?next=%2Fadmin%2F"


@pytest.mark.parametrize(("who", "status"), [("member", 403), ("staff", 200), ("superuser", 200)])
def test_with_a_second_factor_staff_enter_and_members_do_not(client: Client, db: None, who: str, status: int) -> None:
    user = make_user(who, **PEOPLE[who])
    assert enter(client, user).get(ADMIN, follow=True).status_code == status


def test_stepping_up_opens_the_page_that_was_asked_for(client: Client, db: None) -> None:
    root = make_user("root", **PEOPLE["superuser"])
    device = add_app(root)
    client.force_login(root)
    where = client.get("/admin/accounts/user/", follow=True).redirect_chain[-1][0]
    assert client.post(where, {"code": code_of(device)})["Location"] == "/admin/accounts/user/"
    assert client.get("/admin/accounts/user/").status_code == 200


def test_another_users_device_in_the_session_is_ignored(client: Client, db: None) -> None:
    root, kim = make_user("root", **PEOPLE["superuser"]), make_user("kim")
    add_app(root)
    client.force_login(root)
    session = client.session
    session["otp_device_id"] = add_app(kim).persistent_id
    session.save()
    assert client.get(ADMIN).status_code == 302


def test_a_removed_device_shuts_the_door_at_the_next_request(client: Client, db: None) -> None:
    root = make_user("root", **PEOPLE["superuser"])
    enter(client, root)
    TotpDevice.objects.filter(user=root).delete()
    assert client.get(ADMIN).status_code == 302


def test_a_freeze_shuts_the_door_at_the_next_request(client: Client, db: None) -> None:
    root = make_user("root", **PEOPLE["superuser"])
    enter(client, root)
    services.freeze(root, by=User.FrozenBy.STAFF, actor="system", reason="laptop was stolen")
    assert client.get(ADMIN).status_code == 302


def test_the_site_is_ours_and_a_system_check_says_so_when_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(admin.site, site.DeskAdminSite)
    assert site.check_gate() == []
    monkeypatch.setattr(admin, "site", admin.AdminSite())
    assert [error.id for error in run_checks(tags=["security"]) if error.id == "recoverydesk.E001"]


def test_signing_out_of_the_admin_is_an_event(client: Client, db: None) -> None:
    enter(client, make_user("root", **PEOPLE["superuser"])).post("/admin/logout/")
    assert Event.objects.filter(tag=Tag.ACCOUNT_LOGOUT).count() == 1
    assert client.get(ADMIN).status_code == 302


def test_no_admin_page_sets_a_password_an_address_or_a_factor(client: Client, ada: User, app: TotpDevice) -> None:
    enter(client, make_user("root", **PEOPLE["superuser"]))
    address = EmailAddress.objects.get(user=ada)
    page = client.get(f"/admin/accounts/user/{ada.pk}/change/").content.decode()
    assert 'name="password"' not in page
    assert 'name="email"' not in page
    assert client.get("/admin/password_change/")["Location"] == "/account/password/change/"
    assert client.get(f"/admin/accounts/user/{ada.pk}/password/").status_code in (302, 404)
    for path in ("accounts/user/add/", "account/emailaddress/add/", "accounts/totpdevice/add/"):
        assert client.get(f"/admin/{path}").status_code == 403
    for path in (
        f"account/emailaddress/{address.pk}",
        f"accounts/totpdevice/{app.pk}",
        f"accounts/user/{ada.pk}",
    ):
        assert client.post(f"/admin/{path}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"/admin/account/emailaddress/{address.pk}/change/", {"verified": ""}).status_code == 403
    action = {"action": "make_verified", "_selected_action": [address.pk]}
    client.post("/admin/account/emailaddress/", action)
    address.refresh_from_db()
    assert address.verified


def test_no_secret_is_on_a_device_page(client: Client, ada: User, app: TotpDevice) -> None:
    second_factors.make_codes(ada, actor=ada)
    enter(client, make_user("root", **PEOPLE["superuser"]))
    shown = client.get(f"/admin/accounts/totpdevice/{app.pk}/change/", follow=True).content.decode()
    assert "phone" in shown
    assert codes.base32(app.raw_secret()) not in shown
    assert bytes(app.secret).decode() not in shown


def test_a_superuser_gives_and_takes_staff_rights_with_events_and_mails(client: Client, ada: User) -> None:
    root = make_user("root", **PEOPLE["superuser"])
    group = Group.objects.create(name="Reviewers")
    enter(client, root)
    page = f"/admin/accounts/user/{ada.pk}/change/"
    assert decide(client, page, {"is_staff": "on", "groups": [group.pk]}).status_code == 302
    ada.refresh_from_db()
    assert (ada.is_staff, ada.is_superuser, list(ada.groups.all())) == (True, False, [group])
    assert ada.staff_since is not None
    assert (ada.email, ada.check_password(PASSWORD)) == ("ada@example.org", True)
    decide(client, page, {})
    bare = User.objects.get(pk=ada.pk)
    assert (bare.is_staff, bare.staff_since, bare.groups.count()) == (False, None, 0)
    expected = [
        Tag.ACCOUNT_STAFF_ADD,
        Tag.ACCOUNT_STAFF_GROUP_ADD,
        Tag.ACCOUNT_STAFF_REMOVE,
        Tag.ACCOUNT_STAFF_GROUP_REMOVE,
    ]
    events = Event.objects.filter(subject_uid=ada.uid).order_by("id")
    assert [(event.tag, event.actor_uid) for event in events] == [(tag, root.uid) for tag in expected]
    told = Mail.objects.filter(kind="security_notice", recipient=ada.email).order_by("id")
    assert [mail.context["tag"] for mail in told] == expected
    assert all(mail.context["network"] == "" for mail in told)


def test_staff_rights_kept_are_as_old_as_they_were(ada: User) -> None:
    root = make_user("root", **PEOPLE["superuser"])
    set_staff(ada, is_staff=True, is_superuser=False, groups=[], actor=root)
    since = ada.staff_since
    set_staff(ada, is_staff=True, is_superuser=True, groups=[], actor=root)
    assert ada.staff_since == since
    set_staff(ada, is_staff=False, is_superuser=False, groups=[], actor=root)
    assert ada.staff_since is None


def test_who_is_not_a_superuser_changes_no_rights(client: Client, ada: User) -> None:
    kim = make_user("kim", staff=True)
    with pytest.raises(services.NotPermitted):
        set_staff(kim, is_staff=True, is_superuser=True, groups=[], actor=kim)
    enter(client, kim)
    client.post(f"/admin/accounts/user/{kim.pk}/change/", {"is_staff": "on", "is_superuser": "on"})
    kim.refresh_from_db()
    assert not kim.is_superuser


def test_changing_rights_needs_a_second_factor_shown_for_just_that(client: Client, ada: User) -> None:
    enter(client, make_user("root", **PEOPLE["superuser"]))
    page = f"/admin/accounts/user/{ada.pk}/change/"
    first = client.post(page, {"is_staff": "on"})
    assert asks_for_factor(first)
    shown = client.get(first["Location"]).content.decode()
    assert "Change the staff rights of ada." in shown
    assert "Before: –. After: staff." in shown
    ada.refresh_from_db()
    assert not ada.is_staff
    second = client.post(page, {"is_staff": "on", "is_superuser": "on"})
    client.post(second["Location"], {"code": fresh_code(client)})
    again = client.post(first["Location"], {"code": fresh_code(client)})
    assert asks_for_factor(again)  # the rights are others now: a new question
    ada.refresh_from_db()
    assert ada.is_superuser


def test_rights_that_stay_as_they_are_ask_nothing(client: Client, ada: User) -> None:
    enter(client, make_user("root", **PEOPLE["superuser"]))
    answer = client.post(f"/admin/accounts/user/{ada.pk}/change/", {})
    assert answer["Location"] == "/admin/accounts/user/"
    assert not Event.objects.filter(subject_uid=ada.uid).exists()


REASON = "seen in a stolen-password list"


def staff_with_right(client: Client, codename: str = "freeze_user") -> User:
    jon = make_user("jon", staff=True)
    jon.user_permissions.add(Permission.objects.get(codename=codename), Permission.objects.get(codename="view_user"))
    enter(client, jon)
    return jon


def test_staff_with_the_right_freeze_and_unfreeze_with_a_reason(client: Client, ada: User) -> None:
    staff_with_right(client)
    page = f"/admin/accounts/user/{ada.pk}/freeze/"
    assert client.get(page).status_code == 200
    assert "at least 10" in client.post(page, {"reason": "short"}).content.decode()
    client.post(page, {"reason": REASON})
    ada.refresh_from_db()
    assert (ada.frozen_by, ada.may_sign_in) == (User.FrozenBy.STAFF, False)
    assert Event.objects.get(tag=Tag.ACCOUNT_FREEZE).data["reason"] == REASON
    unfreeze = f"/admin/accounts/user/{ada.pk}/unfreeze/"
    asked = client.post(unfreeze, {"reason": REASON})
    assert "Unfreeze ada." in client.get(asked["Location"]).content.decode()
    ada.refresh_from_db()
    assert not ada.may_sign_in
    home = f"/admin/recovery/recoveryticket/account/{ada.pk}/"
    assert decide(client, unfreeze, {"reason": REASON})["Location"] == home
    ada.refresh_from_db()
    assert ada.may_sign_in


def test_without_the_right_or_about_oneself_nobody_freezes(client: Client, ada: User) -> None:
    jon = staff_with_right(client, "view_user")
    assert client.post(f"/admin/accounts/user/{ada.pk}/freeze/", {"reason": REASON}).status_code == 403
    jon.user_permissions.add(Permission.objects.get(codename="freeze_user"))
    assert client.post(f"/admin/accounts/user/{jon.pk}/freeze/", {"reason": REASON}).status_code == 403
    ada.refresh_from_db()
    assert ada.may_sign_in


def test_accounts_are_found_by_name_address_and_uid(client: Client, ada: User) -> None:
    staff_with_right(client)
    ada.emailaddress_set.create(email="else@example.com", verified=True)
    for term in ("ADA", "else@example.com", str(ada.uid), f" {str(ada.uid).upper()} "):
        page = client.get("/admin/accounts/user/", {"q": term}).content.decode()
        assert page.count('class="field-username"') == 1, term
        assert ">ada<" in page
    nobody = client.get("/admin/accounts/user/", {"q": "00000000-0000-0000-0000-000000000001"}).content.decode()
    assert 'class="field-username"' not in nobody


@pytest.mark.parametrize("model", ["totpdevice", "recoverycodedevice", "user"])
def test_the_admin_shows_no_secret_and_nothing_to_tick(client: Client, ada: User, app: TotpDevice, model: str) -> None:
    second_factors.make_codes(ada, actor=ada)
    enter(client, make_user("root", **PEOPLE["superuser"]))
    row = ada if model == "user" else {"totpdevice": app}.get(model) or RecoveryCodeDevice.objects.get()
    page = client.get(f"/admin/accounts/{model}/{row.pk}/change/", follow=True).content.decode()
    main = page[page.index('id="content"') :]
    for secret in (codes.base32(app.raw_secret()), ada.password, bytes(app.secret).decode()):
        assert secret not in page
    boxes = re.findall(r'name="(\w+)"[^>]*type="checkbox"|type="checkbox"[^>]*name="(\w+)"', main)
    assert {a or b for a, b in boxes} <= ({"is_staff", "is_superuser", "groups"} if model == "user" else set())
    assert 'name="password"' not in main
