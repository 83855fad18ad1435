"""Every security change is exactly one event and one mail to each verified address."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.test import Client

from accounts import lifecycle, second_factors, services, visits
from accounts.devices import TotpDevice
from accounts.mail.models import Mail
from accounts.models import Session, User
from audit.models import Event
from audit.tags import Tag
from tests.helpers.authenticator import Authenticator, add_key
from tests.helpers.decided import set_staff
from tests.helpers.factories import PASSWORD, add_app, make_user
from tests.helpers.signing_in import code_of

NEW_PASSWORD = "violet tractor behind seven"
REASON = "a reason long enough"


@dataclass
class Scene:
    """ada, signed in with a fresh second factor, with two verified addresses, an app and a spare one."""

    client: Client
    ada: User
    spare: TotpDevice
    since: int = 0  # the last event before what counts

    def post(self, page: str, **form: str) -> None:
        assert self.client.post(f"/account/{page}", form).status_code in (200, 302)


@pytest.fixture
def scene(signed_in: Client, ada: User) -> Scene:
    EmailAddress.objects.create(user=ada, email="second@example.org", verified=True)
    return Scene(signed_in, ada, add_app(ada, "spare"))


def add_app_by_page(scene: Scene) -> None:
    device = second_factors.start_totp(scene.ada, "third")
    scene.post(f"security/app/{device.pk}/", code=code_of(device))


def end_one_session(scene: Scene) -> None:
    visits.end(scene.ada, Session.objects.get(user=scene.ada).uid, actor=scene.ada)  # type: ignore[arg-type]


def use_recovery_code(scene: Scene) -> None:
    code = second_factors.make_codes(scene.ada, actor=scene.ada)[0]
    forget(scene)
    scene.post("step-up/", code=code)


def forget(scene: Scene) -> None:
    """Only what follows counts."""
    Mail.objects.all().delete()
    scene.since = Event.objects.latest("id").pk


def root() -> User:
    return make_user("root", superuser=True)


def give_rights(scene: Scene) -> None:
    set_staff(scene.ada, is_staff=True, is_superuser=False, groups=[], actor=root())


def give_group(scene: Scene) -> None:
    User.objects.filter(pk=scene.ada.pk).update(is_staff=True)
    scene.ada.is_staff = True
    group = Group.objects.create(name="Testers")
    set_staff(scene.ada, is_staff=True, is_superuser=False, groups=[group], actor=root())


def unfreeze(scene: Scene) -> None:
    services.freeze(scene.ada, by=User.FrozenBy.STAFF, actor="system", reason=REASON)
    forget(scene)
    services.unfreeze(scene.ada, actor="system", reason=REASON)


def end_never_reset(scene: Scene) -> None:
    lifecycle.switch_never_reset_on(scene.ada, actor=scene.ada)
    forget(scene)
    scene.post("never-reset/", off="1")


CHANGES: dict[Tag, Callable[[Scene], object]] = {
    Tag.ACCOUNT_TWO_FACTOR_METHOD_ADDED: add_app_by_page,
    Tag.ACCOUNT_TWO_FACTOR_METHOD_REMOVED: lambda scene: scene.post(f"security/app/{scene.spare.pk}/remove/"),
    Tag.ACCOUNT_RECOVERY_CODES_GENERATED: lambda scene: scene.post("security/codes/"),
    Tag.ACCOUNT_RECOVERY_CODES_USED: use_recovery_code,
    Tag.ACCOUNT_PASSWORD_CHANGE: lambda scene: scene.post(
        "password/change/", oldpassword=PASSWORD, password1=NEW_PASSWORD, password2=NEW_PASSWORD
    ),
    Tag.ACCOUNT_PASSWORD_RESET: lambda scene: services.choose_password(scene.ada, NEW_PASSWORD, actor=scene.ada),
    Tag.ACCOUNT_EMAIL_ADD: lambda scene: scene.post("email/", action_add="", email="third@example.org"),
    Tag.ACCOUNT_EMAIL_PRIMARY_CHANGE: lambda scene: scene.post("email/", action_primary="", email="second@example.org"),
    Tag.ACCOUNT_SESSION_END: end_one_session,
    Tag.ACCOUNT_FREEZE: lambda scene: scene.post("freeze/"),
    Tag.ACCOUNT_UNFREEZE: unfreeze,
    Tag.ACCOUNT_NEVER_RESET_ON: lambda scene: scene.post("never-reset/", on="1"),
    Tag.ACCOUNT_NEVER_RESET_ENDING: end_never_reset,
    Tag.ACCOUNT_STAFF_ADD: give_rights,
    Tag.ACCOUNT_STAFF_GROUP_ADD: give_group,
    Tag.ACCOUNT_DELETE: lambda scene: scene.post("delete/", username="ada"),
}


def told(tag: Tag) -> list[str]:
    return sorted(Mail.objects.filter(context__tag=tag).values_list("recipient", flat=True))


@pytest.mark.parametrize("tag", CHANGES)
def test_a_change_is_one_event_and_one_mail_per_verified_address(scene: Scene, tag: Tag) -> None:
    forget(scene)
    CHANGES[tag](scene)
    events = Event.objects.filter(pk__gt=scene.since, subject_uid=scene.ada.uid)
    aside = (Tag.ACCOUNT_STEP_UP, Tag.ACCOUNT_LOGOUT)  # how it was done, not what was done
    assert list(events.exclude(tag__in=aside).values_list("tag", flat=True)) == [tag]
    assert told(tag) == ["ada@example.org", "second@example.org"]
    assert Mail.objects.filter(kind="security_notice").count() == 2


def test_a_key_added_is_one_event_and_one_mail_per_verified_address(scene: Scene) -> None:
    forget(scene)
    add_key(scene.client, Authenticator())
    added = Tag.ACCOUNT_TWO_FACTOR_METHOD_ADDED
    assert Event.objects.filter(pk__gt=scene.since).values_list("tag", flat=True).get() == added
    assert told(added) == ["ada@example.org", "second@example.org"]


def test_an_address_removed_is_one_event_and_is_told_to_itself_too(scene: Scene) -> None:
    forget(scene)
    scene.post("email/", action_remove="", email="second@example.org")
    removed = Tag.ACCOUNT_EMAIL_REMOVE
    assert Event.objects.filter(pk__gt=scene.since).values_list("tag", flat=True).get() == removed
    assert told(removed) == ["ada@example.org", "second@example.org"]


def test_codes_at_three_left_are_a_reminder_once(scene: Scene) -> None:
    codes = second_factors.make_codes(scene.ada, actor=scene.ada)
    for code in codes[:6]:
        assert second_factors.verify_code(scene.ada, code) is not None
    reminders = Mail.objects.filter(kind="account_few_codes")
    assert sorted(reminders.values_list("recipient", flat=True)) == ["ada@example.org", "second@example.org"]
    assert reminders.values_list("context__left", flat=True)[0] == 3


def test_a_sign_in_without_codes_says_so(client: Client, ada: User, app: TotpDevice) -> None:
    client.post("/account/login/", {"login": "ada", "password": PASSWORD})
    page = client.post("/account/second-factor/", {"code": code_of(app)}, follow=True)
    assert "You have no recovery codes" in page.content.decode()
