"""Somebody wants a guard out of the way: a co-owner with a grudge, a thief, two owners at once, a recovered account."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts import decisions, second_factors
from accounts.devices import TotpDevice
from accounts.mail import outbox
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from common.clock import database_now
from recoverydesk.projects import guard_changes, guards, roles
from recoverydesk.projects.guard_changes import set_guard, take_back
from recoverydesk.projects.guard_levels import PROJECT_TOKENS, SECOND_FACTOR, TOKEN_DAYS
from recoverydesk.projects.models import GuardChange, Project, Role
from tests.helpers import factories
from tests.helpers.authenticator import give_key
from tests.helpers.guards import OLD, a_day_later, add_old_app, ask, guard
from tests.helpers.signing_in import code_of, enter

pytestmark = pytest.mark.django_db
PAGE = "/projects/tool/settings/guards/"


@pytest.fixture
def kim(db: None) -> User:
    """She owns the project too, and has a grudge."""
    user = factories.make_user("kim")
    add_old_app(user)
    return user


@pytest.fixture
def tool(ada: User, kim: User) -> Project:
    project = Project.objects.get(name="tool", roles__user=ada)
    factories.add_role(project, kim)
    return guard(project, project_tokens="on", token_days="30")


def level(project: Project, name: str = PROJECT_TOKENS) -> str:
    project.refresh_from_db()
    return guards.value(project, name)


def turn_off(client: Client, user: User, name: str = PROJECT_TOKENS) -> str:
    """Ask on the page and show the factor; what the settings page says then."""
    asked = client.post(PAGE, {"guard": name, "value": "off"})
    if "/step-up/" in asked["Location"]:
        device = TotpDevice.objects.get(user=user)
        TotpDevice.objects.filter(pk=device.pk).update(last_step=-1)
        client.post(asked["Location"], {"code": code_of(device)})
    return client.get("/projects/tool/settings/").content.decode()


def test_a_co_owner_with_a_grudge_waits_a_day_in_which_the_others_hear(ada: User, kim: User, tool: Project) -> None:
    ask(tool, PROJECT_TOKENS, "off", kim)
    assert Mail.objects.filter(kind="guard_changed", user=ada).exists()
    take_back(tool, PROJECT_TOKENS, actor=ada)
    assert a_day_later() == 0
    assert level(tool) == "on"


def test_a_grudge_is_mailed_each_time_and_ends_for_the_day(ada: User, kim: User, tool: Project) -> None:
    for _number in range(guard_changes.ASKED_A_DAY):
        ask(tool, PROJECT_TOKENS, "off", kim)
        take_back(tool, PROJECT_TOKENS, actor=ada)
    with pytest.raises(guard_changes.TooManyAsked):
        ask(tool, PROJECT_TOKENS, "off", kim)
    mails = Mail.objects.filter(kind="guard_changed", recipient="ada@example.org")
    assert [mail.context["state"] for mail in mails].count("asked") == guard_changes.ASKED_A_DAY
    give_key(ada)
    assert set_guard(tool, SECOND_FACTOR, "key", actor=ada)  # stricter is not limited by it


def test_whoever_asked_and_was_removed_turns_nothing_off(ada: User, kim: User, tool: Project) -> None:
    ask(tool, PROJECT_TOKENS, "off", kim)
    roles.remove_role(Role.objects.get(user=kim), actor=ada)
    a_day_later()
    assert level(tool) == "on"
    assert Event.objects.filter(tag="project:guard:keep").get().data["how"] == "ended"


@pytest.mark.parametrize("state", ["frozen", "closed", "on hold", "maintainer", "in quarantine", "gone"])
def test_whoever_asked_and_may_no_more_turns_nothing_off(ada: User, kim: User, tool: Project, state: str) -> None:
    ask(tool, PROJECT_TOKENS, "off", kim)
    now, users, own = database_now(), User.objects.filter(pk=kim.pk), Role.objects.filter(user=kim)
    changes: dict[str, Any] = {
        "frozen": lambda: users.update(frozen_at=now),
        "closed": lambda: users.update(is_active=False),
        "on hold": lambda: own.update(held_at=now, held_for=1),
        "maintainer": lambda: own.update(kind="maintainer"),
        "in quarantine": lambda: users.update(quarantined_at=now),
        "gone": lambda: GuardChange.objects.update(by=None),
    }
    changes[state]()
    assert a_day_later() == 1
    assert level(tool) == "on"
    assert not GuardChange.objects.exists()


def test_off_then_on_begins_the_day_anew(kim: User, tool: Project) -> None:
    ask(tool, PROJECT_TOKENS, "off", kim)
    GuardChange.objects.update(at=database_now() + timedelta(minutes=5))
    assert set_guard(tool, PROJECT_TOKENS, "on", actor=kim)  # what it is: takes it back
    ask(tool, PROJECT_TOKENS, "off", kim)
    assert GuardChange.objects.get().at > database_now() + timedelta(hours=23)


def test_asking_for_the_same_again_neither_shortens_nor_prolongs_the_day(kim: User, tool: Project) -> None:
    ask(tool, PROJECT_TOKENS, "off", kim)
    at = GuardChange.objects.get().at
    assert not ask(tool, PROJECT_TOKENS, "off", kim)
    assert GuardChange.objects.get().at == at


def test_less_in_small_steps_waits_for_each(kim: User, tool: Project) -> None:
    ask(tool, TOKEN_DAYS, "90", kim)
    GuardChange.objects.update(at=database_now() + timedelta(minutes=5))
    ask(tool, TOKEN_DAYS, "off", kim)
    assert GuardChange.objects.get().at > database_now() + timedelta(hours=23)


def test_a_stricter_level_drops_the_one_that_is_planned(ada: User, kim: User, tool: Project) -> None:
    ask(tool, TOKEN_DAYS, "off", kim)
    assert set_guard(tool, TOKEN_DAYS, "7", actor=ada)
    assert a_day_later() == 0
    assert level(tool, TOKEN_DAYS) == "7"


def test_an_announced_level_is_no_way_below_the_present_one(ada: User, kim: User, tool: Project) -> None:
    guard(tool, second_factor="key")
    give_key(ada)
    day = database_now().date() + timedelta(days=2)
    ask(tool, SECOND_FACTOR, "any", ada)
    assert a_day_later() == 1
    set_guard(tool, SECOND_FACTOR, "key", actor=ada, starts=day)
    assert level(tool, SECOND_FACTOR) == "any"
    guard(tool, second_factor="key")  # another owner chose it at once meanwhile: the announced one is nothing less
    a_day_later()
    assert level(tool, SECOND_FACTOR) == "key"


def test_whoever_lacks_the_factor_that_is_asked_turns_off_nothing(kim: User, tool: Project) -> None:
    """A phished code is what a guard that asks for a key is there for."""
    guard(tool, second_factor="key")
    for name in (SECOND_FACTOR, PROJECT_TOKENS):
        with pytest.raises(guard_changes.NotReady):
            ask(tool, name, "off", kim)
    give_key(kim)
    assert ask(tool, SECOND_FACTOR, "off", kim)


def test_a_site_that_asks_for_more_is_not_asked_for_less(settings: Any, kim: User, tool: Project) -> None:
    settings.GUARDS = settings.GUARDS | {PROJECT_TOKENS: "on"}
    ask(tool, PROJECT_TOKENS, "off", kim)
    assert a_day_later() == 1
    assert level(tool) == "on"


# On the page ----------------------------------------------------------------------------------------------------------


def test_a_thief_with_a_young_factor_turns_nothing_off(client: Client, ada: User, tool: Project) -> None:
    enter(client, ada)
    TotpDevice.objects.filter(user=ada).update(created_at=database_now() - OLD / 2)
    assert "a second factor that you added at least 30 days ago" in turn_off(client, ada)
    assert not GuardChange.objects.exists()


def test_an_app_that_was_started_long_ago_is_as_young_as_its_first_code(ada: User) -> None:
    started = second_factors.start_totp(ada, "theirs")
    TotpDevice.objects.filter(pk=started.pk).update(created_at=database_now() - OLD)
    started.refresh_from_db()
    assert second_factors.confirm_totp(ada, started, code_of(started))
    decision = guard_changes.asking(Project.objects.get(), PROJECT_TOKENS, "off")
    assert "at least 30 days ago" in decisions.why_not(ada, started, decision)


def test_a_stolen_session_turns_nothing_off_without_the_factor(client: Client, ada: User, tool: Project) -> None:
    enter(client, ada)  # a factor was shown a moment ago, for something else
    for _again in range(2):
        assert "/step-up/" in client.post(PAGE, {"guard": PROJECT_TOKENS, "value": "off"})["Location"]
    assert not GuardChange.objects.exists()


def test_a_confirmed_form_is_carried_out_once(client: Client, ada: User, tool: Project) -> None:
    enter(client, ada)
    page = client.post(PAGE, {"guard": PROJECT_TOKENS, "value": "off"})["Location"]
    device = TotpDevice.objects.get(user=ada)
    for _replayed in range(2):
        TotpDevice.objects.filter(pk=device.pk).update(last_step=-1)
        client.post(page, {"code": code_of(device)})
    take_back(tool, PROJECT_TOKENS, actor=ada)
    TotpDevice.objects.filter(pk=device.pk).update(last_step=-1)
    client.post(page, {"code": code_of(device)})
    assert not GuardChange.objects.exists()
    assert Event.objects.filter(tag="project:guard:ask").count() == 1


def test_a_factor_shown_for_one_guard_turns_off_no_other(client: Client, ada: User, tool: Project) -> None:
    enter(client, ada)
    page = client.post(PAGE, {"guard": PROJECT_TOKENS, "value": "off"})["Location"]
    set_guard(tool, TOKEN_DAYS, "7", actor=ada)
    device = TotpDevice.objects.get(user=ada)
    TotpDevice.objects.filter(pk=device.pk).update(last_step=-1)
    client.post(page, {"code": code_of(device), "guard": TOKEN_DAYS})
    assert [one.name for one in GuardChange.objects.all()] == [PROJECT_TOKENS]


def test_an_owner_with_an_old_factor_asks_and_takes_back(client: Client, ada: User, tool: Project) -> None:
    enter(client, ada)
    assert "The change is planned for" in turn_off(client, ada)
    assert GuardChange.objects.get().by == ada
    client.post(PAGE, {"guard": PROJECT_TOKENS, "keep": "1"})
    assert "You took the change back." in client.get("/projects/tool/settings/").content.decode()
    assert not GuardChange.objects.exists()


@pytest.mark.parametrize("state", ["in quarantine", "on hold", "maintainer"])
def test_who_may_not_change_a_guard_turns_it_neither_off_nor_on(
    client: Client, ada: User, tool: Project, state: str
) -> None:
    enter(client, ada)
    if state == "in quarantine":
        User.objects.filter(pk=ada.pk).update(quarantined_at=database_now())
    else:
        changed: dict[str, Any] = {"held_at": database_now(), "held_for": 1}
        Role.objects.filter(user=ada).update(**(changed if state == "on hold" else {"kind": "maintainer"}))
    turn_off(client, ada)
    client.post(PAGE, {"guard": TOKEN_DAYS, "value": "1"})
    assert not GuardChange.objects.exists()
    assert level(tool, TOKEN_DAYS) == "30"


def test_a_recovered_owner_takes_back_what_others_asked_meanwhile(ada: User, kim: User, tool: Project) -> None:
    ask(tool, PROJECT_TOKENS, "off", kim)
    User.objects.filter(pk=ada.pk).update(quarantined_at=database_now())
    take_back(tool, PROJECT_TOKENS, actor=ada)
    assert not GuardChange.objects.exists()


def test_nobody_from_outside_takes_anything_back(kim: User, tool: Project) -> None:
    ask(tool, PROJECT_TOKENS, "off", kim)
    bo = factories.make_user("bo")
    factories.add_role(tool, bo, kind="maintainer")
    for stranger in (bo, factories.make_user("mo")):
        with pytest.raises(guard_changes.NotGuarding):
            take_back(tool, PROJECT_TOKENS, actor=stranger)


def test_who_would_object_is_not_removed_first(ada: User, kim: User, tool: Project) -> None:
    roles.remove_role(Role.objects.get(user=ada), actor=kim)
    with pytest.raises(guard_changes.OwnerLost):
        ask(tool, PROJECT_TOKENS, "off", kim)
    assert not GuardChange.objects.exists()


@pytest.mark.parametrize("how", ["removed", "maintainer"])
def test_who_would_object_is_not_removed_meanwhile(ada: User, kim: User, tool: Project, how: str) -> None:
    ask(tool, PROJECT_TOKENS, "off", kim)
    role = Role.objects.get(user=ada)
    if how == "removed":
        roles.remove_role(role, actor=kim)
    else:
        roles.change_role(role, how, actor=kim)
    assert a_day_later() == 1
    assert level(tool) == "on"
    assert Event.objects.filter(tag="project:guard:keep").get().data["how"] == "owner lost"
    mail = Mail.objects.filter(kind="guard_changed", user=kim).latest("pk")
    assert "an owner lost their role" in outbox.render(mail).text


def test_who_leaves_and_invitations_that_are_withdrawn_keep_no_guard(ada: User, kim: User, tool: Project) -> None:
    invited = factories.make_user("ivo")
    roles.remove_role(roles.add_role(invited, tool, "owner", actor=kim), actor=kim)
    roles.remove_role(Role.objects.get(user=ada), actor=ada)
    ask(tool, PROJECT_TOKENS, "off", kim)
    a_day_later()
    assert level(tool) == "off"


def test_a_recovered_owner_does_not_stop_a_stricter_guard(ada: User, kim: User, tool: Project) -> None:
    give_key(ada)
    set_guard(tool, SECOND_FACTOR, "key", actor=ada, starts=database_now().date() + timedelta(days=2))
    User.objects.filter(pk=kim.pk).update(quarantined_at=database_now())
    with pytest.raises(guard_changes.GuardsInQuarantine):
        take_back(tool, SECOND_FACTOR, actor=kim)
    take_back(tool, SECOND_FACTOR, actor=ada)


@pytest.mark.parametrize("name", [SECOND_FACTOR, PROJECT_TOKENS])
def test_where_keys_are_asked_no_app_lowers_a_guard(ada: User, tool: Project, name: str) -> None:
    """Whoever phished the code of somebody who has a key, too."""
    guard(tool, second_factor="key")
    give_key(ada)
    app = add_old_app(ada)
    app.refresh_from_db()
    assert "a security key" in decisions.why_not(ada, app, guard_changes.asking(tool, name, "off"))
    guard(tool, second_factor="any")
    assert decisions.why_not(ada, app, guard_changes.asking(tool, name, "off")) == ""
