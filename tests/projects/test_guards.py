"""Guards: what is in force and from where, and the verbs that change it."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import decisions
from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from common.clock import database_now
from recoverydesk.projects import guard_changes, guards, project_status, roles, withdrawals
from recoverydesk.projects.guard_changes import set_guard, take_back
from recoverydesk.projects.guard_levels import LEVELS, NEWER_VERSIONS, PROJECT_TOKENS, SECOND_FACTOR, TOKEN_DAYS
from recoverydesk.projects.models import GuardChange, Project, Role
from tests.helpers import factories
from tests.helpers.authenticator import give_key
from tests.helpers.guards import a_day_later, add_old_app, ask, guard

pytestmark = pytest.mark.django_db
SITE = dict.fromkeys(LEVELS, "off")


@pytest.fixture
def kim(db: None) -> User:
    return factories.make_user("kim")


@pytest.fixture
def tool(ada: User, kim: User) -> Project:
    add_old_app(ada)
    project = factories.make_project("tool", ada)
    factories.add_role(project, kim)
    return project


def told(state: str = "") -> list[str]:
    """To whom a mail about guards went, of this state."""
    mails = Mail.objects.filter(kind="guard_changed").order_by("id")
    return [mail.recipient for mail in mails if state in ("", mail.context["state"])]


def tags() -> list[str]:
    found = Event.objects.filter(tag__startswith="project:guard:").order_by("id")
    return [str(event.tag).rsplit(":", 1)[1] for event in found]


# What is in force -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "critical", "own", "value", "source"),
    [
        ("off", "off", "off", "off", ""),
        ("90", "off", "off", "90", "site"),
        ("90", "30", "off", "30", "critical"),
        ("90", "30", "7", "7", "project"),
        ("30", "90", "180", "30", "site"),
        ("30", "off", "30", "30", "site"),
    ],
)
def test_the_strictest_level_counts(
    settings: Any, tool: Project, site: str, critical: str, own: str, value: str, source: str
) -> None:
    settings.GUARDS, settings.GUARDS_CRITICAL = SITE | {TOKEN_DAYS: site}, SITE | {TOKEN_DAYS: critical}
    tool.critical = True
    standing = guards.standing(guard(tool, token_days=own), TOKEN_DAYS)
    assert (standing.value, standing.source, standing.own) == (value, source, own)


def test_what_critical_projects_are_asked_is_not_asked_of_others(settings: Any, tool: Project) -> None:
    settings.GUARDS_CRITICAL = dict.fromkeys(LEVELS, "off") | {NEWER_VERSIONS: "on"}
    assert guards.in_force(tool) == guards.in_force(None) == []


def test_the_sites_second_factor_begins_on_its_day(settings: Any, tool: Project) -> None:
    settings.GUARDS = SITE | {SECOND_FACTOR: "key"}
    today = timezone.now().date()
    settings.GUARD_SECOND_FACTOR_FROM = today + timedelta(days=1)
    before = guards.standing(guard(tool, second_factor="any"), SECOND_FACTOR)
    assert (before.value, before.site_from) == ("any", today + timedelta(days=1))
    settings.GUARD_SECOND_FACTOR_FROM = today
    after = guards.standing(tool, SECOND_FACTOR)
    assert (after.value, after.source, after.site_from) == ("key", "site", None)


def test_a_level_this_version_does_not_know_is_off(tool: Project) -> None:
    guard(tool, token_days="3", of_tomorrow="on")
    assert guards.in_force(tool) == []


def test_asking_costs_no_query(tool: Project, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert len(guards.standings(tool)) == len(LEVELS) == len(guards.GUARDS)


# Stricter -------------------------------------------------------------------------------------------------------------


def test_a_stricter_level_counts_at_once_and_every_owner_hears(ada: User, kim: User, tool: Project) -> None:
    assert set_guard(tool, PROJECT_TOKENS, "on", actor=ada)
    tool.refresh_from_db()
    assert guards.value(tool, PROJECT_TOKENS) == "on"
    assert told("stricter") == ["ada@example.org", "kim@example.org"]
    assert not set_guard(tool, PROJECT_TOKENS, "on", actor=ada)
    assert tags() == ["change"]


def test_whoever_asks_for_a_factor_has_it(ada: User, tool: Project) -> None:
    with pytest.raises(guard_changes.NotReadyYourself):
        set_guard(tool, SECOND_FACTOR, "key", actor=ada)
    give_key(ada)
    factories.add_role(tool, factories.make_user("bo"), kind="maintainer")
    assert set_guard(tool, SECOND_FACTOR, "key", actor=ada)
    assert "bo@example.org" in told("stricter")  # maintainers are asked, too


def test_a_factor_can_be_asked_from_a_day_on(ada: User, tool: Project) -> None:
    guard(tool, second_factor="any")
    give_key(ada)
    day = database_now().date() + timedelta(days=14)
    assert set_guard(tool, SECOND_FACTOR, "key", actor=ada, starts=day)
    assert not set_guard(tool, SECOND_FACTOR, "key", actor=ada, starts=day)
    tool.refresh_from_db()
    assert guards.value(tool, SECOND_FACTOR) == "any"
    assert guard_changes.sweep() == 0
    assert a_day_later() == 1
    tool.refresh_from_db()
    assert guards.value(tool, SECOND_FACTOR) == "key"
    assert tags() == ["announce", "change"]


@pytest.mark.parametrize(("name", "days"), [(SECOND_FACTOR, 0), (SECOND_FACTOR, 92), (PROJECT_TOKENS, 5)])
def test_only_the_factor_waits_and_for_90_days_at_most(ada: User, tool: Project, name: str, days: int) -> None:
    value = LEVELS[name][1]
    with pytest.raises(guard_changes.UnfitDay):
        set_guard(tool, name, value, actor=ada, starts=database_now().date() + timedelta(days=days))


@pytest.mark.parametrize(("name", "value"), [("", ""), (SECOND_FACTOR, "king"), ("x" * 30, "on"), (TOKEN_DAYS, "3")])
def test_there_is_no_other_guard(ada: User, tool: Project, name: str, value: str) -> None:
    with pytest.raises(guard_changes.GuardError):
        set_guard(tool, name, value, actor=ada)


# Less strict ----------------------------------------------------------------------------------------------------------


def test_a_less_strict_level_waits_a_day(ada: User, tool: Project) -> None:
    guard(tool, token_days="30")
    assert ask(tool, TOKEN_DAYS, "off", ada)
    tool.refresh_from_db()
    assert guards.value(tool, TOKEN_DAYS) == "30"
    assert told("asked") == ["ada@example.org", "kim@example.org"]
    assert guard_changes.sweep() == 0
    assert a_day_later() == 1
    tool.refresh_from_db()
    assert guards.value(tool, TOKEN_DAYS) == "off"
    assert told("less strict") == ["ada@example.org", "kim@example.org"]
    assert tags() == ["ask", "change"]
    assert guard_changes.sweep() == 0


def test_it_needs_a_factor_shown_for_just_that(ada: User, tool: Project) -> None:
    guard(tool, token_days="30")
    with pytest.raises(decisions.ConfirmationNeeded) as needed:
        set_guard(tool, TOKEN_DAYS, "90", actor=ada)
    assert needed.value.decision.factor_days == 30
    assert needed.value.words == ["tool: change the guard “Maximum age of tokens” to “90 days” in 24 hours."]
    assert not GuardChange.objects.exists()


def test_any_owner_takes_it_back(ada: User, kim: User, tool: Project) -> None:
    guard(tool, token_days="30")
    ask(tool, TOKEN_DAYS, "off", ada)
    take_back(tool, TOKEN_DAYS, actor=kim)
    assert told("taken back") == ["ada@example.org", "kim@example.org"]
    assert a_day_later() == 0
    with pytest.raises(guard_changes.NothingPlanned):
        take_back(tool, TOKEN_DAYS, actor=kim)


def test_the_notices_leave_before_the_day_begins(ada: User, tool: Project) -> None:
    guard(tool, token_days="30")
    ask(tool, TOKEN_DAYS, "off", ada)
    GuardChange.objects.update(at=database_now() - timedelta(seconds=1))
    assert guard_changes.sweep() == 0  # the mails still wait
    assert GuardChange.objects.get().at > database_now() + timedelta(hours=23)
    left = database_now() - timedelta(hours=2)
    Mail.objects.update(state="sent", settled_at=left)
    GuardChange.objects.update(at=database_now() - timedelta(seconds=1))
    assert guard_changes.sweep() == 0
    assert GuardChange.objects.get().at == left + timedelta(hours=24)


# Who is ready ---------------------------------------------------------------------------------------------------------


def test_whoever_lacks_the_factor_changes_no_role_and_no_release(ada: User, kim: User, tool: Project) -> None:
    guard(tool, second_factor="key")
    release, role = tool.releases.get(), Role.objects.get(user=kim)
    for refused in (
        lambda: roles.change_role(role, "maintainer", actor=ada),
        lambda: roles.remove_role(role, actor=ada),
        lambda: roles.invite("bo", tool, "owner", actor=ada),
        lambda: withdrawals.yank(release, actor=ada),
        lambda: withdrawals.delete(release, actor=ada),
        lambda: project_status.set_status(tool, "archived", actor=ada),
    ):
        with pytest.raises((roles.NotReady, withdrawals.NotReady), match="Add a security key"):
            refused()
    give_key(ada)
    assert withdrawals.yank(release, actor=ada)
    roles.remove_role(role, actor=kim)  # whoever leaves needs nothing


def test_an_invitation_is_accepted_with_the_factor(ada: User, tool: Project) -> None:
    bo = factories.make_user("bo")
    add_old_app(bo)
    guard(tool, second_factor="key")
    role = factories.add_role(tool, bo, accepted=False, since=database_now())
    with pytest.raises(roles.NotReady):
        roles.accept_role(role, actor=bo)
    give_key(bo)
    assert roles.accept_role(role, actor=bo).accepted_at


def test_a_day_is_read_as_utc(ada: User, tool: Project) -> None:
    add_old_app(ada)
    day: date = database_now().date() + timedelta(days=1)
    set_guard(tool, SECOND_FACTOR, "any", actor=ada, starts=day)
    assert GuardChange.objects.get().at.isoformat() == f"{day}T00:00:00+00:00"
